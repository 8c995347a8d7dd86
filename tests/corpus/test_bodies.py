"""Texts without their licence headers: which go, which stay, and that columns may be sliced."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.bodies import COLUMNS, bodies, without_headers
from corpus.headers import header_span
from corpus.licenses import is_licence_file
from corpus.minhash import MinHashConfig

HEADER = "/*\n * Copyright (C) 2020 A. Person\n *\n * Licensed under the Apache License, Version 2.0.\n */\n"
PARTS = ("", HEADER, "# (c) 2019 X\n", "int é;\n", "{}\n", "/** Reads. */\n", "#!/bin/sh\n")


def left(text, kind="file", path="a.c"):
    (value,) = without_headers(pa.array([text], pa.large_string()), pa.array([kind]), pa.array([path])).to_pylist()
    return value


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (HEADER + "int x;\n", "int x;\n"),
        (HEADER + "/** Reads x. */\nint x;\n", "/** Reads x. */\nint x;\n"),
        ("#!/bin/sh\n# Copyright 2020 X\nls\n", "#!/bin/sh\nls\n"),
        ('"""Reads.\n\nCopyright 2020 X\n"""\n', '"""Reads.\n\n"""\n'),
        ("int x;\n" + HEADER, "int x;\n" + HEADER),
    ],
    ids=["header", "documentation stays", "after a shebang", "one paragraph of a docstring", "not leading"],
)
def test_a_leading_licence_header_goes_and_nothing_else(text, body):
    assert left(text) == body


@pytest.mark.parametrize("rest", ["", "\n\n", "{}\n"])
def test_a_file_of_nothing_but_a_header_keeps_it(rest):
    assert left(HEADER + rest) == HEADER + rest


@pytest.mark.parametrize(("kind", "path"), [("page", None), ("notebook", "a.ipynb"), ("file", "LICENSE"), (None, None)])
def test_only_source_files_lose_their_header(kind, path):
    assert left(HEADER + "int x;\n", kind, path) == HEADER + "int x;\n"


def test_a_file_without_a_path_loses_its_header():
    assert left(HEADER + "int x;\n", "file", None) == "int x;\n"


def plain(text, kind, path):
    """The twin: one text at a time."""
    raw = (text or "").encode()
    span = header_span(raw) if kind == "file" and not is_licence_file(path or "") else None
    cut = raw if span is None else raw[: span[0]] + raw[span[1] :]
    worded = any(char.isalnum() or char == "_" or ord(char) >= 128 for char in cut.decode())
    return cut.decode() if worded else raw.decode()


@given(
    rows=st.lists(st.tuples(st.lists(st.sampled_from(PARTS), max_size=4), st.sampled_from(["file", "page"]))),
    skip=st.integers(0, 3),
)
def test_columns_agree_with_the_plain_definition(rows, skip):
    texts = pa.array(["".join(parts) or None for parts, _ in rows], pa.large_string())
    kinds = pa.array([kind for _, kind in rows], pa.string())
    paths = pa.array(["a.c"] * len(rows), pa.string())
    columns = [column.slice(min(skip, len(rows))) for column in (texts, kinds, paths)]
    found = without_headers(*columns)
    twins = [plain(*row) for row in zip(*(column.to_pylist() for column in columns), strict=True)]
    assert [text or "" for text in found.to_pylist()] == twins


@pytest.mark.parametrize(("drop", "body"), [(True, "int x;\n"), (False, HEADER + "int x;\n")])
def test_the_setting_decides(drop, body):
    row = pa.RecordBatch.from_arrays(
        [pa.array(["file"]), pa.array(["a.c"]), pa.array([HEADER + "int x;\n"], pa.large_string())], names=list(COLUMNS)
    )
    assert bodies(MinHashConfig(drop_headers=drop), row).to_pylist() == [body]
