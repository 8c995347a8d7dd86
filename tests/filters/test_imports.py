"""Group `imports`: what each language's pattern takes, and that no text makes it slow."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.dependencies import BY_LANGUAGE as RESOLVED
from filters.group import measured
from filters.imports import BY_LANGUAGE, IMPORTS, statements

CASES = {
    "Python": (
        "import os, sys  # both\nfrom . import a\nfrom ..b.c import (d,  # one\n    e as f)\n"
        "    from g import *\nimport h; x = 1\nimportant = 1\nx = 'import y'\n",
        [
            "import os, sys",
            "from . import a",
            "from ..b.c import (d,  # one\n    e as f)",
            "from g import *",
            "import h",
        ],
    ),
    "C": (
        '#include <stdio.h>\n # include "a/b.h" // x\n#import "c.h"\nint include;\n',
        ["#include <stdio.h>", '# include "a/b.h"', '#import "c.h"'],
    ),
    "C#": (
        "using System;\nglobal using static A.B;\nusing X = Y.Z;\nusing (var s = Open()) {}\nusing var t = Open();\n",
        ["using System", "global using static A.B", "using X = Y.Z"],
    ),
    "Java": ("package p;\nimport a.b.C;\nimport static a.D.*;\n", ["import a.b.C", "import static a.D.*"]),
    "Kotlin": ("import a.b.C as D\nimport e.*\n", ["import a.b.C", "import e.*"]),
    "Scala": ("import a.b.{C, D => E}\nimport f._\n", ["import a.b.{C, D => E}", "import f._"]),
    "JavaScript": (
        "import a from './a'\nimport {\n  b,\n  c\n} from \"../bc.js\"\nimport './d.css'\nexport * from './e'\n"
        "const f = require('./f')\nconst g = await import('./g')\nexport const h = 1\n",
        [
            "import a from './a'",
            'import {\n  b,\n  c\n} from "../bc.js"',
            "import './d.css'",
            "export * from './e'",
            "require('./f'",
            "import('./g'",
        ],
    ),
    "Go": (
        'package m\nimport "fmt"\nimport (\n\t"a/b"\n\tx "c/d" // no\n\t_ `e`\n)\nvar s = "no"\n',
        ['"fmt"', '"a/b"', '"c/d"', "`e`"],
    ),
    "Rust": (
        "use std::io;\npub(crate) use a::{b, c::d};\nmod e;\npub mod f { }\nextern crate g;\n",
        ["use std::io", "pub(crate) use a::{b, c::d}", "mod e", "extern crate g"],
    ),
    "PHP": (
        "<?php\nuse A\\B;\nuse function C\\{d, e};\nrequire_once __DIR__ . '/f.php';\ninclude('g.php');\n",
        ["use A\\B", "use function C\\{d, e}", "require_once __DIR__ . '/f.php'", "include('g.php'"],
    ),
    "Ruby": (
        "require 'a'\nrequire_relative('b/c')\nautoload :D, 'd'\nrequired 'no'\n",
        ["require 'a'", "require_relative('b/c'", "autoload :D, 'd'"],
    ),
    "Swift": (
        "import UIKit\n@testable import App\nimport struct A.B\n",
        ["import UIKit", "@testable import App", "import struct A.B"],
    ),
}


@pytest.mark.parametrize("language", CASES)
def test_import_statements_are_taken_as_they_stand(language: str) -> None:
    text, expected = CASES[language]
    assert statements(text, language) == expected


@pytest.mark.parametrize("language", sorted({*BY_LANGUAGE, "Go"}))
@pytest.mark.parametrize(
    "unit",
    [
        "import ",
        "from ",
        "import (",
        "import {a,\n",
        "#include <",
        "use a::{",
        "export ",
        "require ",
        " \t",
        "import a.",
        "using a =",
        "pub(",
        "import\n",
        "from a import (",
        "use A\\",
        "autoload :",
    ],
)
def test_no_text_makes_a_pattern_backtrack(language: str, unit: str) -> None:
    statements(unit * (20_000 // len(unit)), language)  # a pattern that does would not come back


def test_a_statement_is_kept_once_and_a_file_holds_at_most_2000() -> None:
    assert statements("import a\nimport a\nimport b\n", "Python") == ["import a", "import b"]
    assert len(statements("".join(f"import a{n}\n" for n in range(5000)), "Python")) == 2000


def test_every_language_that_is_resolved_has_a_pattern_or_is_named_here() -> None:
    without = {"Protocol Buffer", "Thrift", "Assembly", "GAS", "Linker Script", "DeviceTree"}
    assert set(RESOLVED) - set(BY_LANGUAGE) - {"Go"} <= without


def test_a_slice_keeps_rows_and_languages_together() -> None:
    documents = pa.record_batch({"text": pa.array(["import a", "import b", None, "import c"], pa.large_string())})
    languages = pa.record_batch({"language": ["Go", "Python", "Python", None]})
    found = measured(IMPORTS, documents.slice(1), languages.slice(1)).to_pylist()
    assert found == [{"n_imports": 1, "imports": ["import b"]}, *[{"n_imports": 0, "imports": []}] * 2]


STATEMENTS = st.sampled_from(
    [
        "import a",
        "from a import (b,\n  c)",
        "\n",
        "\n",
        " ",
        "x = 'import'",
        "import",
        "cimport q",
        "from . import x; ",
        "#",
        "import b.*",
        "using A = B.C",
        ";",
        "import a, (\nimport c",
    ]
)


@given(st.lists(STATEMENTS, max_size=20).map("".join), st.sampled_from(["Python", "Java", "Kotlin", "Swift", "C#"]))
def test_looking_for_the_word_first_changes_nothing(text: str, language: str) -> None:
    whole = [match.group().strip() for match in BY_LANGUAGE[language].finditer(text)]
    assert statements(text, language) == list(dict.fromkeys(whole))
