from hypothesis import given
from hypothesis import strategies as st

from validate.infilling import KINDS, Span, spans

TEXT = "# title\nimport a\n\n\ndef f(x):\n    # why\n    y = x + 1\n    return y\n\nprint(f(2))\n"
ids = st.binary(min_size=16, max_size=16)


@given(document=ids)
def test_a_span_with_its_neighbours_is_the_document(document):
    found = spans(TEXT, document, context=1000)
    kinds = [span.kind for span in found]
    assert kinds in (list(KINDS), list(KINDS[:2]))  # a random span of white space alone asks for nothing
    assert all(span.middle.strip() for span in found)
    assert all(span.prefix + span.middle + span.suffix == TEXT for span in found)


@given(document=ids)
def test_a_masked_line_is_a_whole_body_line(document):
    middle = spans(TEXT, document, 1000)[0].middle
    assert middle in TEXT.splitlines() and middle.strip() and not middle.strip().startswith("#")


@given(document=ids, context=st.integers(0, 20))
def test_context_is_cut_nearest_the_span(document, context):
    for span in spans(TEXT, document, context):
        assert max(len(span.prefix), len(span.suffix)) <= context
        assert span.prefix + span.middle + span.suffix in TEXT


def test_the_same_document_gives_the_same_spans_and_a_stub_none():
    assert spans(TEXT, b"a" * 16, 9) == spans(TEXT, b"a" * 16, 9)
    assert spans("x = 1\n# y\n", b"a" * 16, 9) == []


def test_a_single_line_is_compared_by_the_first_line_and_other_spans_whole():
    assert Span("single-line", "", "    return y", "").matches("return y\nmore")
    assert not Span("multi-line", "", "    return y", "").matches("return y\nmore")
    assert Span("random-span", "", "urn y", "").matches("urn y\n")
