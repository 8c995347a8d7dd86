from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenization.fim import PLAIN, PSM, SPM, Cut, FimConfig, Place, arrange, commented, draw_cut, emit, split
from tokenization.tokenizer import TokenizerConfig, load

TOKENIZER = load(TokenizerConfig())
BEGIN, END = TOKENIZER.begin, TOKENIZER.end
HOLE, FIM_BEGIN, FIM_END = TOKENIZER.fim_hole, TOKENIZER.fim_begin, TOKENIZER.fim_end
ALWAYS = FimConfig(rate=1.0)
MIDDLE = Place("", False, False)

texts = st.one_of(st.text("ab 1\n\r(é中😀\u3000_ "), st.text())


def sections_of(emitted, layout):
    """Undo a layout, for documents without a path comment."""
    hole, end = emitted.index(HOLE), emitted.index(FIM_END)
    if layout == PSM:
        return emitted[1:hole], emitted[end + 1 : -1], emitted[hole + 1 : end]
    return None, emitted[end + 1 : -1], emitted[hole + 1 : end]


def ids_of(parts):
    """The ids of parts, their texts encoded one by one."""
    return [t for part in parts for t in (TOKENIZER.encode(part) if isinstance(part, str) else part).tolist()]


@settings(deadline=None)
@given(text=texts, cuts=st.tuples(st.floats(0, 1), st.floats(0, 1)), whole=st.booleans())
def test_sections_are_those_of_the_texts_encoded_apart(text, cuts, whole):
    """Also where the whole text is encoded again, as for a vocabulary whose lines depend on each other."""
    first, second = sorted(int(cut * len(text)) for cut in cuts)
    TOKENIZER.line_additive = not whole
    try:
        made = split(TOKENIZER, TOKENIZER.encode(text), first, second)
    finally:
        TOKENIZER.line_additive = True
    expected = [TOKENIZER.encode(part).tolist() for part in (text[:first], text[first:second], text[second:])]
    assert [ids_of(parts) for parts in made[:3]] == expected


@settings(deadline=None)
@given(text=texts, document=st.binary(min_size=16, max_size=16), layout=st.sampled_from(["psm", "spm", "joint"]))
def test_fim_can_always_be_undone(text, document, layout):
    cut = draw_cut(FimConfig(rate=1.0, layout=layout, min_chars=0), document, "code", len(text), (0, 0))
    emitted = emit(TOKENIZER, TOKENIZER.encode(text), cut, MIDDLE).ids.tolist()
    prefix, middle, suffix = sections_of(emitted, cut.layout)
    if prefix is None:  # SPM has no mark between prefix and middle
        assert TOKENIZER.text(middle) + TOKENIZER.text(suffix) == text
    else:
        assert TOKENIZER.text(prefix) + TOKENIZER.text(middle) + TOKENIZER.text(suffix) == text


def test_what_a_document_emits_in_each_layout():
    ids = TOKENIZER.encode("ab\ncd\nef")
    a, b, c = (TOKENIZER.encode(text).tolist() for text in ("ab\n", "cd\n", "ef"))
    comment = TOKENIZER.encode("# x\n").tolist()
    place = Place("# x\n", True, True)
    plain, psm, spm = (emit(TOKENIZER, ids, cut, place) for cut in (Cut(PLAIN, -1, -1), Cut(PSM, 3, 6), Cut(SPM, 3, 6)))
    assert plain.ids.tolist() == [BEGIN, *comment, *a, *b, *c, END]
    assert psm.ids.tolist() == [BEGIN, FIM_BEGIN, *comment, *a, HOLE, *c, FIM_END, *b, END]
    assert spm.ids.tolist() == [BEGIN, FIM_BEGIN, HOLE, *c, FIM_END, *comment, *a, *b, END]
    assert psm.ids.dtype == np.int32


@pytest.mark.parametrize(
    ("cut", "last", "ends"), [(PLAIN, False, 0), (PLAIN, True, 1), (PSM, False, 1), (PSM, True, 1)]
)
def test_a_sample_ends_with_one_end_token_and_a_cut_document_always_does(cut, last, ends):
    emitted = emit(TOKENIZER, TOKENIZER.encode("abcdef"), Cut(cut, 1, 2), Place("", False, last))
    assert emitted.ids.tolist().count(END) == ends


