import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenization.lines import count_characters, cut_line
from tokenization.tokenizer import TokenizerConfig, load

TOKENIZER = load(TokenizerConfig())
texts = st.text("ab\n\r 中😀1", max_size=60)


def line_of(text, cut):
    """(start, stop) in characters of the line that the cut runs through; empty at a line's edge."""
    start = max((i + 1 for i in range(cut) if text[i] in "\n\r"), default=0)
    stop = next((i for i in range(cut, len(text)) if text[i] in "\n\r"), len(text))
    return (start, start) if cut == start else (stop, stop) if cut == stop else (start, stop)


@settings(deadline=None)
@given(text=texts)
def test_characters_are_those_of_the_text(text):
    assert count_characters(TOKENIZER.encode(text), TOKENIZER.characters) == len(text)


@settings(deadline=None)
@given(text=texts, cuts=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_lines_of_both_cuts_are_those_of_the_text(text, cuts):
    ids, start, before = TOKENIZER.encode(text), 0, 0
    ends = np.concatenate([[0], np.cumsum(TOKENIZER.characters[ids])])
    for cut in sorted(int(cut * len(text)) for cut in cuts):
        line = cut_line(ids, TOKENIZER.characters, TOKENIZER.is_newline, cut, start, before)
        assert (ends[line.start], ends[line.stop]) == line_of(text, cut)
        assert line.before == ends[line.start]
        start, before = line.start, line.before
