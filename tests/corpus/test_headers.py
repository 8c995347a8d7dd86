"""Licence headers: their bounds, and texts without them."""

import pytest

from corpus.headers import header_span

PYTHON = """#!/usr/bin/env python
# -*- coding: utf-8 -*-

# Copyright 2020 A. Person
# All rights reserved.

import os
"""
JAVA = """/*
 * Copyright (C) 2020 A. Person
 *
 * Licensed under the Apache License, Version 2.0.
 */
package x;
"""
MIXED = """/* Parses things.
 *
 * Copyright (C) 2020 A. Person
 * Licensed under the Apache License, Version 2.0.
 *
 * Use parse() for it.
 */
int x;
"""


@pytest.mark.parametrize(
    ("text", "header"),
    [
        (PYTHON, "# Copyright 2020 A. Person\n# All rights reserved.\n"),
        (JAVA, JAVA.split("package")[0]),
        (MIXED, " * Copyright (C) 2020 A. Person\n * Licensed under the Apache License, Version 2.0.\n"),
        ("\ufeff<?php\n// (c) 2019 X\necho 1;", "// (c) 2019 X\n"),
        ("<!-- Copyright 2020 X -->\n<p>", "<!-- Copyright 2020 X -->\n"),
        ('"""Doc.\n\nCopyright 2020 X\n"""\nx = 1\n', "Copyright 2020 X\n"),
        ("/* Copyright 2020 X\n\n   Reads things. */\nint x;", " Copyright 2020 X\n"),
        ("/* Reads things.\n\n   Copyright 2020 X */\nint x;", "   Copyright 2020 X "),
        ("-- SPDX-License-Identifier: MIT", "-- SPDX-License-Identifier: MIT"),
        ("# é\n# Copyright 2020 é\nx", "# é\n# Copyright 2020 é\n"),
        ("x = 1\n# Copyright 2020 X\n", None),
        ("# Handles license files\nx = 1\n", None),
        ("/* Copyright 2020 X", None),
        ("", None),
    ],
)
def test_the_header_is_the_legal_part_of_a_leading_comment(text, header):
    span = header_span(text.encode())
    assert (None if span is None else text.encode()[slice(*span)].decode()) == header


def test_a_header_is_looked_for_in_bounded_time():
    assert header_span(b"#" * 10_000_000 + b" Copyright 2020") is None
    assert header_span(b"/*" * 1_000_000) is None
    assert header_span(b"'" * 1_000_000) is None
    assert header_span((b"# Copyright 2020 X\n" + b"#\n") * 100_000) is not None
