"""The index file: what it holds, that it is found again after mapping, and how large it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.gram_index import MAGIC, Builder, Grams, find, gram_hashes, load
from filters.word_hashes import folding, words

RULES = Grams(gram=4, min_gram=2, min_lettered=0.0, trivial=())


def made(*texts, rules=RULES):
    builder = Builder(rules)
    used = builder.add([text.encode() for text in texts], list(range(len(texts))))
    names = [("Set", f"item {i}") for i in range(len(texts))]
    return b"".join(bytes(chunk) for chunk in builder.finish(names, {"Set": {"strings": len(texts)}})), used


def index_of(*texts, rules=RULES):
    return load(np.frombuffer(made(*texts, rules=rules)[0], np.uint8))


def grams_of(text):
    have = words(text)
    size = min(4, len(have))
    return [" ".join(have[i : i + size]) for i in range(len(have) - size + 1)] if size >= 2 else []


def item_of(index, gram):
    """The item under which a gram is known, or None."""
    size = len(words(gram))
    data = np.frombuffer(gram.encode(), np.uint8)
    [value] = gram_hashes(gram.encode(), size).tolist()
    place = find(index.table, index.stream, data, 0, len(data), np.uint64(value), size, folding())
    return None if place < 0 else index.name(int(index.items[index.string_at(place)]))[1]


TEXTS = st.lists(st.sampled_from(["a", "Bc", "Ⱥ", "中", "文字", "𝐀1", "9", "é"]), max_size=9).map(" ".join)


@settings(deadline=None)  # the first example compiles
@given(st.lists(TEXTS, min_size=1, max_size=5), TEXTS)
def test_every_gram_is_found_under_its_first_string_and_no_other(texts, other):
    index = index_of(*texts)
    first = {}
    for number, text in enumerate(texts):
        for gram in grams_of(text):
            first.setdefault(gram, f"item {number}")
    for gram in [*first, *grams_of(other)]:
        assert item_of(index, gram) == first.get(gram)


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8")))
def test_folding_a_folded_text_changes_nothing(text):
    """The words in the file are folded once; a scan folds them again when it compares."""
    assert words(" ".join(words(text))) == words(text)


def test_strings_with_too_few_words_are_not_used():
    assert made("one", "one two", "", "- / _")[1] == [False, True, False, False]


def test_grams_without_letters_and_grams_inside_a_trivial_text_are_left_out():
    rules = Grams(gram=4, min_gram=2, min_lettered=0.5, trivial=("for i in range(n): pass",))
    index = index_of("1 2 3 4 a", "for i in range", "i in range m", "1 2 b c", rules=rules)
    assert item_of(index, "1 2 3 4") is None
    assert item_of(index, "for i in range") is None
    assert item_of(index, "i in range m") == "item 2"
    assert item_of(index, "1 2 b c") == "item 3"


def test_a_gram_takes_less_than_twenty_four_bytes():
    """Words of six letters: eight bytes at a load of 0.7, the filter, the words."""
    text = " ".join(f"w{i:05d}" for i in range(50_000))
    raw, _ = made(text)
    assert len(raw) / 50_000 < 24


def test_the_file_is_mapped_not_copied(tmp_path):
    path = tmp_path / "index"
    path.write_bytes(made("one two three")[0])
    mapped = np.memmap(path, np.uint8, "r")
    index = load(mapped)
    assert all(np.shares_memory(mapped, array) for array in (index.table, index.full, index.stream, index.names))
    assert item_of(index, "one two three") == "item 0"
    assert index.checked == {"Set": {"strings": 1}}


def test_a_file_that_is_no_index_is_refused():
    with pytest.raises(ValueError, match="run decontaminate again"):
        load(np.frombuffer(MAGIC[:-1] + b"\x00" + bytes(100), np.uint8))
