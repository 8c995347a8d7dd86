"""Group `quality`: pieces against a plain reading, the score against a plain sum, ranks, and models that are none."""

import re
from collections import Counter
from hashlib import sha256
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.group import measured
from filters.quality import BUCKETS, MOST, WORDS, QualityModel, bags, pieces, quality_group, quantiles
from pipelines.identity import canonical

TEXT = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(["if", "x1", "é_", "0x1F", "((", "=", "\n", "\n\t", "    ", "\n\n", "Abc", "__", "9"])
    ).map("".join),
)
SHAPES, NUMBERS, SIGNS, ENDS = WORDS + 1056, WORDS + 1056 + 256, WORDS, WORDS + 1024


def plain(text: str, known: set[int] | None) -> list[int]:
    """The pieces, by a pattern over bytes."""
    found = []
    for match in re.finditer(rb"(\n[\x00-\x20]*)|[\x00-\x20]|([A-Za-z0-9_\x80-\xff]+)|((.)\4*)", text.encode(), re.S):
        end, word, run, sign = match.groups()
        if end:
            last = end.rsplit(b"\n", 1)[1]
            width = sum(4 if byte == 9 else 1 for byte in last)
            found.append(ENDS + (31 if end.count(b"\n") > 1 else min(width // 2, 30)))
        elif word:
            size = next(i for i in range(8) if i == 7 or len(word) <= 1 << i)
            value = 0xCBF29CE484222325
            for byte in word:
                value = (value ^ byte) * 0x100000001B3 % 2**64
            bucket = (value ^ value >> 32) % WORDS
            shape = sum(
                flag
                for flag, pattern in ((1, rb"[a-z]"), (2, rb"[A-Z]"), (4, rb"[0-9]"), (8, rb"_"), (16, rb"[\x80-\xff]"))
                if re.search(pattern, word)
            )
            if word[:1].isdigit():
                found.append(NUMBERS + size)
            else:
                found.append(bucket if known is None or bucket in known else SHAPES + 8 * shape + size)
        elif run:
            found.append(SIGNS + 4 * sign[0] + min(len(run), 4) - 1)
    return found


def column(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


@given(texts=st.lists(TEXT, min_size=1), skip=st.integers(0, 3), knows=st.booleans())
def test_pieces_agree_with_their_plain_definition(texts, skip, knows):
    texts_ = column(texts).slice(min(skip, len(texts) - 1))
    known = np.arange(WORDS) % 2 == 0
    expected = [plain(text, set(np.flatnonzero(known).tolist()) if knows else None) for text in texts_.to_pylist()]
    assert pieces(texts_, known if knows else None).to_pylist() == expected


def model(seed: int = 0, ranks: dict[str, np.ndarray] | None = None) -> QualityModel:
    weights = np.random.default_rng(seed).normal(size=BUCKETS).astype(np.float32)
    return QualityModel(
        weights, 0.25, np.ones(WORDS, np.bool_), ranks or {"": quantiles(np.arange(101, dtype=np.float32))}
    )


def plain_vector(text: str) -> dict[int, float]:
    ids = plain(text, None)
    keys = [i + 1 for i in ids] + [(a + 1) << 20 | b + 1 for a, b in pairwise(ids)]
    counts = Counter(key * 0x9E3779B97F4A7C15 % 2**64 >> 48 for key in keys)
    values = {bucket: np.log(1 + count) for bucket, count in counts.items()}
    length = np.sqrt(sum(value**2 for value in values.values()))
    return {bucket: value / length for bucket, value in values.items()}


@given(texts=st.lists(TEXT, min_size=1))
def test_a_score_is_the_product_of_unit_vector_and_weights(texts):
    one = model()
    expected = [0.25 + sum(value * one.weights[b] for b, value in plain_vector(text).items()) for text in texts]
    assert one.logits(column(texts)) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@given(texts=st.lists(TEXT, min_size=1))
def test_training_sees_the_vectors_that_scores_are_made_of(texts):
    ends, columns, values = bags(column(texts), np.ones(WORDS, np.bool_))
    for row, text in enumerate(texts):
        here = slice(ends[row], ends[row + 1])
        found = dict(zip(columns[here].tolist(), values[here].tolist(), strict=True))
        assert found == pytest.approx(plain_vector(text), rel=1e-5)


def test_the_same_text_scores_the_same_among_others_and_alone():
    texts = [f"def f{i}(x):\n    return x + {i}\n" * (i % 7 + 1) for i in range(600)]
    one = model()
    alone = [one.logits(column([text]))[0] for text in texts[::97]]
    assert one.logits(column(texts))[::97].tolist() == alone


def test_only_the_beginning_of_a_long_file_is_read():
    [row] = pieces(column(["a " * MOST])).to_pylist()
    assert len(row) == MOST // 2


def test_a_model_survives_its_file():
    one = model(ranks={"": quantiles(np.arange(9, dtype=np.float32)), "Go": quantiles(np.ones(3, np.float32))})
    again = QualityModel.decode(one.encode())
    assert again.bias == one.bias and list(again.ranks) == ["", "Go"]
    for mine, theirs in ((again.weights, one.weights), (again.known, one.known), (again.ranks["Go"], one.ranks["Go"])):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("raw", [b"", b"x\n", b"[1]\n", b'{"bias": 1}\n', model().encode()[:-1000]])
def test_a_file_that_is_no_whole_model_is_refused(raw, tmp_path):
    path = tmp_path / "m"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="quality model"):
        quality_group(str(path))


def test_a_rank_is_the_share_of_its_language_below():
    ranks = {"": np.linspace(0, 100, 101, dtype=np.float32), "Go": np.linspace(0, 1, 101, dtype=np.float32)}
    found = np.array([-1, 50, 500, 0.5, 50], np.float32)
    shares = model(ranks=ranks).rank(found, ["C", "C", "C", "Go", "Go"])
    assert shares.tolist() == pytest.approx([0, 0.5, 1, 0.5, 1])


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "quality.model"
    path.write_bytes(model().encode())
    return str(path)


def test_files_and_notebooks_of_listed_languages_are_scored(path):
    documents = pa.record_batch(
        {"kind": ["file", "notebook", "page", "file"], "text": column(["a = 1", "", "a = 1", "a = 1"])}
    )
    rows = measured(quality_group(path), documents, pa.record_batch({"language": ["Go", "Go", "Go", None]})).to_pylist()
    assert [row["has_quality"] for row in rows] == [True, True, False, False]
    assert [row["quality"] is None for row in rows] == [False, False, True, True]
    assert 0 < rows[0]["quality"] < 1 and 0 <= rows[0]["quality_rank"] <= 1


def test_the_identity_is_the_models_content_and_not_its_place(path, tmp_path):
    other = tmp_path / "elsewhere"
    other.write_bytes(model().encode())
    assert canonical(quality_group(path)) == canonical(quality_group(str(other)))
    other.write_bytes(model(1).encode())
    assert canonical(quality_group(path)) != canonical(quality_group(str(other)))


def test_a_worker_refuses_a_model_that_was_changed(path):
    group = quality_group(path)
    with open(path, "wb") as file:
        file.write(model(2).encode())
    batch = pa.record_batch({"kind": ["file"], "text": column(["x"])})
    with pytest.raises(ValueError, match=sha256(model(2).encode()).hexdigest()):
        group.kernel(batch, pa.record_batch({"language": ["Go"]}))


def test_a_model_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no quality model at .*/none: make one.*train_quality"):
        quality_group(str(tmp_path / "none"))
