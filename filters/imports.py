"""Group `imports`: a file's import statements as they stand in its text, so that `assemble` never opens text.

Comes in: text and languages. Goes out: per file the statements, in order, without repetition. Refuses to know files:
what a statement means is for `filters.dependencies`. DeepSeek-Coder takes dependencies by regular expressions and names
Python's import, C#'s using and C's include (2401.14196, section 2.2); the other languages' patterns are ours.

A pattern is anchored at a line's start, and every repetition in it is bounded or excludes what follows it, so that no
text makes it backtrack. Comments and strings are not parsed: a statement at a line's start inside one is taken too.
"""

import re
from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from filters.group import Group

_MOST: Final = 2000  # statements of one file; beyond it the file is a list and no program
_WINDOW: Final = 1 << 20  # characters of a file: imports stand near its top, and its length bounds the time

_C = r"^[ \t]*#[ \t]*(?:include|import)[ \t]*[<\"][^>\"\n]{1,300}[>\"]"
_JVM = r"^[ \t]*import[ \t]+[\w.$`]{1,300}(?:\{[^{}]{0,2000}\}|\*|_)?"
_JS_SOURCE = r"[\"'][^\"'\n]{1,300}[\"']"
_PATTERNS: Final = {
    # from a import (b,
    #     c)
    "Python": r"^[ \t]*(?:from[ \t]+[\w.]{1,300}[ \t]+c?import\b[ \t]*(?:\([^()]{0,4000}\)|[^\n(#;]{1,1000})"
    r"|c?import[ \t]+[\w.][^\n#;]{0,1000})",
    "C": _C,
    "Java": r"^[ \t]*import[ \t]+(?:static[ \t]+)?[\w.$]{1,300}(?:\*)?",
    "Kotlin": _JVM,
    "Scala": _JVM,
    "C#": r"^[ \t]*(?:global[ \t]+)?using[ \t]+(?:static[ \t]+)?(?:\w{1,200}[ \t]*=[ \t]*)?[\w.]{1,300}(?=[ \t]*;)",
    "JavaScript": rf"^[ \t]*(?:import|export)\b[^;\"'`()=]{{0,1000}}?\bfrom[ \t\n]*{_JS_SOURCE}"
    rf"|^[ \t]*import[ \t]*{_JS_SOURCE}"
    rf"|\b(?:require|import)[ \t]*\([ \t]*{_JS_SOURCE}",
    "Rust": r"^[ \t]*(?:pub(?:\([^()\n]{0,100}\))?[ \t]+)?(?:mod[ \t]+\w{1,200}(?=[ \t]*;)"
    r"|use[ \t]+[^;]{1,2000}|extern[ \t]+crate[ \t]+\w{1,200})",
    "PHP": r"^[ \t]*use[ \t]+(?:function[ \t]+|const[ \t]+)?[\\\w]{1,300}(?:\{[^{}]{0,2000}\})?"
    rf"|^[ \t]*(?:require|include)(?:_once)?\b[^;\n]{{0,200}}?{_JS_SOURCE}",
    "Ruby": rf"^[ \t]*(?:require|require_relative|load|autoload[ \t]+:\w{{1,100}}[ \t]*,)[ \t]*\(?[ \t]*{_JS_SOURCE}",
    "Swift": r"^[ \t]*(?:@testable[ \t]+)?import[ \t]+(?:(?:class|struct|enum|protocol|func|var|let|typealias)[ \t]+)?"
    r"[\w.]{1,300}",
}
_SAME: Final = {
    "Python": ("Cython", "Sage"),
    "C": ("C++", "Objective-C", "Objective-C++", "CUDA", "OpenCL", "GLSL", "HLSL", "Metal", "Arduino", "SWIG"),
    "Java": ("Groovy", "Gradle"),
    "JavaScript": ("TypeScript", "JSX", "Vue", "CoffeeScript"),
}
_COMPILED: Final = {name: re.compile(pattern, re.M) for name, pattern in _PATTERNS.items()}
BY_LANGUAGE: Final = {
    **_COMPILED,
    **{other: _COMPILED[name] for name, others in _SAME.items() for other in others},
}
# A word that each statement of the language has on its first line: where it is looked for before the pattern is, which
# then only starts at the lines that have it, the group runs six times as fast on Python.
_WORDS: Final = {
    **dict.fromkeys(("Python", "Cython", "Sage", "Java", "Groovy", "Gradle", "Kotlin", "Scala", "Swift"), "import"),
    "C#": "using",
}
_GO: Final = re.compile(
    r"^import[ \t]*(?:\(([^()]{0,20000})\)|(?:[\w.]{1,100}[ \t]+)?([\"`][^\"`\n]{1,300}[\"`]))", re.M
)
_GO_PATH: Final = re.compile(r"[\"`][^\"`\n]{1,300}[\"`]")


def statements(text: str, language: str | None) -> list[str]:
    """Import statements of one file, first occurrences in order."""
    text = text[:_WINDOW]
    if language == "Go":
        found: Iterator[str] = _go(text)
    elif language in BY_LANGUAGE:
        found = (match.group().strip() for match in _matches(BY_LANGUAGE[language], text, _WORDS.get(language)))
    else:
        return []
    return list(dict.fromkeys(statement for statement, _ in zip(found, range(_MOST), strict=False)))


def _matches(pattern: re.Pattern[str], text: str, word: str | None) -> Iterator[re.Match[str]]:
    """What `finditer` gives, for a pattern that begins at a line's start and whose first line holds the word."""
    if word is None:
        yield from pattern.finditer(text)
        return
    free = 0  # where the last match ended
    at = text.find(word)
    while at >= 0:
        start = text.rfind("\n", 0, at) + 1
        match = pattern.match(text, start) if start >= free else None
        if match is not None:
            yield match
            free = match.end()
        end = text.find("\n", at) if match is None else free
        at = text.find(word, max(end, at + len(word))) if end >= 0 else -1


def _go(text: str) -> Iterator[str]:
    """Go names packages by quoted paths, one or a block of them."""
    for match in _GO.finditer(text):
        yield from (path.group() for path in _GO_PATH.finditer(match.group(1) or match.group(2) or ""))


def imports(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Only texts of the languages above become Python strings."""
    texts = documents.column("text")
    found = [
        statements(texts[row].as_py() or "", language) if language == "Go" or language in BY_LANGUAGE else []
        for row, language in enumerate(languages.column("language").to_pylist())
    ]
    schema = IMPORTS.schema()
    columns = [pa.array([len(one) for one in found], pa.int64()), pa.array(found, schema.field("imports").type)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


IMPORTS: Final = Group(name="imports", kernel=imports, columns=(("n_imports", "int64"), ("imports", "list<string>")))
