"""Group `screening`: does a file parse, and how is it built - by tree-sitter, and Python by `ast` too. Optional.

Comes in: text, and languages. Goes out: shares of error nodes and bytes, and measures of functions and comments; null
where no parser is known or the file is too long or too deep. Refuses to know thresholds. DeepSeek-Coder screens with "a
compiler and a quality model, combined with heuristic rules" (2401.14196, section 2.3) and publishes none of them: this
is the parser alone. A build parses where its recipe lists this group, and needs the extra
`screen` (one wheel a language: the pack of all of them fetches parsers at run time).

A dialect that the grammar does not know, a template or a fragment has errors and may be good: an error is a measure,
and a rule on it somebody's choice. No clock stops a parser, since the same text must give the same measure. What
bounds time and memory is the length of the file (256 KiB), the depth of its brackets (500) and the number of steps that
the parser takes, in all and after its first error, beyond which it is not screened: on 16 KiB of `=>` the grammar of
CSS took 18 s, and any grammar's recovery from errors costs the square (`%` in Lua: 0.2 s for 8 KiB). C#,
Kotlin and Scala are left out: on 32 KiB of `<a `, `/*` and `[[{` they took 22 s (and 9 GB), 19 s and 4 s.
"""

import ast
import importlib
import re
import warnings
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import pyarrow as pa

from filters.group import Group

MOST: Final = 1 << 18  # bytes of one file
DEEPEST: Final = 500  # open brackets; beyond it Java's parser took half a gigabyte for 32 KiB
# Of the parser's own count, one for each hundred operations. Python's library takes 3 to 10 for 1,000 bytes.
STEPS: Final = 2_000
STEPS_PER_BYTE: Final = 0.04
STEPS_IN_ERROR: Final = 400
_CHUNK: Final = 1 << 16
_BRACKETS: Final = re.compile(rb"[()\[\]{}<>;]|/\*|\*/")
_FUNCTION: Final = "function_definition"


class Grammar(NamedTuple):
    """Where a language's parser lies, and what its tree calls functions and comments."""

    module: str
    functions: tuple[str, ...]
    comments: tuple[str, ...] = ("comment",)
    language: str = "language"


_JS: Final = ("function_declaration", "function_expression", "arrow_function", "method_definition")
_TS: Final = Grammar("tree_sitter_typescript", _JS, language="language_typescript")
GRAMMARS: Final = {
    "Python": Grammar("tree_sitter_python", (_FUNCTION,)),
    "JavaScript": Grammar("tree_sitter_javascript", _JS),
    "JSX": Grammar("tree_sitter_javascript", _JS),
    "TypeScript": _TS,
    "Java": Grammar(
        "tree_sitter_java", ("method_declaration", "constructor_declaration"), ("line_comment", "block_comment")
    ),
    "C": Grammar("tree_sitter_c", (_FUNCTION,)),
    "C++": Grammar("tree_sitter_cpp", (_FUNCTION,)),
    "Go": Grammar("tree_sitter_go", ("function_declaration", "method_declaration", "func_literal")),
    "Rust": Grammar("tree_sitter_rust", ("function_item",), ("line_comment", "block_comment")),
    "Ruby": Grammar("tree_sitter_ruby", ("method", "singleton_method")),
    "PHP": Grammar("tree_sitter_php", (_FUNCTION, "method_declaration"), language="language_php"),
    "Shell": Grammar("tree_sitter_bash", (_FUNCTION,)),
    "Lua": Grammar("tree_sitter_lua", ("function_declaration", _FUNCTION)),
    "Haskell": Grammar("tree_sitter_haskell", ("function",)),
    "Julia": Grammar("tree_sitter_julia", (_FUNCTION,), ("line_comment", "block_comment")),
    "HTML": Grammar("tree_sitter_html", ()),
    "CSS": Grammar("tree_sitter_css", ()),
    "JSON": Grammar("tree_sitter_json", (), ()),
}


class _Reader(NamedTuple):
    """A parser, and the numbers that its grammar gives to functions and comments."""

    parser: Any
    functions: frozenset[int]
    comments: frozenset[int]


@cache
def _reader(language: str) -> _Reader:
    """Made once a process."""
    grammar = GRAMMARS[language]
    try:
        import tree_sitter

        module = importlib.import_module(grammar.module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"group `screening` parses {language} with {error.name}, which is not installed: pip install '.[screen]'"
        ) from error
    loaded = tree_sitter.Language(getattr(module, grammar.language)())
    functions, comments = (
        {kind: loaded.id_for_node_kind(kind, True) for kind in kinds} for kinds in (grammar.functions, grammar.comments)
    )
    unknown = sorted(kind for kind, number in (functions | comments).items() if number is None)
    if unknown:
        raise ValueError(f"{grammar.module} has no node {', '.join(unknown)}: install the version that `screen` pins")
    kinds = (frozenset(n for n in found.values() if n is not None) for found in (functions, comments))
    return _Reader(tree_sitter.Parser(loaded), *kinds)


Spans = list[tuple[int, int]]


