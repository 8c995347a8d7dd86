import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.schema import MIX, SAMPLES
from tokenization.fim import PLAIN, FimConfig
from tokenization.packing import (
    DOMAINS,
    NO_ID,
    PADDING,
    PackConfig,
    emit_group,
    order_samples,
    row_schema,
)
from tokenization.rows import cut_rows, fixed_pieces, segment_spans
from tokenization.tokenizer import TokenizerConfig, load

TOKENIZER = load(TokenizerConfig())
CFG = PackConfig(length=7, fim=FimConfig(rate=0.0))


def name(text):
    return text.encode().ljust(16, b"_")


def group(samples):
    """Samples as {name: (domain, repeats, [(document, text, comment)])}, in the tables of one group with one shard."""
    texts = [text for _, _, documents in samples.values() for _, text, _ in documents]
    rows, at = [], 0
    for sample, (domain, _, documents) in samples.items():
        members = []
        for document, _, comment in documents:
            members.append({"document": name(document), "shard": 0, "row": at, "comment": comment})
            at += 1
        rows.append({"sample": name(sample), "domain": domain, "documents": members})
    mix = [{"repeats": repeats, "domain": domain, "n_tokens": 0} for domain, repeats, _ in samples.values()]
    tokens = TOKENIZER.encode_column(pa.array(texts, pa.large_string()))
    return pa.Table.from_pylist(rows, SAMPLES), pa.Table.from_pylist(mix, MIX), [tokens]


def pack(cfg, groups, buckets=1):
    counts: dict[str, int] = {}
    emitted = [list(emit_group(cfg, *parts, buckets, counts)) for parts in groups]
    rows = []
    for bucket in range(buckets):
        for batch in cut_rows(cfg, TOKENIZER.end, [batches[bucket] for batches in emitted], counts):
            assert batch.schema.equals(row_schema(cfg), check_metadata=True)
            rows += batch.to_pylist()
    return rows, counts


SAMPLES_OF_TWO = {
    "one": ("code", 2, [("d1", "a b c\n", "# one\n"), ("d2", "x = 1\n", "")]),
    "two": ("math", 1, [("d3", "e f", "")]),
    "out": ("code", 0, [("d4", "never", "")]),
}


