from dataclasses import replace

import pyarrow as pa
import pytest

from corpus.schema import MIX, SAMPLES, SURVIVORS, TOKENS, VERDICTS
from corpus.shards import Record, Store
from filters.edits import apply_edits
from pipelines import pack
from pipelines.progress import RunProgress
from pipelines.stage import Work
from tokenization.fim import Cut, FimConfig, Place, Sections, arrange, surround
from tokenization.heads import head
from tokenization.packing import NO_ID, PackConfig
from tokenization.tokenizer import TokenizerConfig, load

TOKENIZER = load(TokenizerConfig())
CFG = PackConfig(length=32, bucket_bytes=400, group_bytes=1, fim=FimConfig(rate=0.7, layout="joint", min_chars=1))
TEXT = "def f(x):\n    # größe 日本\n    return '{}' + x\r\n\nsecret@mail\n"
FIRST = "#!/usr/bin/python3\n# coding: utf-8\n"
EDIT = (len(TEXT.encode()) - 12, len(TEXT.encode()) - 1, "email")
# Two shards, so two groups of one shard each: samples of two files and of one, repeats 0 to 3.
SHARDS = [
    [
        [(f"# {i}.py\n", (FIRST if i % 4 == 1 else "") + TEXT * (i + 1)), ("", f"x = {i}\n")]
        if i % 2
        else [("", f"{i} " * 5 * i)]
        for i in span
    ]
    for span in (range(6), range(6, 11))
]
REPEATS = [[1, 2, 0, 1, 3, 1], [1, 1, 2, 0, 1]]
DOMAINS = ["code", "code", "math", "natural", "code", "code"]


class World:
    """The inputs of pack in a store, and the texts behind them."""

    def __init__(self, root, held_out=False, dropped=False, shards=SHARDS, repeats=REPEATS):
        self.store = Store(str(root))
        self.edited, self.comments, self.members = {}, {}, {}
        parts = [self._shard(i, *both, held_out, dropped) for i, both in enumerate(zip(shards, repeats, strict=True))]
        self.samples, self.mix, self.tokens, self.verdicts, self.survivors = (
            [part[i] for part in parts] for i in range(5)
        )

    def _shard(self, at, samples, repeats, held_out, dropped):
        rows, ids, edits, mix = [], [], [], []
        for i, (files, times) in enumerate(zip(samples, repeats, strict=True)):
            sample, members = f"sample-{at}-{i}".encode().ljust(16), []
            for place, (comment, text) in enumerate(files):
                document = f"{at}-{i}-{place}".encode().ljust(16)
                spans = [EDIT] if text == TEXT else []
                self.edited[document] = apply_edits(text.encode(), spans).decode()
                members.append({"document": document, "shard": 0, "row": len(ids), "comment": comment})
                ids.append(TOKENIZER.encode(self.edited[document]).tolist())
                self.comments[sample, document] = comment
                edits.append(spans)
            self.members[sample] = [member["document"] for member in members]
            planned = sum(len(ids[m["row"]]) for m in members)
            rows.append({"sample": sample, "domain": DOMAINS[i], "documents": members})
            mix.append({"repeats": times, "domain": DOMAINS[i], "n_tokens": planned})
        tokens = [{"n_tokens": len(row), "ids": row} for row in ids]
        marks = [{"kept": True, "held_out": held_out and i == 2, "edits": []} for i in range(len(ids))]
        lives = [{"survives": not (dropped and i == 2)} for i in range(len(ids))]
        lives = [{"reason": None, "kept_id": bytes(16), **row} for row in lives]
        stems = ((rows, SAMPLES), (mix, MIX), (tokens, TOKENS), (marks, VERDICTS), (lives, SURVIVORS))
        return [
            self.store.write_shard(f"in/{n}-{at}", schema, [pa.RecordBatch.from_pylist(made, schema)], Record("b", {}))
            for n, (made, schema) in enumerate(stems)
        ]

    def run(self, cluster, cfg=CFG):
        progress = RunProgress(self.store, "logs/run.jsonl")
        progress.manifest = "manifests/test/x"
        work = Work(self.store, cluster, "pack", progress)
        inputs = (self.samples, self.mix, self.tokens, self.tokens, self.verdicts, self.survivors)
        return pack.run(work, cfg, *inputs)

    def emitted(self, segment):
        """What the segment's document emits, from its text alone."""
        members = self.members[segment["sample"]]
        text, cut = self.edited[segment["document"]], Cut(segment["layout"], segment["cut_1"], segment["cut_2"])
        at, comment = head(text, self.comments[segment["sample"], segment["document"]])
        place = Place("", segment["document"] == members[0], segment["document"] == members[-1])
        body = [TOKENIZER.encode(text[:at]), TOKENIZER.encode(comment), TOKENIZER.encode(text[at:])]
        if cut.layout:
            middle, suffix = TOKENIZER.encode(text[cut.first : cut.second]), TOKENIZER.encode(text[cut.second :])
            told = (text[:at], comment, text[at : cut.first]) if at <= cut.first else (text[: cut.first],)
            sections = Sections([TOKENIZER.encode(part) for part in told], [middle], [suffix], 0)
            body = arrange(TOKENIZER, cut.layout, sections)
        return [token for part in surround(TOKENIZER, cut.layout, place, body) for token in part.tolist()]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def packed(world, cluster):
    return world.run(cluster)