@pytest.mark.parametrize("text", ["#!/bin/sh\n\n\na=1\n", "#!/bin/sh\r\n# größe\n", "#!/usr/bin/env 日本\n"])
@pytest.mark.parametrize("layout", [PSM, SPM])
def test_the_comment_stands_behind_what_must_come_first_wherever_the_text_is_cut(text, layout):
    first = text.index("\n") + 1
    ids, place = TOKENIZER.encode(text), Place("# a/b.sh\n", False, False)
    told = text[:first] + place.comment + text[first:]
    assert TOKENIZER.text(emit(TOKENIZER, ids, Cut(PLAIN, -1, -1), place).ids) == told
    for cut in range(len(text) + 1):
        emitted = emit(TOKENIZER, ids, Cut(layout, cut, len(text)), place)
        assert emitted.plain + emitted.reencoded + emitted.special + emitted.comment == len(emitted.ids)
        sections = [part for part in sections_of(emitted.ids.tolist(), layout) if part is not None]
        written = "".join(TOKENIZER.text(part) for part in sections)
        assert written == (told if cut >= first else text)


def test_a_vocabulary_that_joins_lines_leaves_the_comment_out_where_it_would_split_an_id():
    joined = SimpleNamespace(characters=np.array([9, 2, 3]))  # "#!/bin/sh", "\n\n", "a=1"
    ids = np.array([0, 1, 2])
    assert commented(joined, [ids], 10, "# x\n") == [ids]
    assert [len(part) for part in commented(joined, [ids], 11, "# x\n")] == [2, 4, 1]
    assert commented(joined, ["#!/bin/sh\n", ids], 10, "# x\n")[:3] == ["#!/bin/sh\n", "# x\n", ""]


def test_cuts_at_line_edges_encode_nothing_again():
    emitted = emit(TOKENIZER, TOKENIZER.encode("ab\ncd\nef"), Cut(PSM, 3, 5), MIDDLE)
    assert (emitted.replaced, emitted.reencoded) == (0, 0)


@settings(deadline=None)
@given(text=texts, document=st.binary(min_size=16, max_size=16), comment=st.sampled_from(["", "# a/b.py\n"]))
def test_what_is_emitted_is_counted_once(text, document, comment):
    ids = TOKENIZER.encode(text)
    cut = draw_cut(ALWAYS, document, "code", len(text), (0, 0))
    e = emit(TOKENIZER, ids, cut, Place(comment, True, False))
    assert e.plain + e.reencoded + e.special + e.comment == len(e.ids)
    assert e.plain + e.replaced == len(ids)


def test_only_the_named_domains_and_long_enough_texts_are_cut():
    drawn = {
        (domain, n): draw_cut(ALWAYS, b"d" * 16, domain, n, (0, 0)).layout
        for domain in ("code", "math")
        for n in (9, 10)
    }
    assert drawn == {("code", 9): PLAIN, ("code", 10): PSM, ("math", 9): PLAIN, ("math", 10): PLAIN}


def test_draws_never_change_and_differ_by_epoch_and_seed():
    drawn = [draw_cut(ALWAYS, b"document-0123456", "code", 1000, epoch) for epoch in ((0, 0), (0, 1), (1, 0))]
    assert drawn == [(1, 600, 884), (1, 684, 939), (1, 233, 906)]


def test_half_of_the_documents_are_cut_and_half_of_those_each_way():
    cfg = FimConfig(layout="joint")
    layouts = [draw_cut(cfg, i.to_bytes(16, "big"), "code", 1000, (0, 0)).layout for i in range(4000)]
    shares = [layouts.count(code) / 4000 for code in (PLAIN, PSM, SPM)]
    assert shares == pytest.approx([0.5, 0.25, 0.25], abs=0.03)


@settings(deadline=None)
@given(n=st.integers(0, 5), document=st.binary(min_size=16, max_size=16))
def test_cuts_lie_within_the_text(n, document):
    cut = draw_cut(FimConfig(rate=1.0, min_chars=0), document, "code", n, (0, 0))
    assert 0 <= cut.first <= cut.second <= n


@pytest.mark.parametrize("wrong", [{"rate": 1.1}, {"layout": "msp"}, {"min_chars": -1}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=f"FIM {next(iter(wrong))}"):
        FimConfig(**wrong)


def test_an_unknown_layout_code_is_a_programmers_error():
    with pytest.raises(AssertionError, match="code 7"):
        arrange(TOKENIZER, 7, split(TOKENIZER, TOKENIZER.encode("a"), 0, 1))
