"""Notebooks to text."""

import json

import pytest

from corpus.decode import Extracted
from corpus.notebooks import source_text
from corpus.sources.raw import Raw


def extracted(data, path="a.ipynb"):
    return source_text(Raw(row=0, root="r", path=path, data=data, kind="file", origin="o"))


def cell(kind, source, **more):
    return {"cell_type": kind, "metadata": {}, "source": source, **more}


def notebook(*cells, **metadata):
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells}).encode()


def code(source):
    outputs = [{"output_type": "stream", "name": "stdout", "text": ["an output"]}]
    return cell("code", source, execution_count=1, outputs=outputs)


def test_cells_come_in_order_without_outputs():
    data = notebook(
        cell("markdown", ["# Sum\n", "of $x$"]), code(["a = 1\n", "b = 2"]), code(" \n"), cell("raw", "end")
    )
    made = extracted(data)
    assert made.text.decode() == "# Sum\nof $x$\n\n```\na = 1\nb = 2\n```\n\nend"
    assert (made.kind, made.encoding, made.declared) == ("notebook", "utf-8", None)


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}, "R"),
        (
            {"language_info": {"name": "julia"}, "kernelspec": {"name": "k", "display_name": "K", "language": "x"}},
            "julia",
        ),
        ({"language_info": {"name": "a\nb"}}, None),
        ({"language_info": "python"}, None),
    ],
)
def test_the_kernels_language_is_declared(metadata, language):
    made = extracted(notebook(code("x"), **metadata))
    assert made.declared == language
    assert made.text.decode() == f"```{language or ''}\nx\n```"


def test_a_fence_is_longer_than_those_in_the_code():
    assert extracted(notebook(code("'''\n````\n'''"))).text.decode().splitlines()[0] == "`````"


def test_older_formats_are_read():
    cells = [
        {"cell_type": "code", "input": ["x = 1"], "language": "python", "outputs": []},
        {"cell_type": "heading", "level": 2, "source": ["Head"]},
    ]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}
    assert extracted(json.dumps(old).encode()).text.decode() == "```\nx = 1\n```\n\n## Head"


@pytest.mark.parametrize(
    "data",
    [
        b"no json",
        b"{}",
        b"[]",
        b"null",
        b'"nbformat"',
        b"[" * 100_000,
        b'{"nbformat": 4}',
        b'{"nbformat": 4, "cells": [1], "metadata": {}}',
        b'{"nbformat": 4, "cells": 5, "metadata": {}}',
        b'{"nbformat": "x", "cells": [], "metadata": {}}',
        b'{"nbformat": 9, "cells": [], "metadata": {}}',
    ],
)
def test_what_is_no_notebook_is_refused(data):
    assert extracted(data) == Extracted(refused="bad_notebook")


def test_an_empty_notebook_is_refused():
    assert extracted(notebook(code(""))).refused == "empty"


def test_half_a_surrogate_pair_is_replaced():
    assert extracted(notebook(cell("markdown", "a\ud800"))).text == b"a?"


def test_other_files_stay_as_they_are():
    assert extracted(b"{}", "a.json") == Extracted(text=b"{}", encoding="utf-8")
    assert extracted(b"\0").refused == "binary"
