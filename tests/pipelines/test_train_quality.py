"""The command that trains the quality model: from labels, from a build's annotations, and what it refuses."""

import json

import pytest

from corpus.exact import exact_key
from corpus.schema import DOCUMENTS, LANGUAGES, LICENSES
from filters.characters import BASIC
from filters.encoded import ENCODED
from filters.lines import LINES
from filters.quality import QualityModel
from filters.quality_training import QualityConfig
from filters.source import SOURCE
from pipelines.manifest import Found
from pipelines.stage import Result, Stage
from pipelines.train_quality import Unfit, main, of_build
from tests.filters.test_quality_training import GOOD, OTHER, corpus
from tests.pipelines.aligned import write
from tests.pipelines.corpora import OneAfterTheOther, work


@pytest.fixture
def folder(tmp_path):
    for index, one in enumerate(corpus(6, 10)):
        path = tmp_path / "labels" / ("good" if one.good else "other") / one.repo / f"f{index}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text)
    return tmp_path / "labels"


def test_a_folder_of_labels_gives_a_model_and_its_card(folder, tmp_path, capsys):
    out = tmp_path / "quality.model"
    assert main([str(out), "--labelled", str(folder)]) == 0
    assert isinstance(QualityModel.decode(out.read_bytes()), QualityModel)
    card = json.loads((tmp_path / "quality.model.json").read_text())
    assert card["trained_on"] | {"words": 0} == {"good": 30, "other": 30, "repositories": 6, "words": 0}
    told = capsys.readouterr().out
    assert "precision 1.000, recall 1.000" in told and "quality_group" in told


def test_lines_of_labels_give_the_same_figures(folder, tmp_path, capsys):
    rows = [
        {"text": one.text, "good": one.good, "repo": one.repo, "path": f"{i}.py"} for i, one in enumerate(corpus(6, 10))
    ]
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert main([str(tmp_path / "m"), "--labelled", str(path)]) == 0
    assert "trained on 30 good and 30 other files of 6 repositories" in capsys.readouterr().out


def build(tmp_path, rows, **scrubbed):
    """What a build holds of these (document, language, measures) rows, up to `scrub`."""
    here = work(tmp_path, OneAfterTheOther(), "x")
    shards = [rows[:7], rows[7:]]
    groups = {
        group.name: {"d": write(here, group.name, group.schema(), shards)} for group in (SOURCE, BASIC, LINES, ENCODED)
    }
    outputs = {
        "crawl": {"documents": write(here, "documents", DOCUMENTS, shards)},
        "recall": {},
        "classify": {"languages": write(here, "languages", LANGUAGES, shards)},
        "scrub": {"licenses": write(here, "licenses", LICENSES, shards)},
        "measure": {name: made["d"] for name, made in groups.items()},
    }
    stages = {name: Stage(name=name, run=print, config=None) for name in outputs}  # type: ignore[arg-type]
    return here.store, {name: Found(stages[name], "done", "x", Result(out, {})) for name, out in outputs.items()}


def row(repo, path, good, **more):
    measures = {
        "has_syntax": True, "comment_fraction": 0.3 if good else 0.0, "n_code_lines": 50, "n_functions": 5,
        "function_lines": 0.1, "max_line_chars": 80, "copied_lines": 0.0, "todo_lines": 0.0, "encoded_fraction": 0.0,
        "hex_word_fraction": 0.0, "digit_fraction": 0.0, "n_chars": 9, "n_newlines": 1,
    }  # fmt: skip
    document = {"id": exact_key(f"{repo}{path}".encode()), "kind": "file", "origin": repo, "repo": repo, "path": path}
    marks = {
        "language": "Python",
        "generated": False,
        "vendored": False,
        "minified": False,
        "test": False,
        "how": "name",
    }
    text = {"text": GOOD if good else OTHER, "license": "MIT", "license_from": "file"}
    return {**measures, **document, **marks, **text, **more}


def corpus_of_a_build():
    yield row("tested", "test_a.py", False, test=True)
    yield from (row("tested", f"{i}.py", i % 2 == 0) for i in range(8))
    yield from (row("untested", f"{i}.py", i % 2 == 0) for i in range(4))
    yield row("tested", "gpl.py", True, license="GPL-3.0-only")
    yield row("tested", "made.py", True, generated=True)
    yield row("tested", "readme.md", True, language=None)


def test_good_files_of_a_build_are_those_whose_repository_is_good_too(tmp_path):
    store, found = build(tmp_path, list(corpus_of_a_build()))
    chosen, reference = of_build(QualityConfig(), store, found, "root")
    assert sorted(one.name for one in chosen if one.good) == [f"tested/{i}.py" for i in (0, 2, 4, 6)]
    assert {one.name for one in chosen if not one.good} <= {
        *(f"tested/{i}.py" for i in (1, 3, 5, 7)), "untested/1.py", "untested/3.py",
    }  # fmt: skip
    assert len([one for one in chosen if not one.good]) == 4  # as many of Python, tests not among them
    assert len(reference) == 14
    assert {one.text for one in chosen if one.good} == {GOOD}


def test_a_build_without_good_files_is_told(tmp_path):
    store, found = build(tmp_path, [row("untested", f"{i}.py", True) for i in range(9)])
    with pytest.raises(Unfit, match="none of 9 source files is good by the default"):
        of_build(QualityConfig(), store, found, "root")


@pytest.mark.parametrize(
    ("content", "message"),
    [("x", "line 1: not JSON with text and good"), ('{"text": "a", "good": 1}', "good is true or false"),
     ("", "holds no example"), ('{"text": "a = 1", "good": true, "language": "Go"}', "1 good and 0 other")],
)  # fmt: skip
def test_labels_that_cannot_be_used_are_named(content, message, tmp_path, capsys):
    (tmp_path / "l.jsonl").write_text(content)
    assert main([str(tmp_path / "m"), "--labelled", str(tmp_path / "l.jsonl")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--labelled", "nowhere"], "no such file or folder: nowhere"), (["--root", "memory://none"], "no measures in"),
     (["--recipe", "none"], "no recipe 'none'")],
)  # fmt: skip
def test_what_is_missing_is_named(more, message, tmp_path, capsys):
    assert main([str(tmp_path / "m"), *more]) == 2
    assert message in capsys.readouterr().err
