"""Texts with known near-duplicates, made from nothing but a seed: what a deduplication must find, and what it must
leave.

In: how many. Out: texts, and the family of each; texts of one family are near-duplicates, texts of two share no
shingle. How duplicates are found is not known here.
"""

from hashlib import blake2b

import pyarrow as pa

COPIES = 3  # texts of a family
_WORDS = 2_000  # of a text; one word changed in these leaves a Jaccard similarity of 0.995 in word 5-grams


def planted_texts(n_families: int) -> tuple[pa.LargeStringArray, list[int]]:
    """Per family a text, its copy with other white space, and one with a word changed in the middle."""
    texts: list[str] = []
    families: list[int] = []
    for family in range(n_families):
        words = _words(family)
        changed = [*words[: _WORDS // 2], "another", *words[_WORDS // 2 + 1 :]]
        texts += [" ".join(words), "\n\t".join(words), " ".join(changed)]
        families += [family] * COPIES
    return pa.array(texts, pa.large_string()), families


def _words(family: int) -> list[str]:
    digests = (blake2b(f"planted/{family}/{i}".encode(), digest_size=32).hexdigest() for i in range(_WORDS // 8))
    return [digest[i : i + 8] for digest in digests for i in range(0, 64, 8)]
