"""How a language writes comments, strings and the few statements that rules ask about, as arrays for a kernel.

Comes in: nothing. Goes out: one row per language of comment marks, quotes and keywords. Data and its packing alone;
`filters.source` reads it. The line comment, or the pair of marks where a language has only that, is the one of
`filters.path_comments`. What is written here is enough to tell code, comment and string apart on well-formed files, and
on others a string ends with its line: there is no grammar behind it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from filters.path_comments import SYNTAX

# How a quote character behaves.
QUOTE, MANY_LINES, RAW, ONE_CHAR = 1, 2, 4, 8
# What a name says about its line; FIRST_* where the name comes first in it.
ASSERT, PRINT, FIRST_IMPORT, FIRST_PASS, FUNCTION, FIRST_RETURN, CONTROL, MAIN = (1 << bit for bit in range(8))
OFFSET, PRIME = 0xCBF29CE484222325, 0x100000001B3
MARKS: Final = 6  # two line comments, then two pairs of block comments
MARK_BYTES: Final = 8  # seven of the mark, and its length
PLACES: Final = 128  # of the keyword table

_C_BLOCK: Final = ("/*", "*/")
_BLOCKS: Final = {
    "//": (_C_BLOCK,),
    "--": (_C_BLOCK,),
    "(*": (("(*", "*)"),),
    "<!--": (("<!--", "-->"),),
    "/*": (_C_BLOCK,),
}
_BLOCKS_OF: Final = {
    **dict.fromkeys(("Haskell", "Agda", "Idris", "Elm", "PureScript"), (("{-", "-}"),)),
    **dict.fromkeys(("Common Lisp", "Scheme", "Racket"), (("#|", "|#"),)),
    **dict.fromkeys(("Lua", "MoonScript"), (("--[[", "]]"),)),
    "Pascal": (("{", "}"), ("(*", "*)")),
    "F#": (("(*", "*)"),),
    "Ruby": (("\n=begin", "\n=end"),),
    "Julia": (("#=", "=#"),),
    "PowerShell": (("<#", "#>"),),
    "CoffeeScript": (("###", "###"),),
    "PHP": (_C_BLOCK,),
    "MATLAB": (("%{", "%}"),),
    **dict.fromkeys(("Ada", "VHDL", "AppleScript", "Eiffel", "Self"), ()),
    **dict.fromkeys(("HTML Django", "HTML ERB", "Handlebars", "Twig"), (("<!--", "-->"),)),
}
_SECOND_LINE: Final = {"PHP": "//", "Octave": "#", "HCL": "//", "GAS": "//"}
_FIRST_LINE: Final = {"PHP": "#"}  # its path comment is wrapped in tags

_PLAIN: Final = {'"': QUOTE, "'": QUOTE}
_ONE_QUOTE: Final = {'"': QUOTE, "'": ONE_CHAR}
_LISP: Final = {'"': QUOTE | MANY_LINES}
_DOUBLED: Final = {'"': QUOTE | RAW, "'": QUOTE | RAW}  # a quote is written twice, a backslash is a backslash
_TICKS: Final = {**_PLAIN, "`": QUOTE | MANY_LINES}
_ATTRIBUTES: Final = {'"': QUOTE | RAW, "'": ONE_CHAR}
_DOUBLE: Final = {'"': QUOTE}
_BASIC: Final = {'"': QUOTE | RAW}
_NONE: Final[dict[str, int]] = {}
_QUOTES: Final = {
    **dict.fromkeys(("JavaScript", "TypeScript", "JSX"), _TICKS),
    "Go": {**_ONE_QUOTE, "`": QUOTE | MANY_LINES | RAW},
    **dict.fromkeys(("Rust", "OCaml", "Haskell", "Scala", "Agda", "Idris", "Elm", "PureScript", "F#"), _ONE_QUOTE),
    **dict.fromkeys(("Ada", "VHDL"), _ATTRIBUTES),
    **dict.fromkeys(("Verilog", "SystemVerilog", "MATLAB", "Octave", "Erlang", "Standard ML"), _DOUBLE),
    **dict.fromkeys(
        ("Common Lisp", "Emacs Lisp", "Scheme", "Racket", "Clojure", "Fennel", "Hy", "LFE", "Arc", "SMT"), _LISP
    ),
    **dict.fromkeys(("SQL", "Transact-SQL", "Pascal", "Fortran", "Fortran Fixed Form", "COBOL"), _DOUBLED),
    **dict.fromkeys(("Visual Basic", "VBScript", "REALbasic"), _BASIC),
    "VimL": {"'": QUOTE | RAW},  # a double quote begins a comment
    **dict.fromkeys(
        (
            "HTML",
            "XML",
            "XSLT",
            "Vue",
            "TeX",
            "BST",
            "Rd",
            "LilyPond",
            "Groff",
            "HTML Django",
            "HTML ERB",
            "Handlebars",
            "Twig",
            "Genshi",
            "HTML PHP",
            "XML Lasso",
            "ASP",
            "ColdFusion CFC",
            "Mako",
            "Gettext Catalog",
        ),
        _NONE,
    ),
}
_TRIPLE: Final = (
    "Python",
    "Cython",
    "Sage",
    "Julia",
    "Nimrod",
    "GDScript",
    "Boo",
    "CoffeeScript",
    "Kotlin",
    "Scala",
    "Swift",
    "Groovy",
    "Gradle",
    "Elixir",
    "Dart",
    "Java",
)
# A definition without a keyword: a type, a name, an opening bracket.
HEADED: Final = (
    "C",
    "C++",
    "C#",
    "Java",
    "Objective-C",
    "Objective-C++",
    "CUDA",
    "Arduino",
    "AspectJ",
    "Processing",
    "Dart",
    "Vala",
    "GLSL",
    "HLSL",
    "Metal",
    "OpenCL",
)
PREPROCESSED: Final = (
    "C",
    "C++",
    "C#",
    "Objective-C",
    "Objective-C++",
    "CUDA",
    "Arduino",
    "OpenCL",
    "Metal",
    "GLSL",
    "HLSL",
)

_IMPORTS: Final = {
    "Python": "import from",
    "Cython": "import from cimport",
    "Sage": "import from",
    "Java": "import package",
    "Kotlin": "import package",
    "Scala": "import package",
    "Groovy": "import package",
    "Gradle": "import",
    "C": "include",
    "C++": "include using",
    "CUDA": "include",
    "Arduino": "include",
    "Objective-C": "include import",
    "Objective-C++": "include import",
    "C#": "using",
    "JavaScript": "import",
    "TypeScript": "import",
    "JSX": "import",
    "Go": "import package",
    "Rust": "use mod extern",
    "PHP": "use require include require_once include_once namespace",
    "Ruby": "require require_relative load autoload",
    "Swift": "import",
    "Dart": "import export part library",
    "Perl": "use require package",
    "Haskell": "import module",
    "Julia": "using import include",
    "Elixir": "import alias require use",
    "R": "library require source",
    "Shell": "source",
    "Lua": "require",
    "F#": "open",
    "OCaml": "open include",
}
_PRINTS: Final = {
    "Python": "print pprint",
    "Cython": "print printf",
    "Sage": "print",
    "Java": "println printf print",
    "Kotlin": "println print",
    "Scala": "println print printf",
    "Groovy": "println print",
    "C": "printf fprintf puts fputs putchar",
    "C++": "printf fprintf puts cout cerr",
    "C#": "WriteLine Write",
    "Go": "Println Printf Print Fprintf Fprintln",
    "JavaScript": "console",
    "TypeScript": "console",
    "JSX": "console",
    "Rust": "println print eprintln eprint dbg",
    "PHP": "echo print printf print_r var_dump",
    "Ruby": "puts print printf",
    "Swift": "print NSLog",
    "Perl": "print printf say",
    "Lua": "print",
    "Shell": "echo printf",
    "Julia": "println print",
    "R": "print cat",
    "Haskell": "putStrLn putStr print",
    "Objective-C": "NSLog printf",
    "Dart": "print",
    "Elixir": "puts inspect",
}
_FUNCTIONS: Final = {
    "Python": "def",
    "Cython": "def cdef cpdef",
    "Sage": "def",
    "JavaScript": "function",
    "TypeScript": "function",
    "JSX": "function",
    "Go": "func",
    "Rust": "fn",
    "Kotlin": "fun",
    "Swift": "func",
    "Ruby": "def",
    "PHP": "function",
    "Scala": "def",
    "Groovy": "def",
    "Perl": "sub",
    "Lua": "function",
    "R": "function",
    "Julia": "function",
    "Elixir": "def defp",
    "Shell": "function",
    "Haskell": "",
    "F#": "let",
    "OCaml": "let",
    "Common Lisp": "defun defmacro",
    "Clojure": "defn",
    "Emacs Lisp": "defun defmacro",
    "Scheme": "define",
    "Racket": "define",
}
_CONTROL: Final = (
    "if else for foreach while do switch case return throw throws new delete sizeof catch try finally goto assert "
    "await yield using lock fixed operator typeof instanceof in is as and or not co_await co_return co_yield break "
    "continue"
)


@dataclass(frozen=True, slots=True)
class Syntaxes:
    """One row per language of `rows`; all arrays are indexed by it."""

    rows: dict[str, int]
    marks: npt.NDArray[np.uint8]  # [language, mark, byte]
    quotes: npt.NDArray[np.uint8]  # [language, byte]
    traits: npt.NDArray[np.uint8]  # [language, (triple quotes, definitions without a keyword, preprocessor)]
    keys: npt.NDArray[np.uint64]  # [language, place]: a name's hash, 0 where the place is free
    flags: npt.NDArray[np.uint8]  # [language, place]


def name_hash(name: str) -> int:
    """FNV-1a of the name's bytes, never 0."""
    value = OFFSET
    for byte in name.encode():
        value = ((value ^ byte) * PRIME) % 2**64
    return value | 1


