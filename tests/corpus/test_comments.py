import inspect
import io
import re
import tokenize

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import comments, minhash
from corpus.comments import JAVASCRIPT, PLAIN, PYTHON, SYNTAX, WHITE, C, bare_texts, syntaxes


def bare(text, syntax):
    out, ends = bare_texts(pa.array([text], pa.large_string()), np.array([syntax], np.int8))
    return out[ends[0] : ends[1]].tobytes().decode()


# The definition again, by regular expressions: what begins at a byte, and whether that is a comment or a literal.
QUOTED = r"(?:\\.|[^\\\n{q}])*{q}"
OF_C = [
    ("comment", r"//[^\n]*"),
    ("comment", r"/\*(?:(?!\*/|/\*).)*\*/"),
    ("stop", r"/\*"),
    ("stop", r'(?<=[Rr@$#])"|"""'),
    ("literal", r'"(?:\\[^(]|(?!\$\{)[^\\\n"])*"'),
    ("literal", r"`[^`]*`"),
    ("stop", r'["`]'),
]
CHARACTER = [
    ("literal", r"'[^\\]'"),
    ("literal", r"'(?=[^\\\x80-\xff])"),
    ("literal", r"'[^']..*?'"),  # an escape: its length is checked below
    ("stop", r"'"),
]
RULES = {
    C: [*OF_C, *CHARACTER, ("literal", "/")],
    JAVASCRIPT: [
        *(rule for rule in OF_C if "`" not in rule[1]),
        ("literal", r"'(?:\\[^(]|(?!\$\{)[^\\\n'])*'"),
        ("literal", r"`[^`\\$]*`"),
        ("stop", r"[/'\"`]"),
    ],
    PYTHON: [
        ("comment", r"#[^\n]*"),
        ("literal", r'"""(?:\\.|(?!""")[^\\])*"""'),
        ("literal", r"'''(?:\\.|(?!''')[^\\])*'''"),
        ("stop", r"'''|\"\"\""),
        ("literal", '"' + QUOTED.format(q='"')),
        ("literal", "'" + QUOTED.format(q="'")),
        ("stop", r"[\"']"),
    ],
    PLAIN: [],
}
TABLE = str.maketrans("", "", WHITE.decode())


def plain(text, syntax):
    text, out, i = text.encode().decode("latin-1"), "", 0  # a byte a character
    while i < len(text):
        for kind, pattern in RULES[syntax]:
            found = re.compile(pattern, re.DOTALL).match(text, i)
            if found is None or (pattern == r"'[^']..*?'" and len(found[0]) > 12):
                continue
            if kind == "stop":
                return out + text[i:]
            out += found[0] if kind == "literal" else ""
            i = found.end()
            break
        else:
            out, i = out + text[i], i + 1
    return out


def expected(text, syntax):
    left = plain(text, syntax).translate(TABLE) or plain(text, PLAIN).translate(TABLE)
    return left.encode("latin-1").decode()


PIECES = [*"/*\"'`#\\\n $({@Rr}x1é\t", "//", "/*", "*/", '"""', "'''", "${", "\\(", "'a'", "'\\n'", "code"]


@pytest.mark.parametrize("syntax", [PLAIN, C, JAVASCRIPT, PYTHON])
def test_a_text_without_comments_agrees_with_its_plain_definition(syntax):
    @given(pieces=st.lists(st.sampled_from(PIECES), max_size=30))
    def agree(pieces):
        assert bare("".join(pieces), syntax) == expected("".join(pieces), syntax)

    agree()


def test_comments_of_python_are_those_of_its_own_tokenizer():
    for module in (comments, minhash, inspect, tokenize, re):
        text = inspect.getsource(module)
        lines = text.splitlines(keepends=True)
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column] + "\n"
        assert bare(text, PYTHON) == "".join(lines).translate(TABLE)


@pytest.mark.parametrize(
    ("text", "other", "syntax"),
    [
        ("// 2020 A\nint x;", "/* 2021 B */ int  x; // here", C),
        ("fn f<'a>(x: &'a str) {} // it's", "fn f<'a>(x: &'a str) {}", C),
        ("c = '\"'; // \"", "c = '\"';", C),
        ("s := `a // b` // c", "s := `a // b`", C),
        ("import a; // it's\nf('http://x')", "import a;\nf('http://x')", JAVASCRIPT),
        ("x = 1  # one\n", "#!/bin/python\nx = 1", PYTHON),
    ],
)
def test_copies_that_differ_in_comments_are_equal(text, other, syntax):
    assert bare(text, syntax) == bare(other, syntax)


@pytest.mark.parametrize(
    ("text", "other", "syntax"),
    [
        ('get("http://a");', 'get("http://b");', C),
        ('R"(\n// a\n)"', 'R"(\n// b\n)"', C),
        ('"${f("//a")}"', '"${f("//b")}"', C),
        ("s := `\n// a\n`", "s := `\n// b\n`", C),
        ("x = /[/*]/; //*/ a", "x = /[/*]/; //*/ b", JAVASCRIPT),
        ("`${`//a`}`", "`${`//b`}`", JAVASCRIPT),
        ("'''\n# a\n'''", "'''\n# b\n'''", PYTHON),
        ("'it\\'s # a'", "'it\\'s # b'", PYTHON),
    ],
)
def test_texts_that_differ_in_a_literal_stay_different(text, other, syntax):
    assert bare(text, syntax) != bare(other, syntax)


def test_a_text_that_is_nothing_but_comments_keeps_them():
    assert bare("# a\n # b", PYTHON) == "#a#b"


def test_of_a_slice_only_its_texts_are_read():
    column = pa.array(["# before", "x # y", None, "// z\nz"], pa.large_string()).slice(1)
    out, ends = bare_texts(column, np.array([PYTHON, PYTHON, C], np.int8))
    assert out[: ends[-1]].tobytes() == b"xz" and ends.tolist() == [0, 1, 1, 2]


def test_the_last_suffix_of_a_path_tells_its_syntax():
    paths = ["a/b.py", "A.H", "c.tar.js", "Makefile", "java", ".py", "x.c/README", None, "a.rb"]
    assert syntaxes(pa.array(paths)).tolist() == [PYTHON, C, JAVASCRIPT, PLAIN, PLAIN, PYTHON, PLAIN, PLAIN, PLAIN]
    assert set(SYNTAX.values()) == {C, JAVASCRIPT, PYTHON}
