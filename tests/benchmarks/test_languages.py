"""The benchmark refuses to run without samples, and gives every figure with them."""

import json
import os

import pytest

from benchmarks.languages import VARIABLE, rows

KEYS = {"benchmark", "what", "unit", "ours", "peer", "theirs", "ratio"}


def test_without_samples_it_says_which_variable_to_set(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(FileNotFoundError, match=VARIABLE):
        next(rows())
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nothing.jsonl"))
    with pytest.raises(FileNotFoundError, match=r"nothing\.jsonl"):
        next(rows())


def test_each_figure_has_the_keys_of_a_benchmark(monkeypatch, tmp_path):
    line = {"source": "linguist", "outside_language": None}
    samples = [
        line | {"path": f"a{i}.py", "label": "Python", "content": f"def f{i}(x):\n    return x\n"} for i in range(5)
    ]
    samples += [
        line | {"path": f"a{i}.c", "label": "C", "content": f"int f{i}(int *x) {{ return *x; }}\n"} for i in range(5)
    ]
    samples += [
        {"path": f"a{i}.toml", "label": None, "outside_language": "TOML", "content": f"[a{i}]\nb = 1\n"}
        for i in range(3)
    ]
    file = tmp_path / "samples.jsonl"
    file.write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(file)]))
    found = list(rows())
    assert all(set(row) == KEYS for row in found)
    with_name = next(row for row in found if row["what"] == "accuracy with name, linguist")
    assert with_name["ours"] == 1
    assert {row["what"].split(",")[0] for row in found} >= {
        "accuracy content",
        "macro accuracy content",
        "speed by content",
    }