def comment_marks(language: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Line comments and pairs of block comments, at most two each."""
    before, after = (mark.strip() for mark in SYNTAX[language])
    first = _FIRST_LINE.get(language, "" if after else before)
    lines = [mark for mark in (first, _SECOND_LINE.get(language)) if mark]
    pairs = _BLOCKS_OF.get(language, _BLOCKS.get(before, ((before, after),) if after else ()))
    return lines, list(pairs)[:2]


def quote_marks(language: str) -> dict[str, int]:
    """Each quote character with how it behaves."""
    return _QUOTES.get(language, _PLAIN)


def has_triple(language: str) -> bool:
    """Whether three quotes begin a string of many lines."""
    return language in _TRIPLE


def keywords(language: str) -> dict[str, int]:
    """Each name that says something about its line."""
    found: dict[str, int] = {"main": MAIN, "return": FIRST_RETURN, "assert": ASSERT}
    for names, flag in (
        (_CONTROL, CONTROL),
        (_IMPORTS.get(language, ""), FIRST_IMPORT),
        (_PRINTS.get(language, ""), PRINT),
        (_FUNCTIONS.get(language, ""), FUNCTION),
        ("pass" if language in ("Python", "Cython", "Sage") else "", FIRST_PASS),
    ):
        for name in names.split():
            found[name] = found.get(name, 0) | flag
    return found


@cache
def syntaxes() -> Syntaxes:
    """All languages, packed once a process."""
    rows = {language: row for row, language in enumerate(sorted(SYNTAX))}
    marks = np.zeros((len(rows), MARKS, MARK_BYTES), np.uint8)
    quotes = np.zeros((len(rows), 256), np.uint8)
    traits = np.zeros((len(rows), 3), np.uint8)
    keys, flags = np.zeros((len(rows), PLACES), np.uint64), np.zeros((len(rows), PLACES), np.uint8)
    for language, row in rows.items():
        lines, pairs = comment_marks(language)
        flat = [*lines, *[""] * (2 - len(lines)), *(mark for pair in pairs for mark in pair)]
        for index, mark in enumerate(flat):
            encoded = mark.encode()
            marks[row, index, : len(encoded)] = list(encoded)
            marks[row, index, -1] = len(encoded)
        for quote, behaviour in quote_marks(language).items():
            quotes[row, ord(quote)] = behaviour
        traits[row] = language in _TRIPLE, language in HEADED, language in PREPROCESSED
        for name, flag in keywords(language).items():
            place = name_hash(name) % PLACES
            while keys[row, place]:
                place = (place + 1) % PLACES
            keys[row, place], flags[row, place] = name_hash(name), flag
    return Syntaxes(rows, marks, quotes, traits, keys, flags)
