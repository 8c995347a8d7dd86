"""Group `source`: comments, strings and statements of a source file, told apart by its language's marks.

Comes in: text as Arrow buffers, and languages. Goes out: one row of shares and counts a file, null where the
language's marks are not known. Refuses to know thresholds and grammars. The measures are OpenCoder's (its released
filters), but `assert`, `print`, `import`, `pass` and TODO are counted as whole names where OpenCoder's are substrings
("password", "important"), outside comments and strings (TODO: inside comments). What is what: `filters.source_scan`.
"""

from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from filters.characters import Bytes, buffers
from filters.group import Group
from filters.source_scan import (
    ASSERTS,
    ASSIGNED,
    CHARS,
    CODE,
    COMMENT,
    DIRECTIVES,
    FUNCTIONS,
    HEX,
    IMPORTS,
    LINES,
    LONG_STRINGS,
    LONG_WORD,
    MAINS,
    NO_LOGIC,
    PASSES,
    PRINTS,
    SIMPLE,
    STRING,
    TODOS,
    counted,
)  # fmt: skip

PHRASES: Final = ("generate", "autogen", "do not edit")  # OpenCoder's, in the first 200 characters
PHRASE_CHARS: Final = 200


def source(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Shares over files in a language whose marks are known."""
    data, offsets = buffers(documents.column("text"))
    counts, absent = counted(data, offsets, languages.column("language").to_pylist())
    chars, lines, code = (np.maximum(counts[:, column], 1) for column in (CHARS, LINES, CODE))
    code_chars = np.maximum(counts[:, CHARS] - counts[:, COMMENT], 1)
    per_line = (ASSERTS, PRINTS, IMPORTS, PASSES, FUNCTIONS, SIMPLE, NO_LOGIC, DIRECTIVES)
    values = [
        counts[:, CODE],
        np.minimum(counts[:, COMMENT] / chars, 1.0),
        counts[:, STRING] / code_chars,
        counts[:, LONG_STRINGS] / code,
        counts[:, LONG_WORD] / code_chars,
        counts[:, HEX] / code_chars,
        counts[:, TODOS] / lines,
        *(counts[:, column] / code for column in per_line),
        counts[:, FUNCTIONS],
        counts[:, MAINS],
        counts[:, ASSIGNED],
    ]
    phrases = [_phrase(data[start:end]) for start, end in pairwise(offsets)]
    columns = [pa.array(~absent), *(pa.array(value, mask=absent) for value in values), pa.array(phrases, pa.int64())]
    return pa.RecordBatch.from_arrays(columns, schema=SOURCE.schema())


def _phrase(text: Bytes) -> int:
    head = text[: 4 * PHRASE_CHARS].tobytes().decode(errors="ignore")[:PHRASE_CHARS].lower()
    return int(any(phrase in head for phrase in PHRASES))


SOURCE: Final = Group(
    name="source",
    kernel=source,
    columns=(
        ("has_syntax", "bool"),  # whether the language's marks are known
        ("n_code_lines", "int64"),  # with something that is no comment
        ("comment_fraction", "float64"),  # of characters, marks and docstrings among them
        ("string_fraction", "float64"),  # of characters outside comments, as the next three
        ("long_string_lines", "float64"),  # strings of more than 20 words on a line, per line of code
        ("long_word_fraction", "float64"),  # words of more than 20 characters in strings, addresses left out
        ("hex_word_fraction", "float64"),  # 0x...
        ("todo_lines", "float64"),  # of all lines: TODO, FIXME or "your code here" in a comment
        ("assert_lines", "float64"),  # of lines of code, as all that follow
        ("print_lines", "float64"),
        ("import_lines", "float64"),
        ("pass_lines", "float64"),
        ("function_lines", "float64"),
        ("simple_function_lines", "float64"),  # returns on the line after the definition
        ("no_logic_lines", "float64"),  # imports, definitions, pass, returns of at most one name
        ("directive_lines", "float64"),  # of the preprocessor
        ("n_functions", "int64"),
        ("n_mains", "int64"),
        ("n_assignments", "int64"),
        ("generated_phrase", "int64"),  # 1 or 0; in any language
    ),
)
