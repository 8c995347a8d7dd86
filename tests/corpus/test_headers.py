"""Licence headers and their bounds."""

import pytest

from corpus import headers
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


APACHE = """/*
 * Copyright (C) 2020 A. Person
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
 * WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 */
"""
BSD = """/*
 * Copyright 2012, A. Person
 *
 * Redistribution and use in source and binary forms are permitted.
 *
 * THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS
 * "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES ARE DISCLAIMED.
 */
"""
MPL = """// Copyright (C) 2014 The Authors.
//
// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this file,
// You can obtain one at https://mozilla.org/MPL/2.0/.
"""
GPL = """# This file is part of X.  X is free software: you can
# redistribute it and/or modify it.
#
# You should have received a copy of the GNU General Public License
# along with this program.
#
# Copyright X Team Members
"""


@pytest.mark.parametrize("header", [APACHE, BSD, MPL, GPL], ids=["Apache", "BSD", "MPL", "GPL"])
def test_a_header_ends_with_its_last_paragraph_wherever_its_lines_break(header):
    assert header_span((header + "\nx\n").encode()) == (0, len(header))


def test_every_phrase_has_a_word_by_which_a_comment_is_looked_at():
    for phrase in (*headers._PHRASES, *headers._HOLDER, b"under the x license", b"(c) 2020", "© 2020".encode()):
        assert any(word in phrase for word in headers._QUICK), phrase


def test_a_header_is_looked_for_in_bounded_time():
    assert header_span(b"#" * 10_000_000 + b" Copyright 2020") is None
    assert header_span(b"/*" * 1_000_000) is None
    assert header_span(b"'" * 1_000_000) is None
    assert header_span((b"# Copyright 2020 X\n" + b"#\n") * 100_000) is not None
