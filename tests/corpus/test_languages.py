"""Documents to languages: the order of decisions, bad input, and independence from the batch."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.languages import HEURISTIC_CONFIDENCE, ClassifyConfig, classify
from corpus.schema import LANGUAGES

PYTHON = "import os\n\ndef main(argv):\n    for name in argv:\n        print(os.path.join('a', name))\n"
FIELDS = (("kind", pa.string()), ("path", pa.string()), ("declared", pa.string()), ("text", pa.large_string()))
DEFAULT = ClassifyConfig()


def documents(*rows):
    """Rows of kind, path, declared, text."""
    columns = zip(*rows, strict=True)
    return pa.record_batch([pa.array(c, t) for c, (_, t) in zip(columns, FIELDS, strict=True)], [n for n, _ in FIELDS])


def one(kind="file", path=None, declared=None, text="", cfg=DEFAULT):
    return classify(cfg, documents((kind, path, declared, text))).to_pylist()[0]


def answer(row):
    return row["how"], row["language"], row["text_format"], row["outside"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"path": "a.py", "text": "#!/bin/bash\n"}, ("name", "Python", None, None)),
        ({"path": "a.toml", "text": "a = 1"}, ("name", None, None, "TOML")),
        ({"path": "a.rst", "text": "A\n=\n"}, ("name", None, "reStructuredText", None)),
        ({"path": "run", "text": "#!/usr/bin/env python3\n"}, ("shebang", "Python", None, None)),
        ({"path": "a.cgi", "text": "#!/usr/bin/perl -w\n"}, ("shebang", "Perl", None, None)),
        ({"path": "run", "text": "# -*- mode: ruby -*-\n"}, ("shebang", "Ruby", None, None)),
        ({"path": "a.h", "text": "namespace a { class B; }\n"}, ("heuristic", "C++", None, None)),
        ({"path": "run", "text": PYTHON}, ("model", "Python", None, None)),
        ({"path": None, "text": PYTHON}, ("model", "Python", None, None)),
        ({"path": "run", "text": "(set-logic QF_LIA)\n"}, ("heuristic", "SMT", None, None)),
        ({"path": "a.py", "text": "(set-logic QF_LIA)\n"}, ("name", "Python", None, None)),
        ({"path": "a.unheard-of", "text": PYTHON}, ("model", "Python", None, None)),
        ({"path": "a.unheard-of", "text": ""}, ("none", None, None, None)),
        ({"path": "a.py", "text": ""}, ("name", "Python", None, None)),
        ({"kind": "notebook", "path": "a.ipynb", "declared": "ir", "text": PYTHON}, ("model", "Python", None, None)),
        ({"kind": "notebook", "path": "a.ipynb", "declared": "R", "text": PYTHON}, ("declared", "R", None, None)),
        ({"kind": "notebook", "path": "a.ipynb", "declared": "python3"}, ("declared", "Python", None, None)),
        ({"kind": "issue", "text": "It does not work."}, ("kind", None, "Markdown", None)),
        ({"kind": "page", "path": "a.py", "text": "Hello"}, ("kind", None, "Text", None)),
        ({"kind": "prose", "text": ""}, ("kind", None, "Text", None)),
    ],
)  # fmt: skip
def test_the_first_step_that_knows_decides(row, expected):
    assert answer(one(**row)) == expected


def test_confidence_says_how_sure_each_step_is():
    assert one(path="a.py")["confidence"] == 1
    assert one(path="a.h", text="namespace a {}\n")["confidence"] == pytest.approx(HEURISTIC_CONFIDENCE)
    found = one(text=PYTHON)
    assert DEFAULT.min_confidence <= found["confidence"] < 1
    assert found["runner_up"] not in (None, "Python")
    assert one()["confidence"] == 0


def test_below_the_confidence_asked_for_there_is_no_answer():
    strict = one(text=PYTHON, cfg=ClassifyConfig(min_confidence=1.0))
    assert answer(strict) == ("none", None, None, None)
    assert strict["runner_up"] == "Python"


def test_a_candidate_of_the_name_is_kept_whatever_the_model_says():
    """A file named .cgi is Perl, Python or Shell, even where the text is none of them."""
    found = one(path="a.cgi", text="main = putStrLn $ show 1 where x = y\n")
    assert found["language"] in ("Perl", "Python", "Shell")
    assert found["how"] == "model"
    assert one(path="a.cgi")["language"] == "Perl"


def test_a_shebang_does_not_overrule_the_candidates_of_a_name():
    found = one(path="a.pl", text="#!/usr/bin/env python3\nuse strict;\nmy $x = 1;\n")
    assert answer(found) == ("heuristic", "Perl", None, None)


def test_prose_has_a_natural_language_and_code_has_none():
    french = "Bonjour tout le monde, ceci est un texte écrit en français pour vérifier la langue."
    assert one(kind="page", text=french)["natural"] == "fr"
    assert one(path="a.md", text=french)["natural"] == "fr"
    assert one(path="a.py", text=f"# {french}\n")["natural"] is None
    assert one(path="a.py", text=f"# {french}\n", cfg=ClassifyConfig(natural="comments"))["natural"] == "fr"
    assert one(kind="page", text=french, cfg=ClassifyConfig(natural="none"))["natural"] is None


def test_marks_come_with_every_file():
    found = one(path="vendor/tests/a_test.min.js", text="// @generated\nvar a;")
    assert [found[m] for m in ("generated", "vendored", "minified", "test")] == [True] * 4
    assert [one(path="src/a.js", text="var a;\n")[m] for m in ("generated", "vendored", "minified", "test")] == [
        False
    ] * 4
    assert one(path="a.js", text="var a;" * 200)["minified"]
    assert not one(path="a.js", text="var a;\n" * 200)["minified"]


def test_guesslang_is_asked_where_the_settings_say_so():
    program = '#include <stdio.h>\nint main(void) {\n  return printf("hi\\n");\n}\n' * 20
    for cfg in (ClassifyConfig(guesslang="always"), ClassifyConfig(guesslang="never"), DEFAULT):
        assert one(text=program, cfg=cfg)["language"] == "C"
    assert one(text=program, cfg=ClassifyConfig(guesslang="always"))["runner_up"] is None
    assert one(text=program)["runner_up"] is not None
    assert one(kind="notebook", text=program)["runner_up"] is None


BAD = [
    "",
    "\n",
    "x",
    "\x00" * 100,
    "x" * 10**6,
    "\n" * 10**6,
    "(" * 10**5,
    "\ufeff",
    "\u202e",
    "é" * 100,
    "\x01\x02" * 1000,
]
NAMES = [
    None,
    "",
    ".",
    "/",
    ".py",
    "a.b.c.d.e",
    ".....",
    "а.рy",
    "x.h",
    "x.m",
    "x.inc",
    "Makefile",
    "a/",
    "x.r",
    "\\xff.c",
]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_bad_input_has_an_answer_or_none(text):
    kinds = ["file", "notebook", "page", None, "unheard-of"]
    rows = documents(*((kind, name, None, text) for kind in kinds for name in NAMES))
    found = classify(DEFAULT, rows)
    assert found.schema == LANGUAGES
    assert found.num_rows == len(kinds) * len(NAMES)
    assert found["how"].null_count == 0


def test_an_empty_batch_gives_an_empty_batch():
    empty = pa.record_batch([pa.array([], t) for _, t in FIELDS], [n for n, _ in FIELDS])
    assert classify(DEFAULT, empty).num_rows == 0


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.just("file"), st.sampled_from(NAMES), st.none(), st.text(max_size=80)), min_size=2, max_size=6
    ),
    st.integers(0, 5),
)
def test_an_answer_does_not_depend_on_the_batch_or_its_offset(rows, skip):
    batch = documents(*rows)
    whole = classify(DEFAULT, batch).to_pylist()
    skip = min(skip, len(rows) - 1)
    assert classify(DEFAULT, batch.slice(skip)).to_pylist() == whole[skip:]
    assert [one(path=path, text=text) for _, path, _, text in rows] == whole


@pytest.mark.parametrize("settings", [{"min_confidence": 1.1}, {"guesslang": "yes"}, {"natural": "all"}])
def test_wrong_settings_say_what_to_do(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        ClassifyConfig(**settings)
