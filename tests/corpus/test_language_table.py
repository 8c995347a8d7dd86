"""Paths, first lines and rules: what the shipped table answers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.language_table import (
    RULE_BYTES,
    by_alias,
    by_modeline,
    by_path,
    by_rule,
    by_shebang,
    by_signature,
    load_table,
    rule_head,
    rules_for,
    signatures,
)

TABLE = load_table()


def test_the_list_is_complete_and_its_pairs_are_known():
    assert len(TABLE.names) == 338
    assert TABLE.variants == {
        "Bro": "Zeek", "Docker": "Dockerfile", "Jade": "Pug", "RHTML": "HTML ERB", "COBOLFree": "COBOL",
        "Fortran Fixed Form": "Fortran", "FoxPro": "XBase", "Octave": "MATLAB", "NASM": "Assembly", "S": "R",
        "Arduino": "C++", "JSX": "JavaScript",
    }  # fmt: skip
    assert not TABLE.names & TABLE.text_formats


def test_every_name_can_be_given():
    """All but four have a name of their own; those four are never decided by name: a source may declare them."""
    found = {
        n
        for table in (TABLE.extensions, TABLE.filenames, TABLE.interpreters)
        for names in table.values()
        for n in names
    }
    found |= {rule.language for extension in TABLE.rules for rule in rules_for(extension)}
    found |= {name for _, name in TABLE.patterns}
    assert TABLE.names - found == {"COBOLFree", "FoxPro", "S", "XML Lasso"}
    assert all(name in by_alias(name) for name in TABLE.names)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a/b.py", ("Python",)),
        ("A.PY", ("Python",)),
        ("INSTALL-unix", ("Text",)),
        ("build/install-sh", ()),  # a program; its first line says of which language
        ("x.C", ("C++",)),
        ("x.c", ("C",)),
        ("x.ino", ("Arduino",)),
        ("x.jsx", ("JSX",)),
        ("x.jade", ("Jade",)),
        ("x.pug", ("Pug",)),
        ("x.bro", ("Bro",)),
        ("x.nasm", ("NASM",)),
        ("Makefile", ("Makefile",)),
        ("sub/Dockerfile.dev", ("Dockerfile",)),
        ("CMakeLists.txt", ("CMake",)),
        ("templates/a.html.j2", ("HTML Django",)),
        ("x.toml", ("TOML",)),
        ("settings.py.example", ("Python",)),
        ("README", ("Text",)),
        ("a.b.c.d.e.rb", ("Ruby",)),
        ("noextension", ()),
        ("x.unheard-of", ()),
        ("", ()),
        ("/", ()),
        (".", ()),
        (".....", ()),
        ("a.рy", ()),
        ("~", ()),
    ],
)
def test_a_path_gives_its_candidates(path, names):
    assert by_path(path)[0] == names


@given(st.text(max_size=40))
def test_any_path_has_an_answer(path):
    names, extension = by_path(path)
    assert isinstance(names, tuple)
    assert extension == extension.lower()


def test_ambiguous_extensions_keep_outside_languages_as_negatives():
    assert {"Prolog", "Perl", "Perl 6"} == set(by_path("x.pl")[0])
    assert {"C", "C++", "Objective-C"} == set(by_path("x.h")[0])
    assert "Rocq Prover" in by_path("x.v")[0]
    assert by_path("x.h")[0][0] == "C", "the commoner one comes first"


def test_nearly_every_ambiguous_extension_has_rules_of_its_own():
    ambiguous = {e.lower() for e, names in TABLE.extensions.items() if len(names) > 1 and set(names) & TABLE.names}
    assert len(ambiguous) > 100
    assert {e for e in ambiguous if e not in TABLE.rules} == {
        ".cgi",
        ".fcgi",
        ".pluginspec",
    }  # shebangs, then the model


@pytest.mark.parametrize(
    ("extension", "text", "name"),
    [
        (".h", b"class A { public:\n};\nstd::string s;\n", "C++"),
        (".h", b"@interface A : NSObject\n@end\n", "Objective-C"),
        (".m", b"% f\nfunction y = f(x)\ny = x;\nend\n", "MATLAB"),
        (".m", b"function y = f(x)\n  if x\n    y = 1;\n  endif\nendfunction\n", "Octave"),
        (".pl", b"use strict;\nmy $x = 1;\n", "Perl"),
        (".pl", b"parent(a, b).\ngrand(X, Y) :- parent(X, Z), parent(Z, Y).\n", "Prolog"),
        (".rd", b"\\name{f}\n\\alias{f}\n", "Rd"),
        (".frag", b"void main() { gl_FragColor = vec4(1.0); }", "GLSL"),
        (".spec", b"Name: x\nVersion: 1\n%build\n", "RPM Spec"),
        (".pde", b"void setup() { pinMode(1, OUTPUT); }", "Arduino"),
        (".pde", b"void setup() { size(10, 10); }", "Processing"),
        (".ts", b"<?xml version='1.0'?>\n<!DOCTYPE TS>\n<TS></TS>", "XML"),
        (".inc", b"<?php echo 1;", "PHP"),
        (".yml", b"a: 1\n", "YAML"),
        (".hh", b"<?hh\nclass A {}", "Hack"),
        (".def", b"DEFINITION MODULE A;", "Modula-2"),
        (".s", b"    .section .text\n    .global _start\n_start:\n    mov r1, r0\n", "GAS"),
        (".s", b"section .text\nglobal _start\n_start: mov eax, 1\n", "Assembly"),
    ],
)
def test_rules_decide_ambiguous_extensions(extension, text, name):
    assert by_rule(extension, text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\n\r\n", "HTTP"),
        (b"GET /a HTTP/1.1\nHost: example.org\n", "HTTP"),
        (b"GET https://example.org/a\nHTTP 200\n", None),
        (b"%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n--- !u!29 &1\n", "Unity3D Asset"),
        (b"; a comment\n(set-logic QF_LIA)\n", "SMT"),
        (b'config FOO\n\tbool "Foo"\n', "Kconfig"),
        (b"\\name{f}\n\\title{F}\n", "Rd"),
        (b"see \\name{f} and \\title{F}\n", None),
        (b"-module(a).\n-export([b/0]).\n", "Erlang"),
        (b"x" * 5_000 + b"\n-module(a).\n", None),
        (b"", None),
    ],
)
def test_a_signature_names_a_language_whatever_the_file_is_called(text, name):
    assert by_signature(text) == name


WORDS = [part for s in signatures() for part in s.needs] + [
    b"(set-logic QF_LIA)",
    b"-module(a).",
    b"puts 'hello'",
    b"std::cout",
    b"const x: string = 1",
    b"\\name{f}",
    b"$set NOCOUNT",
]


@pytest.mark.parametrize(
    ("text", "answered", "name"),
    [
        (b"puts 'hello'\n", "Crystal", "Ruby"),  # a quoted 'word' is no string of Crystal's
        (b"puts 'hello'\n", "Perl", None),
        (b"puts 'hello'\n", None, None),
        (b"a = [] of Int32\n", "Ruby", "Crystal"),
        (b"for 0..3 {\n    say $_;\n}\n", "Perl", "Perl 6"),  # Perl wants parentheses
        (b"for (0..3) {\n    print $_;\n}\n", "Perl", None),
        (b"function f(a: number) {\n}\n", "JavaScript", "TypeScript"),
        (b"x(1) = %t\n", "MATLAB", "Scilab"),
        (b"public aspect Logs {\n}\n", "Java", "AspectJ"),
        (b"using System;\nint x;\n", "Java", "C#"),
        (b"$a: 1px\n.b\n  width: $a\n", "SCSS", "Sass"),
        (b"$a: 1px;\n.b {\n  width: $a;\n}\n", "SCSS", None),
    ],
)
def test_a_second_look_tells_a_language_from_what_the_model_takes_it_for(text, answered, name):
    assert by_signature(text, answered) == name


def plain_signature(text, answered):
    """Each signature in turn, none ruled out beforehand."""
    for signature in signatures(answered):
        if all(part in text for part in signature.needs) and signature.pattern.search(text):
            return signature.language
    return None


@given(st.lists(st.sampled_from(WORDS), max_size=12), st.sampled_from([None, "Ruby", "Crystal", "C", "SQL", "Haskell"]))
def test_ruling_out_signatures_by_their_words_changes_no_answer(words, answered):
    text = b"\n".join(words)
    assert by_signature(text, answered) == plain_signature(text, answered)


def test_every_signature_compiles_and_names_a_known_language():
    known = TABLE.names | {name for names in TABLE.extensions.values() for name in names}
    classes = {TABLE.variants.get(name, name) for name in known} | TABLE.text_formats
    looks = [s for name in classes for s in signatures(name)]
    assert len(set(looks)) == len(TABLE.signatures), "each is asked for some answer of the model"
    assert {signature.language for signature in looks} <= known
    assert all(signature.needs for signature in signatures()), "a pattern alone is too slow"


def test_all_rules_compile():
    assert sum(len(rules_for(extension)) for extension in TABLE.rules) > 300


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"#!/usr/bin/env python3\n", "Python"),
        (b"#!/usr/bin/python2.7 -u\n", "Python"),
        (b"#! /bin/bash\n", "Shell"),
        (b"#!/usr/bin/env perl6\n", "Perl 6"),
        (b"#!/usr/bin/env osascript -l JavaScript\n", "JavaScript"),
        (b"#!/usr/bin/osascript\n", "AppleScript"),
        (b"#!/usr/bin/env -S FOO=1 node --x\n", "JavaScript"),
        (b"#!/usr/bin/tclsh8.6", "Tcl"),
        (b"#!/usr/bin/octave -q\n", "Octave"),
        (b'#!/bin/sh\nexec scala "$0" "$@"\n!#\n', "Scala"),
        (b'#!/bin/sh\n# the next line restarts\\\nexec tclsh8.6 "$0" ${1+"$@"}\n', "Tcl"),
        (b'#!/bin/sh\nexec unheard-of "$0"\n', "Shell"),
        (b'#!/bin/sh\nexec python3 -m server "$@"\n', "Shell"),
    ],
)
def test_a_shebang_names_its_interpreter(line, name):
    assert by_shebang(line)[0] == name


@pytest.mark.parametrize(
    "line", [b"", b"#!", b"#!\n", b"#!/usr/bin/env\n", b"#!/bin/unheard-of\n", b" #!/bin/sh", b"#!\xff"]
)
def test_a_shebang_of_nothing_known_says_nothing(line):
    assert by_shebang(line) == ()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"// -*- mode: C++; tab-width: 4 -*-\n", "C++"),
        (b"# -*- ruby -*-\n", "Ruby"),
        (b"/* vim: set ts=4 ft=javascript: */\n", "JavaScript"),
        (b"# vim: filetype=python\n", "Python"),
    ],
)
def test_a_mode_line_names_its_mode(line, name):
    assert by_modeline(line)[0] == name


@pytest.mark.parametrize("line", [b"", b"# -*- coding: utf-8 -*-\n", b"-*- -*-", b"ft=", b"a: b\n"])
def test_a_line_without_a_mode_says_nothing(line):
    assert by_modeline(line) == ()


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("python3", "Python"),
        ("ir", None),
        ("IPython", "Python"),
        ("c++17", "C++"),
        ("bash", "Shell"),
        ("julia-1.9", "Julia"),
    ],
)
def test_kernels_are_known_by_their_aliases(alias, name):
    assert next(iter(by_alias(alias)), None) == name


@given(st.binary(max_size=2_000))
def test_a_rule_head_changes_only_long_lines_and_long_blanks(text):
    head = rule_head(text)
    if max(map(len, text.split(b"\n"))) <= 512 and not re.search(rb"\s{64}", text):
        assert head == text
    assert len(head) <= len(text)


@pytest.mark.parametrize(
    "text", [b"x" * 10**6, b"\n" * 10**6, b" " * 10**6, b"\n \n" * 10**5, b"(" * 10**6, b"\xff" * 10**6]
)
def test_no_rule_is_slow_on_a_megabyte_of_one_thing(text):
    assert len(rule_head(text)) <= RULE_BYTES
    for extension in (".h", ".m", ".inc", ".sql", ".r", ".as", ".txt", ".cs"):
        by_rule(extension, text)