def tree(text: bytes, language: str) -> Any | None:
    """The file's tree; None where the parser takes more steps than it may: the same on any machine."""
    parser, steps, in_error = _reader(language).parser, 0, 0

    def is_over(offset: int, has_error: bool) -> bool:
        nonlocal steps, in_error
        steps, in_error = steps + 1, in_error + has_error
        return steps > STEPS + STEPS_PER_BYTE * len(text) or in_error > STEPS_IN_ERROR

    try:
        return parser.parse(lambda at, point: text[at : at + _CHUNK], encoding="utf8", progress_callback=is_over)
    except ValueError:  # how the library says that it was stopped
        parser.reset()
        return None


def tree_measures(text: bytes, language: str) -> dict[str, float] | None:
    """What the tree of one file says; None where there is none."""
    made = tree(text, language)
    if made is None:
        return None
    root = made.root_node
    functions, comments, errors, n_errors = _walk(root, language)
    size = max(len(text), 1)
    return {
        "error_nodes": n_errors / max(root.descendant_count, 1),
        "error_bytes": _covered(errors) / size,
        "n_tree_functions": len(functions),
        "function_share": _covered(functions) / size,
        "longest_function": max((text.count(b"\n", start, end) + 1 for start, end in functions), default=0),
        "commented_functions": _commented(text, functions, comments) / max(len(functions), 1),
    }


def _walk(root: Any, language: str) -> tuple[Spans, Spans, Spans, int]:
    """Where functions, comments and errors lie, and how many nodes are errors or missing.

    A cursor and no query: on 64 KiB of open brackets tree-sitter's query took 3 s and this 10 ms.
    """
    reader = _reader(language)
    functions: Spans = []
    comments: Spans = []
    errors: Spans = []
    missing, cursor = 0, root.walk()
    while True:
        node = cursor.node
        if node.is_error:
            errors.append((node.start_byte, node.end_byte))
        elif node.is_missing:
            missing += 1
        elif node.kind_id in reader.functions:
            functions.append((node.start_byte, node.end_byte))
            if language == "Python" and (docstring := _docstring(node)) is not None:
                comments.append((docstring.start_byte, docstring.end_byte))
        elif node.kind_id in reader.comments:
            comments.append((node.start_byte, node.end_byte))
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return sorted(functions), sorted(comments), sorted(errors), len(errors) + missing


def _docstring(function: Any) -> Any | None:
    body = function.child_by_field_name("body")
    first = body.named_child(0) if body is not None and body.named_child_count else None
    if first is None or first.type != "expression_statement" or not first.named_child_count:
        return None
    return first if first.named_child(0).type == "string" else None


def _covered(spans: Sequence[tuple[int, int]]) -> int:
    total = last = 0
    for start, end in spans:
        total += max(0, end - max(start, last))
        last = max(last, end)
    return total


def _commented(text: bytes, functions: Sequence[tuple[int, int]], comments: Sequence[tuple[int, int]]) -> int:
    """Functions with a comment inside, or right above with nothing but white space between."""
    starts = [start for start, _ in comments]
    count = 0
    for start, end in functions:
        place = bisect_left(starts, start)
        inside = place < len(starts) and starts[place] < end
        above = place > 0 and not text[comments[place - 1][1] : start].strip()
        count += inside or above
    return count


def too_deep(text: bytes) -> bool:
    """Whether more than `DEEPEST` brackets are open at once; `<` until a bracket of another kind closes or a `;`."""
    depth = angles = comments = 0
    for match in _BRACKETS.finditer(text):
        sign = match.group()
        if sign in (b"(", b"[", b"{"):
            depth += 1
        elif sign in (b")", b"]", b"}", b";"):
            depth -= sign != b";" and depth > 0
            angles = 0
        elif sign in (b"/*", b"*/"):
            comments = comments + 1 if sign == b"/*" else max(0, comments - 1)
        else:
            angles = angles + 1 if sign == b"<" else max(0, angles - 1)
        if max(depth, angles, comments) > DEEPEST:
            return True
    return False


def python_parses(text: str) -> bool:
    """Whether this Python's own parser takes it; what is nested too deeply for it is refused, as a broken file is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # ValueError: a NUL
            return False
    return True


def screening(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Only texts of the languages above are parsed, one at a time."""
    texts = documents.column("text")
    rows: list[dict[str, float]] = []
    for row, language in enumerate(languages.column("language").to_pylist()):
        text = texts[row].as_buffer() if language in GRAMMARS and texts[row].is_valid else None
        if text is None or text.size > MOST or too_deep(text.to_pybytes()):
            rows.append({"screened": False})
            continue
        found = tree_measures(text.to_pybytes(), language)
        if found is None:
            rows.append({"screened": False})
            continue
        own = python_parses(texts[row].as_py()) if language == "Python" else found["error_nodes"] == 0
        rows.append({"screened": True, "parses": int(own), **found})
    return pa.RecordBatch.from_pylist(rows, SCREENING.schema())


SCREENING: Final = Group(
    name="screening",
    kernel=screening,
    columns=(
        ("screened", "bool"),  # whether it was parsed
        ("parses", "int64"),  # 1 or 0: a tree without an error; Python by `ast`
        ("error_nodes", "float64"),  # share of the tree's nodes that are errors or missing
        ("error_bytes", "float64"),  # share of the file that errors cover
        ("n_tree_functions", "int64"),
        ("function_share", "float64"),  # share of the file inside functions
        ("longest_function", "int64"),  # lines
        ("commented_functions", "float64"),  # share of functions with a comment or docstring inside or right above
    ),
)
