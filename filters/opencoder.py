"""Rule set `opencoder` for files and notebooks: the released configuration of OpenCoder's filters, by language.

Data alone, no part of what DeepSeek describes (OpenCoder 2411.04905; thresholds of its repository opc_data_filtering).
What differs: statements are counted as names (see `filters.source`), whole copies of lines are counted with comments,
and HTML's visible text is a share of characters, not of words. Two rules drop a share of 0.8 there, drawn by document.
Python, JavaScript and HTML that do not parse are dropped too where the recipe measures it: `opencoder(parsed=True)`.
"""

from collections.abc import Iterable
from typing import Final

from filters.rule import Rule, RuleSet

_FILES: Final = ("file", "notebook")
DATA: Final = ("JSON", "YAML", "XML", "CSV", "TOML", "INI", "RAML", "JSON5", "Gettext Catalog", "G-Code")
SHELL: Final = ("Shell", "Tcsh", "Fish", "PowerShell", "Batchfile")
TEXT: Final = ("Markdown", "reStructuredText", "AsciiDoc", "Text", "RMarkdown", "Org", "Textile", "Pod")

_WORDS: Final = (
    Rule("replacement_fraction", high=0.01, why="OCR: characters that no decoder understood"),
    Rule("n_plain_words", low=30, why="OCR: fewer than 30 words"),
    Rule("n_chars", low=50, why="OCR: fewer than 50 characters"),
    Rule("mean_plain_word_chars", low=2, high=10, why="OCR: words shorter than 2 or longer than 10 characters"),
)
_TOP: Final = tuple(
    Rule(f"top_{n}_gram", high=most, why="OCR: one n-gram makes up much of the file")
    for n, most in ((2, 0.20), (3, 0.18), (4, 0.16))
)


def _repeated(first: float, middle: float, last: float) -> tuple[Rule, ...]:
    limits = {5: first, **dict.fromkeys((6, 7, 8, 9), middle), 10: last}
    return tuple(
        Rule(f"repeated_{n}_grams", high=most, why="OCR: n-grams that occur again") for n, most in limits.items()
    )


_SHAPE: Final = (
    Rule("n_bytes", high=3_000_000, why="OCR: more than 3 MB"),
    Rule("n_lines", low=10, high=100_000, why="OCR: fewer than 10 lines, or a dump"),
    Rule("max_line_chars", high=1000, why="OCR: a line of more than 1000 characters"),
    Rule("mean_line_chars", low=5, high=100, why="OCR: lines shorter than 5 or longer than 100 characters on average"),
    Rule("visible_alphabetic_fraction", low=0.5, why="OCR: fewer letters than other visible characters"),
    Rule("digit_fraction", high=0.2, why="OCR: digits"),
    Rule("space_fraction", high=0.5, why="OCR: white space"),
    Rule("copied_lines", high=0.7, why="OCR: lines that occur again"),
    Rule("xml_header", high=0, why="OCR: an XML header"),
    Rule("generated_phrase", high=0, why="OCR: a tool wrote it, by phrase"),
    Rule("longest_encoded", high=1024, why="OCR: a run of encoded data beyond 1024 characters"),
    Rule("encoded_fraction", high=0.5, why="OCR: encoded data"),
    Rule("hex_word_fraction", high=0.4, why="OCR: hexadecimal words"),
)
_COMMENTS: Final = (
    Rule("comment_fraction", high=0.8, why="OCR: comments"),
    Rule("long_word_fraction", high=0.4, why="OCR: words of more than 20 characters in strings"),
)
_STRINGS: Final = (
    Rule("long_string_lines", high=0.2, why="OCR: strings of more than 20 words"),
    Rule("string_fraction", high=0.6, why="OCR: strings"),
)
_TODO: Final = (Rule("todo_lines", high=0.01, why='OCR: TODO, FIXME or "your code here"'),)
_ASSERT: Final = (Rule("assert_lines", high=0.4, why="OCR: assertions"),)
_LOGIC: Final = (
    Rule("function_lines", high=0.2, why="OCR: definitions without bodies to speak of"),
    Rule("no_logic_lines", high=0.5, why="OCR: imports, definitions and trivial returns", share=0.8),
    Rule("print_lines", high=0.4, why="OCR: prints"),
)
_VARIABLE: Final = (Rule("n_assignments", low=1, why="OCR: no variable"),)
_PYTHON: Final = (
    Rule("pass_lines", high=0.05, why="OCR: pass"),
    Rule("import_lines", high=0.3, why="OCR: imports"),
    Rule("simple_function_lines", high=0.1, why="OCR: functions of one line"),
)
_C: Final = (
    Rule("n_mains", high=1, why="OCR: more than one main"),
    Rule("directive_lines", high=0.8, why="OCR: preprocessor"),
)
_HTML: Final = (
    Rule("visible_fraction", low=0.2, why="OCR: visible text below 20 %"),
    Rule("visible_chars", low=100, why="OCR: fewer than 100 visible characters"),
)
_TEST: Final = (Rule("test", high=0, why="OCR: a test, in Go", share=0.8),)
_PARSED: Final = (Rule("parses", low=1, why="OCR: the parser fails"),)
_CODE: Final = (*_WORDS, *_TOP, *_repeated(0.8, 0.7, 0.6), *_SHAPE, *_COMMENTS)


