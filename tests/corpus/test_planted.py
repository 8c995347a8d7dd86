import re

from corpus.planted import planted_texts


def shingles(text):
    words = re.findall(r"\w+", text)
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def test_families_are_near_duplicates_inside_and_share_nothing_outside():
    texts, families = planted_texts(2)
    assert families == [0, 0, 0, 1, 1, 1]
    first, same, near, other, *_ = (shingles(text) for text in texts.to_pylist())
    assert first == same and not first & other
    assert 0.99 < len(first & near) / len(first | near) < 1


def test_the_same_texts_every_time():
    assert planted_texts(3)[0].slice(0, 6) == planted_texts(2)[0]
