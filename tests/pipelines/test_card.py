"""What a card says, against counts made by hand, and against the manifests and rows of a whole build."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpus.shards import Store
from filters.edits import edited
from pipelines import card
from pipelines.build import plan
from pipelines.manifest import survey
from pipelines.prune import needed, unneeded
from pipelines.recipes import load, small
from pipelines.stage import Job
from tests.pipelines.corpora import OneAfterTheOther
from tests.pipelines.test_export import CFG, configured, inputs, work
from tests.tokenization.exporters.test_card import tables
from tokenization.exporters import FORMATS, litdata, mds
from tokenization.packing import NO_ID


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Facts and tallies of the corpus of `test_export`."""
    store = Store(str(tmp_path_factory.mktemp("card")))
    given = inputs(store)
    rows = [shard for shard in given["rows"] if shard.rows]
    facts, tallies = card.facts_of(work(store, OneAfterTheOther()), configured().about, rows, given)
    return facts, card._merged([json.loads(store.read_bytes(shard)) for shard in tallies])


def test_documents_are_counted_once_and_tokens_as_they_are_repeated(told):
    """Not what the mixture leaves out, nor what a takedown has emptied."""
    _, found = told
    assert found["documents"] == {
        "domain": {"code": [2, 10, 17]},
        "kind": {"file": [2, 10, 17]},
        "source": {"git": [2, 10, 17]},
        "language": {"Python": [1, 3, 3], "Text": [1, 7, 14]},
        "natural": {"": [1, 3, 3], "en": [1, 7, 14]},
        "license": {"": [1, 7, 14], "MIT": [1, 3, 3]},
    }


def test_every_id_of_the_rows_is_of_a_domain_or_filling(told):
    _, found = told
    assert found["rows"] == {
        "rows": 3,
        "tokens": 24,
        "filling": 3,
        "domain.code": 21,
        "layout.code.plain": 5,  # each segment of these rows begins a document
    }


def test_a_reason_is_told_at_the_stage_that_gave_it():
    """`dedup` counts what `filter` refused as well."""
    counts = {
        "filter": {"seen": 9, "kept": 6, "refused.b": 1, "refused.a": 2, "refused.c": 0},
        "dedup": {"seen": 9, "kept": 5, "refused.b": 1, "refused.a": 2, "refused.copy": 1},
        "scrub": {"rows": 9},
    }
    assert card.refusals(counts) == {"filter": [("a", 2), ("b", 1)], "dedup": [("copy", 1)], "scrub": []}
    whole = {name: {} for name in ("crawl", "pool_dedup", "recall")} | counts
    assert [(row["stage"], row["in"], row["out"]) for row in card.funnel(whole)] == [("filter", 9, 6), ("dedup", 6, 5)]


def test_special_tokens_are_counted_where_they_bear_loss(tmp_path):
    store = Store(str(tmp_path))
    rows = [shard for shard in inputs(store)["rows"] if shard.rows]
    end = store.table(rows[0])["input_ids"][1].as_py().count(100_001)
    [one] = card.tally_rows(store, CFG.tokenizer, Job(([rows[0]],)), {})
    assert end == 3 and "special.end" not in json.loads(one)["rows"]  # all three are filling


def test_a_stage_tells_its_own_reasons_only(told):
    facts, _ = told
    assert facts["stages"] == [
        {"stage": "crawl", "in": 6, "out": 4, "reasons": [["binary", 2]]},
        {"stage": "filter", "in": 4, "out": 3, "reasons": [["n_chars", 1]]},
        {"stage": "dedup", "in": 3, "out": 2, "reasons": [["held_out", 1]]},
    ]


def test_the_recipes_hash_is_of_what_makes_the_rows():
    def identity(recipe):
        [stage] = [stage for stage in plan(recipe) if stage.name == "export"]
        return stage.config.about.identity

    recipe = load("small", None).recipe
    first = identity(recipe)
    assert first == identity(small()) == identity(replace(recipe, probe=replace(recipe.probe, size="lite")))
    assert first != identity(replace(recipe, pack=replace(recipe.pack, seed=9)))
    assert first != identity(load("small", 0.5).recipe)


# A whole build.


@pytest.fixture(scope="module")
def built(base):
    store = Store(str(base))
    return store, survey(store, plan(load("small", None).recipe), accept_code=False)


def folder(store, name):
    [path] = store.list(f"exports/{name}")
    return Path(store.url(path))


def number(text):
    return int(text.replace(",", ""))


def test_the_cards_numbers_are_those_of_the_manifests(built):
    store, found = built
    made = tables((folder(store, "huggingface") / "README.md").read_text())
    counts = {name: here.result.counts for name, here in found.items()}
    for name, _, out, reasons in made["stage"]:
        assert number(out) == counts[name]["kept"]
        for reason in filter(None, reasons.split(", ")):
            why, n = reason.rsplit(" ", 1)
            assert number(n) == counts[name][f"refused.{why}"]
    for _, into, out, reasons in made["stage"]:
        assert number(into) == number(out) + sum(
            number(one.rsplit(" ", 1)[1]) for one in filter(None, reasons.split(", "))
        )
    assert {name for name, *_ in made["stage"]} == {"crawl", "pool_dedup", "recall", "filter", "dedup"}
    for domain, _, _, packed, _ in made["domain"][:-1]:
        assert number(packed) == counts["mix"][f"got.{domain}"]
    assert {number(made[way][-1][3]) for way in ("domain", "kind", "source", "language", "licence")} == {
        sum(n for name, n in counts["mix"].items() if name.startswith("got."))
    }
    assert number(made["domain"][-1][1]) == counts["mix"]["in_mix"]  # one document a sample here
    rows = {name: number(n) for name, n, _ in made["ids"]}
    assert sum(rows.values()) == counts["pack"]["tokens"]
    assert rows["filling (end tokens, masked)"] == counts["pack"]["padding"]
    assert sum(number(n) for *_, n in made["role"]) == counts["pack"]["special"]


