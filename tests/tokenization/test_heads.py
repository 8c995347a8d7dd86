"""Where a path comment stands in a file, as the programs that read such files have it."""

import ast
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from tokenization.heads import ENOUGH, head, is_open

HASH, SLASHES, MARKUP, PHP = "# a/x\n", "// a/x\n", "<!-- a/x -->\n", "<?php // a/x ?>\n"
XML = '<?xml version="1.0" encoding="UTF-8"?>'


def told(text, comment):
    at, shown = head(text, comment)
    return text[:at] + shown + text[at:]


@pytest.mark.parametrize(
    ("first", "comment"),
    [
        (f"{XML}\n", MARKUP),
        (f"{XML}  \r\n", MARKUP),
        ('<?xml version="1.0"\n  standalone="no"?>\n', MARKUP),
        ("#!/bin/sh\n", HASH),
        ("#!/usr/bin/env node\n", SLASHES),
        ("#! /usr/bin/env lua\n", "-- a/x\n"),
        ("# -*- coding: latin-1 -*-\n", HASH),
        ("# vim: set fileencoding=utf-8 :\n", HASH),
        ("#!/usr/bin/python3\n# coding: utf-8\n", HASH),
        ("#!/usr/bin/perl\n# -*- mode: cperl -*-\n", HASH),
        ("# syntax=docker/dockerfile:1\n# escape=`\n", HASH),
        (";;; x.el --- X -*- lexical-binding: t; -*-\n", "; a/x\n"),
        ("//===- x.h - X -*- C++ -*-===//\n", SLASHES),
        ("---\nlayout: page\ntitle: X\n---\n", MARKUP),
        ("---\n---\n", "/* a/x */\n"),
        ('@charset "utf-8";\n', "/* a/x */\n"),
        ("%&latex\n", "% a/x\n"),
        ("'\\\" t\n", '.\\" a/x\n'),
        ('<#ftl output_format="HTML">\n', "<#-- a/x -->\n"),
    ],
)
def test_the_comment_follows_what_must_stand_first(first, comment):
    assert told(f"{first}rest\n", comment) == f"{first}{comment}rest\n"


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("", HASH),
        ("import x\n", HASH),
        ("# a program\n# coding: utf-8\n", HASH),  # before it, the cookie stays in the first two lines
        ("#![allow(dead_code)]\n", SLASHES),
        ("<!DOCTYPE html>\n<html>\n", MARKUP),
        ('<?xml-stylesheet href="a.xsl"?>\n<a/>\n', MARKUP),
        ("---\nnever closed\n", MARKUP),
        ("---\na: 1\n---\n", HASH),  # YAML's own
        ("--- Lua's documentation\n", "-- a/x\n"),
        ("#!/bin/sh", HASH),
        ("<p><?php echo 1 ?>\n", PHP),
        ("<?php echo 1 ?>\n<p>\n", PHP),
        ("%!PS\n", "% a/x\n"),
    ],
)
def test_everything_else_may_follow_the_comment(text, comment):
    assert told(text, comment) == comment + text


@pytest.mark.parametrize(
    "first", ["<?php\n", "<?php declare(strict_types=1);\n", "<?PHP\r\n", "#!/usr/bin/php\n<?php\n"]
)
def test_in_php_it_is_a_line_of_php(first):
    assert told(f"{first}namespace X;\n", PHP) == f"{first}// a/x\nnamespace X;\n"


def test_a_declaration_with_more_on_its_line_has_no_comment():
    text = f"{XML}<a>\n</a>\n"
    assert told(text, MARKUP) == text


def test_what_is_told_is_read_by_the_readers():
    ElementTree.fromstring(told(f"{XML}\n<a/>\n", MARKUP).encode())
    python = told("# -*- coding: latin-1 -*-\nx = '\xe9'\n", HASH).encode("latin-1")
    assert ast.literal_eval(ast.parse(python).body[0].value) == "\xe9"


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed")
@pytest.mark.parametrize(
    "text", ["<?php\ndeclare(strict_types=1);\nnamespace X;\n", "<?php declare(strict_types=1);\n"]
)
def test_php_takes_it(text):
    assert subprocess.run(["php", "-l"], input=told(text, PHP), text=True, capture_output=True).returncode == 0


def test_a_shell_script_with_its_path_still_names_its_interpreter(tmp_path):
    script = tmp_path / "x"
    script.write_text(told(f"#!{sys.executable}\nprint(7)\n", HASH))
    script.chmod(0o755)
    assert subprocess.run([str(script)], capture_output=True, text=True, check=True).stdout == "7\n"


@pytest.mark.parametrize(
    ("start", "more"),
    [
        ("im", False),
        ("#", True),
        ("#\n\n\n", True),
        ("#\n\n\n\n", False),
        ("---\n\n\n\n\n", True),
        ("-" * (ENOUGH + 1), False),
    ],
)
def test_no_more_is_looked_at_than_a_head_can_take(start, more):
    assert is_open(start) == more