def plain_spans(sizes, length):
    """One segment per stretch of equal (document, row)."""
    marks = [(document, inside) for document, size in enumerate(sizes) for inside in range(size)]
    spans, previous = [], None
    for at, (document, inside) in enumerate(marks):
        if (document, at // length) == previous:
            spans[-1][3] += 1
        else:
            spans.append([document, at // length, at % length, 1, inside])
        previous = (document, at // length)
    return spans


@given(sizes=st.lists(st.integers(0, 12), min_size=1, max_size=8), length=st.integers(1, 6))
def test_segments_agree_with_a_walk_over_every_token(sizes, length):
    spans = segment_spans(np.array(sizes, np.int64), fixed_pieces(sum(sizes), length))
    assert np.stack(spans, axis=1).tolist() == plain_spans(sizes, length)


def test_every_token_of_every_row_belongs_to_one_segment():
    rows, counts = pack(CFG, [group(SAMPLES_OF_TWO)])
    assert counts["rows"] == len(rows) > 2
    for row in rows:
        assert len(row["input_ids"]) == 7
        covered = [at for s in row["segments"] for at in range(s["start"], s["start"] + s["length"])]
        assert covered == list(range(7))


def test_rows_are_what_the_samples_emit_in_the_order_of_their_draws():
    rows, counts = pack(CFG, [group(SAMPLES_OF_TWO)])
    begin, end = TOKENIZER.begin, TOKENIZER.end
    one = [begin, *TOKENIZER.encode("# one\na b c\nx = 1\n").tolist(), end]
    two = [begin, *TOKENIZER.encode("e f").tolist(), end]
    order = [(d.sample, d.repeat) for d in order_samples(0, [name("one"), name("two"), name("out")], [2, 1, 0], 1)]
    assert sorted(order) == [(name("one"), 0), (name("one"), 1), (name("two"), 0)]
    stream = [token for sample, _ in order for token in (one if sample == name("one") else two)]
    assert [t for row in rows for t in row["input_ids"]] == stream + [end] * counts["padding"]
    assert counts["padding"] == -len(stream) % 7


def test_samples_stand_in_the_order_of_their_keys_not_of_their_ids():
    samples = {f"s{i}": ("code", 1, [(f"d{i}", "x", "")]) for i in range(8)}
    rows, _ = pack(CFG, [group(samples)])
    found = [s["sample"] for row in rows for s in row["segments"] if s["sample"] != NO_ID]
    drawn = [draft.sample for draft in order_samples(0, [name(sample) for sample in samples], [1] * 8, 1)]
    assert list(dict.fromkeys(found)) == drawn != sorted(drawn)


def test_padding_is_a_segment_of_no_document():
    rows, counts = pack(CFG, [group(SAMPLES_OF_TWO)])
    last = rows[-1]["segments"][-1]
    assert counts["padding"] == last["length"] > 0
    assert (last["sample"], last["document"], last["domain"]) == (NO_ID, NO_ID, PADDING)


def test_a_stream_that_fills_its_rows_has_no_padding():
    one = {"one": ("natural", 1, [("d1", "a b c d e f g h", "")])}
    tokens = len(TOKENIZER.encode("a b c d e f g h")) + 2
    rows, counts = pack(PackConfig(length=tokens, fim=FimConfig(rate=0.0)), [group(one)])
    assert (len(rows), counts["padding"]) == (1, 0)
    assert [s["domain"] for s in rows[0]["segments"]] == [DOMAINS.index("natural")]


def test_counts_name_what_every_token_is():
    _, counts = pack(PackConfig(length=7, fim=FimConfig(rate=1.0, min_chars=1)), [group(SAMPLES_OF_TWO)])
    made = sum(
        counts[n] for n in ("plain.code", "plain.math", "reencoded.code", "reencoded.math", "special", "comment")
    )
    assert made + counts["padding"] == counts["tokens"]
    text_tokens = len(TOKENIZER.encode("a b c\nx = 1\n"))
    assert counts["plain.code"] + counts["replaced.code"] == 2 * text_tokens
    assert (counts["samples"], counts["documents"], counts["layout.psm"]) == (3, 5, 4)


def test_an_empty_document_and_one_of_a_thousand_rows_are_packed():
    long = "word " * 7000
    samples = {"s": ("natural", 1, [("empty", "", ""), ("long", long, ""), ("none", "", "")])}
    rows, _ = pack(CFG, [group(samples)])
    names = [s["document"] for row in rows for s in row["segments"] if s["document"] != NO_ID]
    assert set(names) == {name("empty"), name("long"), name("none")}  # begin and end tokens belong to the empty ones
    assert len(rows) >= 1000


def test_another_split_into_groups_gives_the_same_rows():
    items = list(SAMPLES_OF_TWO.items())
    whole, _ = pack(CFG, [group(SAMPLES_OF_TWO)], buckets=3)
    apart, _ = pack(CFG, [group(dict(items[1:])), group(dict(items[:1]))], buckets=3)
    assert apart == whole


def test_a_bucket_without_samples_has_no_rows():
    rows, counts = pack(CFG, [group({"out": ("code", 0, [("d", "text", "")])})], buckets=2)
    assert (rows, counts["rows"]) == ([], 0)


def test_the_order_never_changes_and_keys_tell_the_bucket():
    drafts = order_samples(0, [name("a"), name("b")], [2, 1], 4)
    assert [(d.bucket, d.sample[:1], d.repeat) for d in drafts] == [(1, b"a", 1), (1, b"a", 0), (3, b"b", 0)]
    assert all(d.bucket == int(d.key * 4) for d in drafts)


def test_the_schema_names_the_codes():
    facts = {key.decode(): json.loads(value) for key, value in row_schema(CFG).metadata.items()}
    assert facts["layouts"][PLAIN] == "plain"
    assert facts["domains"] == ["code", "math", "natural", "padding"]


@pytest.mark.parametrize("wrong", [{"length": 0}, {"bucket_bytes": 0}, {"fim": FimConfig(domains=("prose",))}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PackConfig(**wrong)


@settings(deadline=None)
@given(tokens=st.integers(0, 10**6))
def test_buckets_follow_the_planned_tokens(tokens):
    n = PackConfig(bucket_bytes=1000).buckets(tokens)
    assert n >= 1
    assert (n - 1) * 1000 < max(1, 4 * tokens) <= max(1000, n * 1000)


def test_a_document_of_special_token_strings_alone_is_packed_as_text():
    text = "<｜end▁of▁sentence｜><｜fim▁hole｜><｜begin▁of▁sentence｜>"
    rows, counts = pack(CFG, [group({"s": ("code", 1, [("d", text, "")])})])
    ids = [t for row in rows for t in row["input_ids"]][: counts["plain.code"] + 2]
    assert (ids[0], ids[-1]) == (TOKENIZER.begin, TOKENIZER.end)
    assert max(ids[1:-1]) < 100_000
    assert TOKENIZER.text(ids[1:-1]) == text
