"""The packed tables say what the data says."""

import numpy as np

from filters.path_comments import SYNTAX
from filters.syntax import MARK_BYTES, PLACES, comment_marks, keywords, name_hash, syntaxes


def test_every_keyword_is_found_by_its_hash() -> None:
    known = syntaxes()
    for language, row in known.rows.items():
        for name, flag in keywords(language).items():
            place = int(np.flatnonzero(known.keys[row] == name_hash(name))[0])
            assert known.flags[row, place] == flag
        assert np.count_nonzero(known.keys[row]) == len(keywords(language)) < PLACES * 3 // 4


def test_every_mark_fits_and_no_language_is_left_out() -> None:
    assert set(syntaxes().rows) == set(SYNTAX)
    for language in SYNTAX:
        lines, pairs = comment_marks(language)
        assert lines or pairs, language
        assert all(0 < len(mark.encode()) < MARK_BYTES for mark in (*lines, *(m for pair in pairs for m in pair)))
