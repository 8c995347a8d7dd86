"""Source measures: known files by hand, and the kernel against a tokenizer made of one regular expression."""

import re
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.group import measured
from filters.source import SOURCE
from filters.syntax import (
    FIRST_IMPORT,
    FIRST_PASS,
    MANY_LINES,
    PRINT,
    RAW,
    comment_marks,
    has_triple,
    keywords,
    quote_marks,
)


def measure(text: str, language: str | None = "Python") -> dict[str, float]:
    documents = pa.record_batch({"text": pa.array([text], pa.large_string())})
    languages = pa.record_batch({"language": pa.array([language], pa.string())})
    row: dict[str, float] = measured(SOURCE, documents, languages).to_pylist()[0]
    return row


def master(language: str) -> re.Pattern[str]:
    """One alternative a kind of token, in the order in which they are tried."""
    lines, pairs = comment_marks(language)
    parts = [f"(?P<block{i}>{re.escape(a)}(?s:.*?)(?:{re.escape(b)}|\\Z))" for i, (a, b) in enumerate(pairs)]
    parts += [f"(?P<line{i}>{re.escape(mark)}[^\\n]*)" for i, mark in enumerate(lines)]
    for i, (quote, how) in enumerate(quote_marks(language).items()):
        escape = "" if how & RAW else r"|\\[^\n]"
        if has_triple(language):
            parts.append(f"(?P<triple{i}>{quote * 3}(?s:(?:\\\\[^\\n]|(?!{quote * 3}).)*)(?:{quote * 3}|\\Z))")
        body = (
            f"(?s:(?:[^{quote}\\\\]{escape}|\\\\)*?)" if how & MANY_LINES else f"(?:[^{quote}\\\\\\n]{escape}|\\\\)*?"
        )
        ends = f"(?={quote}|\\Z)" if how & MANY_LINES else f"(?={quote}|\\n|\\Z)"
        parts.append(
            f"(?P<string{i}>(?<![0-9]){quote}{body}{ends}{quote}?)"
            if quote == "'"
            else f"(?P<string{i}>{quote}{body}{ends}{quote}?)"
        )
    parts += [r"(?P<newline>\n)", r"(?P<space>[ \t\r\f\v]+)", r"(?P<name>[\w$\u0080-\U0010ffff]+)", "(?P<sign>(?s:.))"]
    return re.compile("|".join(parts))


def plain(text: str, language: str) -> dict[str, float]:
    """Counts of lines and characters; docstrings only where three quotes begin a line."""
    total: Counter[str] = Counter()
    line: Counter[str] = Counter()
    names, words = keywords(language), 0

    def end_line() -> None:
        nonlocal words
        total.update({"lines": 1, "todo": min(line["todo"], 1)})
        if line["code"]:
            total["code"] += 1
            total.update({key: min(line[key], 1) for key in ("assert", "print", "import", "pass")})
        line.clear()
        words = 0

    for match in master(language).finditer(text):
        kind, token = (match.lastgroup or "").rstrip("0123456789"), match.group()
        if kind == "triple" and not line["code"]:
            kind = "block"
        if kind in ("block", "line"):
            total["comment"] += len(token)
            for index, piece in enumerate(token.split("\n")):
                if index:
                    end_line()
                found = re.findall(r"[\w$\u0080-\U0010ffff]+", piece)
                line["todo"] += any(word.lower() in ("todo", "fixme") for word in found)
        elif kind == "newline":
            end_line()
        elif kind in ("string", "triple"):
            inside = token[3:] if kind == "triple" else token[1:]
            closing = token[0] * (3 if kind == "triple" else 1)
            closed = inside.endswith(closing)
            total["string"] += len(inside) - (len(closing) if closed else 0)
            line["code"] += 1
            for _ in range(token.count("\n")):
                end_line()
                line["code"] += 1
        elif kind == "name":
            flags = names.get(token, 0)
            line.update({"code": 1, "print": flags & PRINT, "import": flags & FIRST_IMPORT if not words else 0})
            line["pass"] += flags & FIRST_PASS if not words else 0
            line["assert"] += token == "assert"
            words += 1
        elif kind == "sign":
            line["code"] += 1
    if text and not text.endswith("\n"):
        end_line()
    code, chars = max(total["code"], 1), max(len(text), 1)
    return {
        "n_code_lines": total["code"],
        "comment_fraction": total["comment"] / chars,
        "string_fraction": total["string"] / max(chars - total["comment"] if text else 0, 1),
        "todo_lines": total["todo"] / max(total["lines"], 1),
        **{f"{key}_lines": total[key] / code for key in ("assert", "print", "import", "pass")},
    }


PIECES = [
    '"',
    "'",
    '"""',
    "#",
    "//",
    "/*",
    "*/",
    "--",
    "--[[",
    "]]",
    "<!--",
    "-->",
    "`",
    "\\",
    "\n",
    "\n",
    " ",
    "a",
    "pass",
    "import x",
    "print",
    "console",
    "assert",
    "todo",
    "fixme",
    "é",
    "=",
    "(",
    "0xFF",
    "password",
]
# One escape at the very end of an unclosed string, or a mark that overlaps another, is nobody's well-formed file.
PROPER = re.compile(r"\\(?:\\|\n|\Z|\"\"\"|')|\*//|/\*/|--->|<!--->|\"{4,}|'''|é'")


