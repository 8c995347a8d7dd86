"""Leaks put in by hand: one benchmark item in the shapes in which it turns up in code, to measure what is found.

Comes in: a Python function with its docstring. Goes out: the same, disguised. Names and prose are replaced by made-up
words: for a rule that compares words, a translation is that, whatever the language. Refuses to know the rule.
"""

import ast
import builtins
import io
import keyword
import re
import tokenize
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_KEPT: Final = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins)}
_SYLLABLES: Final = (
    "ba",
    "ke",
    "lo",
    "mi",
    "nu",
    "ra",
    "so",
    "te",
    "vi",
    "zu",
    "dor",
    "fal",
    "gim",
    "hul",
    "jen",
    "pom",
)


def verbatim(code: str) -> str:
    """As published, in a file of its own."""
    return f"import os\n\n{code}\n\nprint(1)\n"


def reindented(code: str) -> str:
    """Inside a class, with tabs."""
    lines = [line.replace("    ", "\t") for line in code.splitlines()]
    return "class Solutions:\n" + "".join(f"\t{line}\n" if line else "\n" for line in lines)


def reformatted(code: str) -> str:
    """Parsed and printed again: other quotes, spaces and blank lines; comments are gone."""
    return ast.unparse(ast.parse(code)) + "\n"


def renamed(code: str) -> str:
    """Every name that the code defines is another one, as an obfuscator or a careful copyist leaves it."""
    return _replaced(code, _renames(code), prose=False)


def translated(code: str) -> str:
    """Comments and docstrings in another language; code, doctests and numbers stay."""
    return _replaced(code, {}, prose=True)


def disguised(code: str) -> str:
    """Names and prose both."""
    return _replaced(code, _renames(code), prose=True)


def solution_only(code: str) -> str:
    """The function without docstring and comments."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and len(node.body) > 1 and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.unparse(tree) + "\n"


def docstring_only(code: str) -> str:
    """The task as prose, in a comment of another language."""
    functions = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)]
    found = max((ast.get_docstring(node) or "" for node in functions), key=len)
    return "".join(f"// {line}\n" for line in found.splitlines())


LEAKS: Final[tuple[Callable[[str], str], ...]] = (
    verbatim, reindented, reformatted, renamed, translated, solution_only, docstring_only, disguised,
)  # fmt: skip


def _renames(code: str) -> dict[str, str]:
    """Functions, arguments and variables that the code itself binds."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return {name: _other(name) for name in names - _KEPT}


def _other(word: str) -> str:
    """A made-up word, the same for the same word."""
    drawn = blake2b(word.lower().encode(), digest_size=3).digest()
    return "".join(_SYLLABLES[byte % len(_SYLLABLES)] for byte in drawn)


def _replaced(code: str, names: dict[str, str], prose: bool) -> str:
    pieces: list[str] = []
    row, column = 1, 0
    lines = code.splitlines(keepends=True)
    for token, text in _tokens(code):
        pieces += _between(lines, (row, column), token.start)
        row, column = token.end
        if token.type == tokenize.NAME:
            text = names.get(text, text)
        elif prose and (token.type == tokenize.COMMENT or _is_docstring(text, token.line)):
            text = _translate(text)
        pieces.append(text)
    return "".join(pieces)


def _tokens(code: str) -> Iterator[tuple[tokenize.TokenInfo, str]]:
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.NEWLINE, tokenize.NL):
            yield token, token.string


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> list[str]:
    """The white space and line ends between two tokens."""
    if start[0] == end[0]:
        return [lines[start[0] - 1][start[1] : end[1]]]
    first, whole = lines[start[0] - 1][start[1] :], lines[start[0] : end[0] - 1]
    return [first, *whole, lines[end[0] - 1][: end[1]]]


def _is_docstring(text: str, line: str) -> bool:
    return text.startswith(('"""', "'''")) and line.lstrip().startswith(text[:3])


def _translate(text: str) -> str:
    """Every word of the prose; lines of doctests, which are code, stay, and so do the results under them."""
    out, in_test = [], False
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        in_test = stripped.startswith(">>>") or (in_test and bool(stripped) and not stripped.startswith(('"', "'")))
        out.append(line if in_test else _WORD.sub(lambda match: _other(match.group()), line))
    return "".join(out)