def test_nothing_that_an_export_stands_on_is_pruned(built):
    store, found = built
    assert [path for path, _ in unneeded(store, needed(store, found)) if path.startswith("objects/export/")] == []


def rows_by(name, store, rows):
    """Ids of every row as the format's own reader gives them, or as the project's plain one where that is missing."""
    where, length = folder(store, name), rows["input_ids"].type.list_size
    if name == "huggingface":
        from datasets import load_from_disk

        return np.array(load_from_disk(str(where))["input_ids"])
    if name == "datatrove":
        from datatrove.utils.dataset import DatatroveFolderDataset

        found = DatatroveFolderDataset(str(where), seq_len=length - 1, filename_pattern="*.ds", token_size=4)
        return np.stack([found[at]["input_ids"].numpy() for at in range(len(found))])
    if name == "mds":
        return np.stack(
            [one["input_ids"] for path in sorted(where.glob("*.mds")) for one in mds.read(path, length, 100_005)]
        )
    return np.concatenate([litdata.read(path, length, 100_005) for path in sorted(where.glob("*.bin"))])


def parts(ids, rows):
    """(document, layout, ids) of each document that stands whole in one row."""
    for row, segments in zip(ids, rows["segments"].to_pylist(), strict=True):
        for at, segment in enumerate(segments):
            last = at == len(segments) - 1
            if segment["document"] != NO_ID and segment["document_start"] == 0 and not last:
                end = segment["start"] + segment["length"]
                yield segment["document"], segment["layout"], row[segment["start"] : end].tolist()


@pytest.fixture(scope="module")
def texts(built):
    """Per document, its path comment and its edited text: what the rows must give back."""
    store, found = built

    def table(stage, output, columns):
        shards = found[stage].result.outputs[output]
        return pa.concat_tables([store.table(shard, columns) for shard in shards])

    crawled, recalled = table("crawl", "documents", ["id", "text"]), table("recall", "documents", ["id", "text"])
    documents = pa.concat_tables([crawled, recalled])
    edits = table("filter", "verdicts", ["edits"])["edits"]
    made = edited(documents["text"].combine_chunks(), edits.combine_chunks())
    samples = table("assemble", "samples", ["documents"])["documents"].combine_chunks().flatten()
    comments = dict(zip(samples.field("document").to_pylist(), samples.field("comment").to_pylist(), strict=True))
    return {
        name: (comments.get(name, ""), text)
        for name, text in zip(documents["id"].to_pylist(), made.to_pylist(), strict=True)
    }


@pytest.fixture(scope="module")
def packed(built):
    store, found = built
    return pa.concat_tables([store.table(shard) for shard in found["pack"].result.outputs["rows"]])


BEGIN, END = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
HOLE, FIM_BEGIN, FIM_END = "<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>"


def content(text):
    """A decoded document without special tokens, its sections in the order of the text."""
    text = text.removeprefix(BEGIN).removesuffix(END)
    if text.startswith(FIM_BEGIN):
        prefix, _, rest = text.removeprefix(FIM_BEGIN).partition(HOLE)
        suffix, _, middle = rest.partition(FIM_END)
        text = prefix + middle + suffix
    return text


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "megatron"])
def test_ids_of_a_folder_decoded_with_its_tokenizer_are_the_documents(built, packed, texts, name):
    from transformers import AutoTokenizer

    store, _ = built
    auto = AutoTokenizer.from_pretrained(str(folder(store, name)))
    ids = rows_by(name, store, packed)
    seen = {0: 0, 1: 0}
    for document, layout, part in parts(ids, packed):
        seen[layout] += 1
        text = auto.decode(part)
        comment, whole = texts[document]
        assert content(text).replace(comment, "", 1) == whole
        assert auto(text)["input_ids"] == part
    assert seen[0] > 500 and seen[1] > 20


def test_sequences_of_megatron_decoded_with_its_tokenizer_are_the_documents(built, texts):
    """Every sequence, whole: a sample of one document here, plain or cut."""
    import warnings

    from transformers import AutoTokenizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that its optional GPU libraries are not there
        from megatron.core.datasets.indexed_dataset import IndexedDataset
    store, found = built
    auto = AutoTokenizer.from_pretrained(str(folder(store, "megatron")))
    samples = IndexedDataset(str(folder(store, "megatron") / "00000_rows"))
    known = {text for comment, whole in texts.values() for text in (whole, comment + whole)}
    behind = [(comment, whole) for comment, whole in texts.values() if comment]
    cut = 0
    for at in range(len(samples)):
        text = auto.decode(samples[at])
        cut += FIM_BEGIN in text
        assert auto(text)["input_ids"] == samples[at].tolist()
        plain = content(text)
        assert plain in known or any(plain.replace(comment, "", 1) == whole for comment, whole in behind)
    assert len(samples) == found["pack"].result.counts["samples"]
    assert cut == found["pack"].result.counts["layout.psm"]