def rows_of(world, result):
    return [row for shard in result.outputs["rows"] for row in world.store.table(shard).to_pylist()]


def test_every_row_is_rebuilt_from_documents_edits_samples_and_segments(world, packed):
    rows = rows_of(world, packed)
    assert packed.counts["buckets"] > 2
    assert len(rows) == packed.counts["rows"] > 10
    layouts = set()
    for row in rows:
        rebuilt = []
        for segment in row["segments"]:
            start, length = segment["document_start"], segment["length"]
            if segment["document"] == NO_ID:
                rebuilt += [TOKENIZER.end] * length
            else:
                rebuilt += world.emitted(segment)[start : start + length]
            layouts.add(segment["layout"])
        assert rebuilt == row["input_ids"]
    assert layouts == {0, 1, 2}


def test_every_repeat_is_packed_once_and_whole(world, packed):
    sizes = {}
    for row in rows_of(world, packed):
        for s in row["segments"]:
            if s["document"] != NO_ID:
                key = (s["sample"], s["document"], s["repeat"])
                sizes[key] = sizes.get(key, 0) + s["length"]
                whole = len(world.emitted(s))
                assert s["document_start"] + s["length"] <= whole
    times = {}
    for sample, _, repeat in sizes:
        times.setdefault(sample, set()).add(repeat)
    wanted = {
        f"sample-{at}-{i}".encode().ljust(16): set(range(n))
        for at, r in enumerate(REPEATS)
        for i, n in enumerate(r)
        if n
    }
    assert times == wanted


def test_the_index_finds_every_document(world, packed):
    found = set()
    for shard in packed.outputs["index"]:
        table = world.store.table(shard)
        assert table["document"].to_pylist() == sorted(table["document"].to_pylist())
        found |= {tuple(row.values()) for row in table.to_pylist()}
    expected = set()
    for number, shard in enumerate(packed.outputs["rows"]):
        for at, row in enumerate(world.store.table(shard).to_pylist()):
            expected |= {(s["document"], s["sample"], number, at) for s in row["segments"] if s["document"] != NO_ID}
    assert found == expected


def test_counts_add_up_to_the_tokens_of_the_rows(packed):
    counts = packed.counts
    kinds = [
        n for name, n in counts.items() if name.split(".")[0] in ("plain", "reencoded", "special", "comment", "padding")
    ]
    assert sum(kinds) == counts["tokens"] == 32 * counts["rows"]


def test_more_buckets_or_another_order_do_not_change_what_is_packed(world, cluster, packed):
    other = world.run(cluster, PackConfig(length=32, bucket_bytes=1 << 20, group_bytes=1, fim=CFG.fim))
    assert other.counts["buckets"] == 1
    assert {n: c for n, c in other.counts.items() if n.startswith(("plain", "layout"))} == {
        n: c for n, c in packed.counts.items() if n.startswith(("plain", "layout"))
    }


def test_a_held_out_document_in_a_packed_sample_stops_the_stage(tmp_path, cluster):
    with pytest.raises(Exception, match="held-out document"):
        World(tmp_path, held_out=True).run(cluster)


def test_a_document_that_dedup_dropped_in_a_packed_sample_stops_the_stage(tmp_path, cluster):
    with pytest.raises(Exception, match="document that dedup dropped"):
        World(tmp_path, dropped=True).run(cluster)


def test_many_groups_are_merged_before_they_are_cut_and_give_the_same_rows(tmp_path, cluster):
    shards, repeats = [[files] for part in SHARDS for files in part], [[n] for part in REPEATS for n in part]
    many = World(tmp_path, shards=shards, repeats=repeats)
    alone = many.run(cluster)
    merged = many.run(cluster, replace(CFG, merge_groups=2))
    assert alone.counts["most_reads"] == len(shards) == 11
    assert merged.counts["most_reads"] == 6
    assert rows_of(many, merged) == rows_of(many, alone)


def test_best_fit_keeps_samples_whole_and_loses_no_token(world, cluster, packed):
    fitted = world.run(cluster, replace(CFG, method="best_fit", bucket_bytes=1 << 20))
    assert fitted.counts["cut_short_samples"] == 0
    assert fitted.counts["buckets"] == 1
    assert fitted.counts["emitted"] == packed.counts["emitted"]
    for row in rows_of(world, fitted):
        rebuilt = []
        for s in row["segments"]:
            whole = [TOKENIZER.end] * s["length"] if s["document"] == NO_ID else world.emitted(s)
            rebuilt += whole[s["document_start"] : s["document_start"] + s["length"]]
        assert rebuilt == row["input_ids"]


def test_tokens_that_miss_the_plan_stop_the_stage():
    pack.check_plan({"code": 5, "math": 2}, {"plain.code": 3, "replaced.code": 2, "plain.math": 2})
    with pytest.raises(AssertionError, match="math: 2 plain tokens were packed, the plan has 3"):
        pack.check_plan({"code": 5, "math": 3}, {"plain.code": 3, "replaced.code": 2, "plain.math": 2})


def test_groups_other_than_those_of_assemble_are_refused(world, cluster):
    with pytest.raises(ValueError, match="same group_bytes"):
        world.run(cluster, PackConfig(length=32, group_bytes=1 << 40))
