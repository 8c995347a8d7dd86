"""Screening: trees of known files in every language, and what is refused."""

import ast

import pytest

pytest.importorskip("tree_sitter", reason="the extra `screen` is not installed")

import pyarrow as pa

from filters.group import measured
from filters.screening import DEEPEST, GRAMMARS, MOST, SCREENING, python_parses, too_deep, tree, tree_measures

GOOD = {
    "Python": "def f():\n    '''d'''\n    return 1\n",
    "JavaScript": "// c\nfunction f() { return 1; }\n",
    "JSX": "const f = /* c */ () => <p>a</p>;\n",
    "TypeScript": "// c\nfunction f(a: number): number { return a; }\n",
    "Java": "class A { /* c */ int f() { return 1; } }\n",
    "C": "/* c */ int f(void) { return 1; }\n",
    "C++": "template <class T> /* c */ T f() { /* c */ return T(); }\n",
    "Go": "package a\n\n// c\nfunc f() int { return 1 }\n",
    "Rust": "// c\nfn f() -> i32 { 1 }\n",
    "Ruby": "# c\ndef f\n  1\nend\n",
    "PHP": "<?php\n// c\nfunction f() { return 1; }\n",
    "Shell": "# c\nf() { echo 1; }\n",
    "Lua": "-- c\nfunction f() return 1 end\n",
    "Haskell": "module A where\n-- c\nf x = x\n",
    "Julia": "# c\nfunction f(x)\n  x\nend\n",
    "HTML": "<!-- c --><p>a</p>\n",
    "CSS": "/* c */ a { color: red }\n",
    "JSON": '{"a": [1]}\n',
}
BROKEN = {
    "PHP": "<?php f(((] =",
    "HTML": "<p></b",
    "JSON": "{",
    "CSS": "a { b",
    "Haskell": "f = (",
    "Lua": "function (",
    "Shell": "if (",
}


@pytest.mark.parametrize("language", list(GRAMMARS))
def test_a_sound_file_has_no_error_and_its_commented_function_is_found(language: str) -> None:
    row = tree_measures(GOOD[language].encode(), language)
    assert (row["error_nodes"], row["error_bytes"]) == (0, 0)
    assert row["n_tree_functions"] == row["commented_functions"] == (0 if not GRAMMARS[language].functions else 1)


@pytest.mark.parametrize("language", list(GRAMMARS))
def test_a_broken_file_has_an_error(language: str) -> None:
    assert tree_measures(BROKEN.get(language, "f(((] = }{ class").encode(), language)["error_nodes"] > 0


def test_functions_are_measured_with_what_they_hold() -> None:
    text = "import a\n\n\ndef f():\n    def g():\n        pass\n    return g\n\n\n# about h\ndef h():\n    return 1\n"
    row = tree_measures(text.encode(), "Python")
    assert (row["n_tree_functions"], row["longest_function"], row["commented_functions"]) == (3, 4, 1 / 3)
    inside = len("def f():\n    def g():\n        pass\n    return g") + len("def h():\n    return 1")
    assert row["function_share"] == inside / len(text)


@pytest.mark.parametrize(
    ("text", "parses"),
    [
        ("x = 1", True),
        ("print 1", False),
        ("x = '\\d'", True),
        ("\0", False),
        ("(" * 1000, False),
        ("-" * 200_000 + "1", False),
        ("a" + ".a" * 100_000, None),
        ("[" * 100_000 + "]" * 100_000, False),
    ],
    ids=["good", "Python 2", "a warning", "NUL", "brackets", "minuses", "dots", "nested"],
)
def test_python_is_parsed_or_refused_and_never_crashes(text: str, parses: bool | None) -> None:
    assert parses in (None, python_parses(text)) and isinstance(python_parses(text), bool)


def test_only_known_languages_up_to_the_limit_are_parsed() -> None:
    texts = ["x = (", "x = 1\n", "a", "x" * (MOST + 1), "(" * 501, "def f(:"]
    names = ["Python", "Python", "Brainfuck", "Python", "Python", "Go"]
    documents = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    rows = measured(SCREENING, documents, pa.record_batch({"language": names})).to_pylist()
    assert [row["screened"] for row in rows] == [True, True, False, False, False, True]
    assert [row["parses"] for row in rows] == [0, 1, None, None, None, 0]
    assert rows[2]["error_nodes"] is None


@pytest.mark.parametrize(
    ("text", "deep"),
    [
        (b"(" * DEEPEST, False),
        (b"(" * (DEEPEST + 1), True),
        (b"()" * 1000, False),
        (b"a < b;" * 1000, False),
        (b"a<" * 501, True),
        (b"/*" * 501, True),
        (b"/* */" * 501, False),
        (b"}" * 501 + b"{" * 500, False),
    ],
)
def test_what_is_nested_too_deeply_is_not_parsed(text: bytes, deep: bool) -> None:
    assert too_deep(text) is deep


HOSTILE = [
    "<a ", "/*", "%", "|", "->", "=>", "&&", "::", "'", '"', "\\", "<p>", "</p>", "<script>", "<style>", "case x in ",
    "if x then ", "x=", "a.", "a,", "do ", "where ", "{-", "#=", "--[[", "<!--", "<<A\n", "\n ", "é", "if ", "[1,",
]  # fmt: skip


@pytest.mark.parametrize("language", list(GRAMMARS))
def test_repeated_pieces_are_parsed_or_given_up(language: str) -> None:
    """Minutes for some of them, if nothing stopped the parser."""
    for piece in HOSTILE:
        text = (piece * 8_192)[:8_192].encode()
        assert too_deep(text) or tree_measures(text, language) is None or tree(text[:100], language) is not None


def test_a_parser_that_was_stopped_reads_the_next_file() -> None:
    text = b"=>" * 20_000
    assert tree_measures(text, "CSS") is None
    assert tree_measures(GOOD["CSS"].encode(), "CSS")["error_nodes"] == 0


def test_the_library_of_python_takes_fewer_steps_than_it_may() -> None:
    with open(ast.__file__, "rb") as file:
        text = file.read()
    assert tree_measures(text * 2, "Python") is not None


@pytest.mark.parametrize("language", list(GRAMMARS))
def test_nesting_up_to_the_limit_is_parsed(language: str) -> None:
    assert 0 <= tree_measures(b"([{" * (DEEPEST // 3), language)["error_bytes"] <= 1


def test_the_python_of_this_repository_parses() -> None:
    with open(ast.__file__, encoding="utf-8") as file:
        text = file.read()
    assert tree_measures(text.encode(), "Python")["error_nodes"] == 0