def _without(rules: Iterable[Rule], *measures: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.measure not in measures)


_DATA: Final = (
    *_without(_CODE, "n_chars"),
    Rule("n_chars", low=50, high=5000, why="OCR: data of 50 to 5000 characters"),
    Rule("distinct_words", low=0.4, why="OCR: data of few distinct words"),
)
_PROSE: Final = (
    *_without(_WORDS, "n_plain_words", "mean_plain_word_chars"),
    Rule("n_plain_words", low=50, why="OCR: a text of fewer than 50 words"),
    Rule("mean_plain_word_chars", low=3, high=10, why="OCR: words shorter than 3 or longer than 10 characters"),
    *_TOP,
    *_repeated(0.6, 0.6, 0.6),
    Rule("copied_lines", high=0.6, why="OCR: lines that occur again"),
    Rule("n_lines", low=10, why="OCR: a text of fewer than 10 lines"),
    *_without(
        _SHAPE,
        "n_bytes",
        "n_lines",
        "max_line_chars",
        "mean_line_chars",
        "copied_lines",
        "xml_header",
        "generated_phrase",
        "longest_encoded",
        "encoded_fraction",
    ),
)
_PAGE: Final = (*_WORDS, *_TOP, *_repeated(0.6, 0.6, 0.6), *_SHAPE, *_HTML)
_FULL: Final = (*_CODE, *_STRINGS, *_TODO)


def opencoder(parsed: bool = False) -> tuple[RuleSet, ...]:
    """The sets by language; `parsed`: also what does not parse, which needs `filters.screening.SCREENING`."""
    tree = _PARSED if parsed else ()
    by_language = (
        (DATA, _DATA),
        (SHELL, (*_CODE, *_TODO)),
        (TEXT, _PROSE),
        (("HTML",), (*_PAGE, *tree)),
        (
            ("SQL",),
            (*_without(_FULL, "digit_fraction"), *_ASSERT, Rule("digit_fraction", high=0.3, why="OCR: digits, in SQL")),
        ),
        (("Python",), (*_FULL, *_ASSERT, *_LOGIC, *_VARIABLE, *_PYTHON, *tree)),
        (("C", "C++"), (*_FULL, *_ASSERT, *_LOGIC, *_C)),
        (("C#", "Java"), (*_FULL, *_ASSERT, *_LOGIC, *_VARIABLE)),
        (("JavaScript",), (*_FULL, *_ASSERT, *_LOGIC, *_VARIABLE, *tree)),
        (("Go",), (*_FULL, *_LOGIC, *_VARIABLE, *_TEST)),
    )
    sets = (RuleSet(kinds=_FILES, languages=names, rules=rules) for names, rules in by_language)
    return (*sets, RuleSet(kinds=_FILES, rules=(*_FULL, *_ASSERT)))


OPENCODER: Final = opencoder()
