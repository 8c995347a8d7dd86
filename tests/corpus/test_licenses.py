"""Licences: recognised texts, expressions and policies."""

# ruff: noqa: E501  # tables of cases

import pytest

from corpus.licenses import (
    LICENCES,
    PERMISSIVE,
    is_licence_file,
    joined,
    licence_of,
    nearest_licence,
    permitted,
    tidy,
)

MIT = """MIT License

Copyright (c) 2020 A. Person

Permission is hereby granted, free of charge, to any person obtaining a copy of this software ("the Software"), to deal
in the Software without restriction, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions.
"""
BSD = (
    "Redistribution and use in source and binary forms, with or without\n * modification, are permitted provided that:"
)
NAMES = "The name of the author may not be used to endorse or promote products derived from this software."
GPL = """This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
License as published by the Free Software Foundation, {} (at your option) any later version."""


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (MIT, "MIT"),
        (MIT.split("The above")[0], "MIT-0"),
        (BSD, "BSD-2-Clause"),
        (BSD + NAMES, "BSD-3-Clause"),
        ("// Licensed under the Apache License,\n// Version 2.0 (the License)", "Apache-2.0"),
        (GPL.format("either version 3 of the License, or"), "GPL-3.0-or-later"),
        (GPL.format("either version 2 of the License, or"), "GPL-2.0-or-later"),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n" + GPL, "GPL-3.0-only"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1, February 1999", "LGPL-2.1-only"),
        ("This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.", "MPL-2.0"),
        ("/* SPDX-License-Identifier: GPL-2.0 with Linux-syscall-note */", "GPL-2.0 WITH Linux-syscall-note"),
        ("# SPDX-License-Identifier: (mit or Apache-2.0)", "(mit OR Apache-2.0)"),
        ("<!-- SPDX-License-Identifier: CC0-1.0 -->", "CC0-1.0"),
        (MIT + BSD, "BSD-2-Clause AND MIT"),
        ("see LICENSE for details", None),
        ("", None),
    ],
)
def test_a_licence_is_recognised_by_its_own_words(text, licence):
    assert licence_of(text.encode()) == licence


def test_each_rule_matches_its_own_phrases():
    for licence in LICENCES:
        assert licence.spdx in (licence_of("; ".join(licence.phrases).encode()) or "").split(" AND ")


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("LICENSE", True), ("a/b/COPYING.LESSER", True), ("licence.txt", True), ("UNLICENSE", True), ("MIT-LICENSE.txt", True),
        ("COPYING3", True), ("LICENSE-APACHE", True), ("NUMPY_LICENSE", True), ("src/license.py", False),
        ("licenses.json", False), ("copyingmachine.txt", False), ("LICENSE.html", False), ("", False),
    ],
)  # fmt: skip
def test_licence_files_are_known_by_name(path, is_one):
    assert is_licence_file(path) is is_one


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True), ("MIT OR GPL-3.0-only", True), ("MIT AND GPL-3.0-only", False), ("GPL-3.0-only OR MIT AND ISC", True),
        ("(GPL-3.0-only OR MIT) AND GPL-2.0-only", False), ("Apache-2.0 WITH LLVM-exception", True), ("GPL-2.0+", False),
        (None, False),
    ],
)  # fmt: skip
def test_permissive_takes_one_side_of_or_and_every_side_of_and(expression, expected):
    assert permitted(expression, "permissive") is expected
    assert permitted(expression, "record") is True


@pytest.mark.parametrize("family", ["BSD", "Apache"])
def test_a_family_is_permissive_where_all_its_members_are(family):
    assert permitted(family, "permissive")
    assert not permitted("GPL", "permissive")


def test_expressions_are_joined_once_each_and_keep_their_meaning():
    assert joined(["MIT", "ISC", "MIT"], "AND") == "ISC AND MIT"
    assert joined(["MIT OR ISC", "Zlib"], "AND") == "(MIT OR ISC) AND Zlib"
    assert joined(["MIT OR ISC"], "AND") == "MIT OR ISC"
    assert joined([], "OR") is None


def test_every_permissive_name_is_known_or_a_variant():
    assert {"MIT", "Apache-2.0", "BSD-3-Clause"} <= PERMISSIVE
    assert not any(name.startswith(("GPL", "AGPL", "LGPL", "MPL")) for name in PERMISSIVE)


@pytest.mark.parametrize("broken", ["", "MIT OR", "(MIT", "MIT)", "AND", "MIT Apache-2.0"])
def test_a_tag_that_is_no_expression_is_none(broken):
    assert tidy(broken) is None


def test_the_nearest_licence_file_up_the_tree_counts_and_neighbours_are_a_choice():
    folders = {
        "": ["MIT"],
        "vendor/x": ["GPL-3.0-only"],
        "dual": ["MIT", "Apache-2.0"],
        "both": ["MIT AND ISC", "0BSD"],
    }
    assert nearest_licence(folders, "src/deep/a.py") == "MIT"
    assert nearest_licence(folders, "a.py") == "MIT"
    assert nearest_licence(folders, "vendor/x/y/b.c") == "GPL-3.0-only"
    assert nearest_licence(folders, "vendor/xy/b.c") == "MIT"
    assert nearest_licence(folders, "dual/a.py") == "Apache-2.0 OR MIT"
    assert nearest_licence(folders, "both/a.py") == "0BSD OR (MIT AND ISC)"
    assert nearest_licence({"vendor": ["MIT"]}, "a.py") is None
