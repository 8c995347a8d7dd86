import string

import pygit2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.assembly import dependency_order
from filters.dependencies import BY_LANGUAGE, dependencies
from filters.imports import statements
from tests.builds import INPUT


def needs(files, repo="owner/app"):
    """{path: (language, statements)} -> {path: paths it depends on}."""
    paths = sorted(files)
    edges = dependencies(paths, [files[p][0] for p in paths], [files[p][1] for p in paths], repo)
    found = {}
    for file, needed in edges:
        found.setdefault(paths[file], set()).add(paths[needed])
    return found


def one(path, language, statement, *others, repo="owner/app"):
    return needs({**dict.fromkeys(others, (language, [])), path: (language, [statement])}, repo).get(path, set())


PACKAGE = ("pkg/__init__.py", "pkg/a.py", "pkg/sub/__init__.py", "pkg/sub/b.py", "tools/json.py")


@pytest.mark.parametrize(
    ("path", "statement", "found"),
    [
        ("pkg/x.py", "import pkg.a", {"pkg/a.py"}),
        ("pkg/x.py", "import os, pkg.sub.b as b", {"pkg/sub/b.py"}),
        ("pkg/x.py", "from pkg import a, sub", {"pkg/a.py", "pkg/sub/__init__.py"}),
        ("pkg/x.py", "from . import a", {"pkg/a.py"}),
        ("pkg/x.py", "from .a import (name,  # why\n    other)", {"pkg/a.py"}),
        ("pkg/sub/x.py", "from ..a import name", {"pkg/a.py"}),
        ("pkg/sub/x.py", "from .. import *", {"pkg/__init__.py"}),
        ("pkg/sub/x.py", "from ....a import name", set()),
        ("pkg/x.py", "import json", set()),
        ("tools/x.py", "import json", {"tools/json.py"}),
        ("tests/test_a.py", "from pkg.sub import b", {"pkg/sub/b.py"}),
        ("pkg/x.py", "pkg.sub.b", {"pkg/sub/b.py"}),
        ("pkg/x.py", ".a", {"pkg/a.py"}),
    ],
)
def test_python(path, statement, found):
    assert one(path, "Python", statement, *PACKAGE) == found


def test_python_below_src_is_found_from_the_tests():
    assert one("tests/t.py", "Python", "from pkg.a import x", "src/pkg/__init__.py", "src/pkg/a.py") == {"src/pkg/a.py"}


