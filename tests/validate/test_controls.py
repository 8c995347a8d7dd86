import ast

import numpy as np
import pytest

from corpus.minhash import MinHashConfig, estimated_jaccard, signatures
from corpus.sources.raw import Raw
from validate import controls

PYTHON = '''#!/usr/bin/env python
"""Title.

More."""
import a  # why


def f(x):
    "doc"
    y = """# stays
    too"""
    return "# stays"  # gone
'''


def raw(i, text=None, path="x.py"):
    lines = "".join(f"line_{i}_{j} = {j}\n" for j in range(50))
    return Raw(row=0, root="r", path=path, data=(text or lines).encode(), kind="file", origin="o")


def spoiled(extract, n=600):
    return sum(extract(raw(i)).text != raw(i).data for i in range(n)) / n


@pytest.mark.parametrize(
    ("extract", "share"),
    [(controls.shuffled_lines, 0.5), (controls.foreign_words, 0.3), (controls.near_copies(), 0.2)],
    ids=["shuffled", "foreign", "copies"],
)
def test_each_control_spoils_its_share_of_documents(extract, share):
    assert spoiled(extract) == pytest.approx(share, abs=0.06)


def test_shuffling_keeps_every_line():
    for i in range(20):
        made = controls.shuffled_lines(raw(i)).text
        assert sorted(made.splitlines()) == sorted(raw(i).data.splitlines())


def test_copies_are_near_duplicates_of_few_and_no_two_alike():
    extract = controls.near_copies()
    texts = [extract(raw(i)).text.decode() for i in range(200)]
    copies = [text for text in texts if not text.startswith("line_")]
    assert len(set(copies)) == len(copies) > 20
    import pyarrow as pa

    _, values = signatures(MinHashConfig(), pa.array([*copies, *extract.templates], pa.large_string()))
    near = [
        estimated_jaccard(np.repeat(values[i : i + 1], len(extract.templates), 0), values[len(copies) :]).max()
        for i in range(len(copies))
    ]
    assert min(near) > 0.9


def test_foreign_words_keep_everything_but_letters():
    text = 'for Name in x_1: print("ab", 2)\n'
    made = next(
        m for i in range(50) if (m := controls.foreign_words(raw(0, text + "#" * i)).text.decode()) and "for" not in m
    )
    assert [c for c in made.rstrip("#\n") if not c.isalpha()] == [c for c in text.rstrip() if not c.isalpha()]
    assert made.split(":")[0].split()[1][0].isupper()


def test_python_loses_comments_and_docstrings_and_nothing_else():
    made = controls.strip_python(PYTHON)
    for gone in ("#!/usr", "Title", "why", '"doc"', "gone"):
        assert gone not in made
    for kept in ("import a", "# stays\n    too", 'return "# stays"'):
        assert kept in made
    ast.parse(made)


def test_what_python_cannot_read_stays_as_it_is():
    assert controls.strip_python("print 'x' # a\n  (") == "print 'x' # a\n  ("


def test_c_like_languages_lose_comments_outside_strings():
    text = 'int a = 1; // one\n/* two\n */char *b = "// stays";\n'
    assert controls.without_comments(raw(0, text, "x.c")).text.decode() == 'int a = 1; \nchar *b = "// stays";\n'


def test_a_file_of_comments_alone_is_refused_as_empty():
    assert controls.without_comments(raw(0, "# nothing\n")).refused == "empty"
    assert controls.without_comments(raw(0, "# text\n", "x.txt")).text == b"# text\n"
