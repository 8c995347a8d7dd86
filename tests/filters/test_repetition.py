"""N-gram measures: prose against datatrove's own functions, source against a plain reading of RedPajama's."""

import re
from collections import Counter

import pyarrow as pa
from datatrove.pipeline.filters.gopher_repetition_filter import find_all_duplicate, find_top_duplicate, get_n_grams
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.group import measured
from filters.repetition import REPEATED, REPETITION, TOP, repetition

WORDS = st.lists(st.sampled_from(["a", "bb", "Ä", "ä", "c_1", "if", "x.y", "-"]), max_size=40)
TEXT = st.one_of(
    WORDS.map(" ".join), st.builds(lambda words, n: " ".join(words * n), WORDS, st.integers(1, 5)), st.text()
)


def documents(texts: list[str], kind: str = "prose") -> pa.RecordBatch:
    return pa.record_batch({"kind": [kind] * len(texts), "text": pa.array(texts, pa.large_string())})


def plain_prose(text: str) -> dict[str, float]:
    words, chars = text.split(), max(len(text), 1)
    row = basics(words)
    for n in TOP:
        grams = get_n_grams(words, n)
        row[f"top_{n}_gram"] = (find_top_duplicate(grams) if grams else 0) / chars
    for n in REPEATED:
        row[f"repeated_{n}_grams"] = find_all_duplicate(words, n) / chars
    return row


def plain_source(text: str) -> dict[str, float]:
    words = re.findall(r"(?:[^\W_]|_)+", "".join(c if len(c.lower()) != 1 else c.lower() for c in text))
    words = [word for word in words if word]
    chars = max(sum(map(len, words)), 1)
    row = basics(words)
    for n in TOP:
        grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
        top, times = grams.most_common(1)[0] if grams else ((), 0)
        row[f"top_{n}_gram"] = sum(map(len, top)) * times / chars if times > 1 else 0
    for n in REPEATED:
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        times = Counter(grams)
        covered = {j for i, gram in enumerate(grams) if times[gram] > 1 for j in range(i, i + n)}
        row[f"repeated_{n}_grams"] = sum(len(words[j]) for j in covered) / chars
    return row


def basics(words: list[str]) -> dict[str, float]:
    count = max(len(words), 1)
    return {
        "n_plain_words": len(words),
        "mean_plain_word_chars": sum(map(len, words)) / count,
        "distinct_words": len(set(words)) / count,
    }


@settings(deadline=None, max_examples=200)  # the first example compiles
@given(texts=st.lists(TEXT, min_size=1, max_size=4), skip=st.integers(0, 3))
def test_prose_is_measured_as_datatrove_measures_it(texts: list[str], skip: int) -> None:
    batch = documents(texts).slice(min(skip, len(texts) - 1))
    assert measured(REPETITION, batch, batch).to_pylist() == [plain_prose(text) for text in batch["text"].to_pylist()]


@settings(deadline=None, max_examples=200)
@given(TEXT.filter(lambda text: re.fullmatch(r"[\w\s.\-]*", text)))
def test_source_is_measured_as_redpajama_measures_it(text: str) -> None:
    batch = documents([text], "file")
    plain = plain_source(text)
    if all(c.isalnum() or not c.isprintable() or c in "_ .-" for c in text):  # \w has marks that are no letters
        assert repetition(batch, batch).to_pylist() == [plain]


def test_a_copied_paragraph_is_seen_at_every_length() -> None:
    paragraph = "one two three four five six seven eight nine ten eleven twelve "
    row = repetition(documents([paragraph * 2], "file"), documents([paragraph])).to_pylist()[0]
    assert [row[f"repeated_{n}_grams"] for n in REPEATED] == [1.0] * 6
    row = repetition(documents([paragraph * 2]), documents([paragraph])).to_pylist()[0]
    assert row["repeated_10_grams"] == len("onetwothreefourfivesixseveneightnineten") / (2 * len(paragraph))


def test_one_word_a_million_times_is_measured() -> None:
    row = repetition(documents(["a " * 1_500_000]), documents([""])).to_pylist()[0]
    assert row["n_plain_words"] == 1 << 20  # the rest is not looked at
    assert row["distinct_words"] == 1 / (1 << 20)