@pytest.mark.parametrize(
    ("language", "path", "statement", "others", "found"),
    [
        ("C", "src/a.c", '#include "a.h"', ("src/a.h", "a.h"), {"src/a.h"}),
        ("C", "src/a.c", '#include "../inc/b.h"', ("inc/b.h",), {"inc/b.h"}),
        ("C++", "src/a.cc", "#include <app/b.hpp>", ("include/app/b.hpp",), {"include/app/b.hpp"}),
        ("C", "src/a.c", "#include <string.h>", ("compat/string.h",), set()),
        ("C", "src/a.c", '#include "x/y.h"', ("a/x/y.h", "b/x/y.h"), set()),
        ("Java", "m/A.java", "import com.foo.Bar;", ("s/com/foo/Bar.java",), {"s/com/foo/Bar.java"}),
        ("Java", "m/A.java", "import static com.foo.Bar.baz;", ("s/com/foo/Bar.java",), {"s/com/foo/Bar.java"}),
        ("Java", "m/A.java", "import com.foo.*;", ("s/com/foo/B.java", "s/com/foo/C.kt"),
         {"s/com/foo/B.java", "s/com/foo/C.kt"}),
        ("Kotlin", "m/A.kt", "import com.foo.Bar as B", ("s/com/foo/Bar.kt",), {"s/com/foo/Bar.kt"}),
        ("Scala", "m/A.scala", "import com.foo.{B, C => D}",
         ("s/com/foo/B.scala", "s/com/foo/C.scala"),
         {"s/com/foo/B.scala", "s/com/foo/C.scala"}),
        ("Scala", "m/A.scala", "import com.foo._", ("s/com/foo/B.scala",), {"s/com/foo/B.scala"}),
        ("JavaScript", "src/a.js", "import x from './b'", ("src/b.js", "b.js"), {"src/b.js"}),
        ("JavaScript", "src/a.js", "const x = require('../lib')", ("lib/index.js",), {"lib/index.js"}),
        ("TypeScript", "src/a.ts", "export * from './b.js'", ("src/b.ts",), {"src/b.ts"}),
        ("TypeScript", "web/src/v/a.ts", "import b from '@/c/b'", ("web/src/c/b.tsx",), {"web/src/c/b.tsx"}),
        ("JavaScript", "src/a.js", "import React from 'react'", ("src/react.js",), set()),
        ("Go", "cmd/main.go", 'import "github.com/owner/app/pkg/x"', ("pkg/x/a.go", "pkg/x/b.go", "pkg/x/b_test.go"),
         {"pkg/x/a.go", "pkg/x/b.go"}),
        ("Go", "cmd/main.go", 'import "github.com/owner/app/v2/x"', ("x/a.go",), {"x/a.go"}),
        ("Go", "cmd/main.go", 'import "net/http"', ("http/a.go",), set()),
        ("Go", "cmd/main.go", '"github.com/stretchr/testify/assert"', ("assert/a.go",), set()),
        ("Rust", "src/lib.rs", "pub mod a;", ("src/a.rs",), {"src/a.rs"}),
        ("Rust", "src/a.rs", "mod b;", ("src/a/b.rs", "src/b.rs"), {"src/a/b.rs"}),
        ("Rust", "src/x/y.rs", "use crate::a::{b::C, d};", ("src/lib.rs", "src/a/b.rs", "src/a/d/mod.rs"),
         {"src/a/b.rs", "src/a/d/mod.rs"}),
        ("Rust", "src/x/y.rs", "use super::z::T;", ("src/x/z.rs",), {"src/x/z.rs"}),
        ("Rust", "src/x/y.rs", "use crate::a::T;", ("src/lib.rs", "src/a.rs", "src/x/mod.rs"), {"src/a.rs"}),
        ("Rust", "tests/t.rs", "use app::a::T;", ("src/lib.rs", "src/a.rs"), {"src/a.rs"}),
        ("Rust", "src/a.rs", "use std::fmt;", ("src/fmt.rs",), set()),
        ("Rust", "app/src/main.rs", "use my_core::thing::T;", ("my-core/src/lib.rs", "my-core/src/thing.rs"),
         {"my-core/src/thing.rs"}),
        ("Rust", "tests/t.rs", "mod util;", ("tests/util/mod.rs", "src/lib.rs"), {"tests/util/mod.rs"}),
        ("Rust", "src/bin/b.rs", "mod util;", ("src/bin/util.rs", "src/util.rs"), {"src/bin/util.rs"}),
        ("Rust", "src/t.rs", "mod util;", ("src/util.rs",), set()),
        ("C#", "a/A.cs", "using App.Services;", ("src/App/Services/S.cs",), {"src/App/Services/S.cs"}),
        ("C#", "a/A.cs", "using App.Models;", ("code/Models/M.cs",), {"code/Models/M.cs"}),
        ("C#", "a/A.cs", "using DBus;", ("src/DBus.cs",), set()),
        ("C#", "a/A.cs", "using static DBus;", ("src/DBus.cs",), {"src/DBus.cs"}),
        ("C#", "a/A.cs", "using D = DBus;", ("src/DBus.cs",), {"src/DBus.cs"}),
        ("C#", "a/A.cs", "using System.Text;", ("System/Text/T.cs",), set()),
        ("C#", "a/A.cs", "using Newtonsoft.Json;", ("Json/J.cs",), set()),
        ("PHP", "a.php", "use App\\Models\\User;", ("app/Models/User.php",), {"app/Models/User.php"}),
        ("PHP", "a.php", "use Vendor\\{A, B as C};", ("src/A.php", "lib/B.php"), {"src/A.php", "lib/B.php"}),
        ("PHP", "web/a.php", "require_once __DIR__ . '/inc/b.php';", ("web/inc/b.php",), {"web/inc/b.php"}),
        ("Ruby", "lib/app/a.rb", "require_relative '../b'", ("lib/b.rb",), {"lib/b.rb"}),
        ("Ruby", "bin/run.rb", 'require "app/a"', ("lib/app/a.rb",), {"lib/app/a.rb"}),
        ("Swift", "a.swift", "import Foundation", ("Foundation.swift",), set()),
    ],
)  # fmt: skip
def test_languages(language, path, statement, others, found):
    assert one(path, language, statement, *others) == found