@settings(deadline=None, max_examples=400)  # the first example compiles
@given(
    st.lists(st.sampled_from(PIECES), max_size=25), st.sampled_from(["Python", "C", "JavaScript", "SQL", "HTML", "CSS"])
)
def test_the_kernel_agrees_with_a_tokenizer_of_one_pattern(pieces: list[str], language: str) -> None:
    text = "".join(pieces)
    if PROPER.search(text) or (language in ("Python",) and re.search('(?m)^.{0,3}"""|[^\\s"]"""', text)):
        return
    row = measure(text, language)
    expected = plain(text, language)
    assert {key: row[key] for key in expected} == pytest.approx(expected)


PYTHON = '''# TODO: x
import os
def f(a):
    """doc
    fixme"""
    return a
password = "important"
self.assertEqual(a, b)
print(0xFF)
assertion = pass_it
pass
'''


def test_statements_are_names_and_not_parts_of_words() -> None:
    row = measure(PYTHON)
    assert row["n_code_lines"] == 8
    shares = ("import_lines", "print_lines", "assert_lines", "pass_lines", "function_lines", "simple_function_lines")
    assert [row[name] * 8 for name in shares] == [1, 1, 1, 1, 1, 1]
    assert row["todo_lines"] == 2 / 11
    assert row["no_logic_lines"] == 4 / 8
    assert row["n_assignments"] == 2
    docstring, comment = len('    """doc\n    fixme"""'.lstrip()), len("# TODO: x")
    assert row["comment_fraction"] == (docstring + comment) / len(PYTHON)
    assert row["string_fraction"] == len("important") / (len(PYTHON) - docstring - comment)
    assert row["hex_word_fraction"] == 4 / (len(PYTHON) - docstring - comment)


C = """#include <a.h>
/* your code
   here */
int main(int argc, char **argv) {
  if (x) foo(1);
  return 0;
}
static void
f(void);
std::string Name::get(int a)
{
  return call(a);
  int n(5);
}
"""


def test_definitions_without_a_keyword_are_a_type_a_name_and_a_bracket() -> None:
    row = measure(C, "C++")
    assert (row["n_functions"], row["n_mains"]) == (2, 1)
    assert row["directive_lines"] == row["import_lines"] == 1 / row["n_code_lines"]
    assert row["todo_lines"] == 1 / 14  # "your code here" may be wrapped


@pytest.mark.parametrize(
    ("language", "text", "strings"),
    [
        ("Rust", "fn a<'a>(x: &'a str) { 'b' }", 1),
        ("C++", "int x = 1'000'000; // '", 0),
        ("Go", "x := `a\nb`", 3),
        ("SQL", "select 'it''s'", 3),
        ("Python", "r'\\'' + \"\\\"\"", 4),
        ("Haskell", "f' x = 'a'", 1),
        ("TeX", 'a "b', 0),
        ("JavaScript", "`a ${b}\n`", 7),
        ("Ada", "X'Length", 0),
        ("C", '"open\nx', 4),
    ],
)
def test_quotes_are_read_as_the_language_reads_them(language: str, text: str, strings: int) -> None:
    row = measure(text, language)
    code = len(text) * (1 - row["comment_fraction"])
    assert round(row["string_fraction"] * code) == strings


@pytest.mark.parametrize(
    ("language", "text", "comments"),
    [
        ("Ruby", "x\n=begin\na\n=end\ny", 13),
        ("Lua", "--[[ a\nb ]] c -- d", 15),
        ("PHP", "<?php # a\n// b\n/* c */ d", 14),
        ("HTML", "<!-- a --><p>", 10),
        ("Haskell", "{- a -} b -- c", 11),
        ("Python", '"""a"""\nx = """b"""', 7),
        ("Python", 'r"""a"""', 8),
        ("C", "/* never closed", 15),
        ("Python", "#", 1),
        ("APL", "⍝ é", 3),
    ],
)
def test_comments_are_found_by_the_languages_marks(language: str, text: str, comments: int) -> None:
    assert round(measure(text, language)["comment_fraction"] * len(text)) == comments


def test_long_strings_and_long_words_are_counted_inside_strings_alone() -> None:
    long = "x" * 21
    row = measure(f'a = "{"w " * 21}"\nb = "{long} {"y" * 20} http://{long}"\n{long}\n')
    assert row["long_string_lines"] == 1 / 3
    chars = len(f'a = "{"w " * 21}"\nb = "{long} {"y" * 20} http://{long}"\n{long}\n')
    assert row["long_word_fraction"] == 21 / chars


@pytest.mark.parametrize(
    ("text", "found"),
    [("# Do Not Edit", 1), ("x" * 190 + "generated", 1), ("x" * 200 + "generated", 0), ("é" * 193 + "autogen", 1)],
)
def test_a_tools_phrase_counts_in_the_first_200_characters(text: str, found: int) -> None:
    assert measure(text, None)["generated_phrase"] == found


def test_a_language_without_known_marks_is_null() -> None:
    row = measure("{}", "JSON")
    assert row["has_syntax"] is False
    assert row["comment_fraction"] is None


@pytest.mark.parametrize("piece", ['"', "'", "/*", "\\", '"""', "(", "a", "=", "#", "\n", "0x", "\0", "your code "])
def test_nothing_repeated_a_million_times_is_slow(piece: str) -> None:
    assert measure(piece * (1_000_000 // len(piece)), "Python")["has_syntax"]  # quadratic would take hours