@given(
    language=st.sampled_from(sorted(BY_LANGUAGE)),
    statement=st.one_of(st.text(), st.text(alphabet="./{}()*,;:\\'\"<> ab\nimportuse" + string.digits)),
    path=st.sampled_from(["a.x", "a/b/c.x", "/a.x"]),
)
def test_no_statement_breaks_the_patterns(language, statement, path):
    for file, needed in dependencies([path, "a/b/d.py"], [language, language], [[statement], []], "o/r"):
        assert (file, needed) == (0, 1)


def test_a_folder_stands_for_a_bounded_number_of_files():
    others = [f"pkg/f{i:03}.go" for i in range(200)]
    assert len(one("main.go", "Go", 'import "github.com/owner/app/pkg"', *others)) == 64


def test_an_import_written_twice_is_one_dependency():
    files = ["a.py", "b.py"]
    assert dependencies(files, ["Python"] * 2, [["import b", "from b import x"], []]) == [(0, 1)]


def test_a_file_does_not_depend_on_itself():
    assert dependencies(["a.py"], ["Python"], [["import a"]]) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("import Core", {"Sources/Core/A.swift", "Sources/Core/B.swift"}),
        ("@testable import struct Core.A", {"Sources/Core/A.swift", "Sources/Core/B.swift"}),
        ("import Foundation", set()),
        ("import Vendor", set()),
    ],
)
def test_swift_imports_a_module_which_is_a_folder(statement, found):
    others = ("Sources/Core/A.swift", "Sources/Core/B.swift", "Sources/App/main.swift", "Vendor/V.swift")
    assert one("Tests/CoreTests/T.swift", "Swift", statement, *others) == found


def _files(tree, folder=""):
    for entry in tree:
        if isinstance(entry, pygit2.Tree):
            yield from _files(entry, f"{folder}{entry.name}/")
        elif entry.name.endswith(".py"):
            yield f"{folder}{entry.name}", entry.data.decode()


def test_a_real_repository_reads_as_its_imports_do_by_hand():
    repository = pygit2.Repository(str(INPUT / "git/pallets/jinja.git"))
    files = dict(_files(repository.references[next(iter(repository.references))].peel(pygit2.Commit).tree))
    paths = sorted(files)
    edges = dependencies(
        paths, ["Python"] * len(paths), [statements(files[p], "Python") for p in paths], "pallets/jinja"
    )
    needed = {
        name: {paths[b] for a, b in edges if paths[a] == f"src/jinja2/{name}.py"} for name in ("lexer", "visitor")
    }
    # Read in the files: lexer.py imports ._identifier, .exceptions, .utils and, for types alone, .environment.
    wanted = ("_identifier", "exceptions", "utils", "environment")
    assert needed == {
        "lexer": {f"src/jinja2/{name}.py" for name in wanted},
        "visitor": {"src/jinja2/nodes.py"},
    }
    package = next(part for part in dependency_order(len(paths), edges) if paths.index("src/jinja2/lexer.py") in part)
    order = [paths[index] for index in package]
    places = [order.index(f"src/jinja2/{name}.py") for name in ("_identifier", "lexer", "parser", "ext")]
    assert places == sorted(places)
    assert order.index("src/jinja2/lexer.py") < order.index("tests/test_lexnparse.py")  # tests need the whole package
    assert {"setup.py", "docs/conf.py"}.isdisjoint(order)
