import io
import json
import tarfile

import pytest
import zstandard

from pipelines.language_samples import Sample, chosen, collect, main

PYTHON = "import os\n\n\ndef number_{}():\n    return os.name\n"


def package(tmp_path, name, files):
    path = tmp_path / f"{name}.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for file, text in files.items():
            entry = tarfile.TarInfo(f"{name}/{file}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def lines(path):
    data = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    return [json.loads(line) for line in data.splitlines()]


def test_a_file_is_labelled_by_its_name_and_one_outside_the_list_says_so(tmp_path, capsys):
    files = {"a.py": PYTHON.format(1), "b.toml": "[tool]\nname = 'a name of some length'\n", "c.unheard": "x" * 99}
    out = tmp_path / "out.jsonl.zst"
    assert main([str(package(tmp_path, "one", files)), "--out", str(out)]) == 0
    rows = {row["path"]: (row["label"], row["outside_language"]) for row in lines(out)}
    assert rows == {"a.py": ("Python", None), "b.toml": (None, "TOML")}
    assert "2 files, 1 languages of the list, 1 outside it" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a.h", "jquery.min.js"], ids=["its rules end in a default", "minified"])
def test_a_file_whose_label_is_in_doubt_or_that_no_person_wrote_is_left_out(tmp_path, name):
    assert collect([package(tmp_path, "one", {name: "var a = 1;" * 50})], 5, 5) == []


def test_a_rule_that_holds_labels_where_the_default_after_it_would_not(tmp_path):
    files = {
        "a.h": "namespace a { class B; }\n// long enough to count\n",
        "b.m": "@interface Foo : NSObject\n@end\n// long enough\n",
    }
    samples = collect([package(tmp_path, "one", files)], 5, 5)
    assert {sample.path[-3:]: sample.name for sample in samples} == {"a.h": "C++", "b.m": "Objective-C"}


def test_no_package_gives_more_of_a_language_than_its_share(tmp_path):
    big = package(tmp_path, "big", {f"{n}.py": PYTHON.format(n) for n in range(40)})
    small = package(tmp_path, "small", {"x.py": PYTHON.format("x")})
    samples = collect([big, small], 6, 4)
    assert len(samples) == 4
    assert {sample.source for sample in samples} == {"big.tgz", "small.tgz"}


def test_which_files_are_taken_does_not_depend_on_their_order():
    samples = [Sample("p", f"{n}.py", "Python", PYTHON.format(n)) for n in range(60)]
    assert chosen(iter(samples), 5) == chosen(iter(samples[::-1]), 5)


def test_the_same_content_is_taken_once(tmp_path):
    one = package(tmp_path, "one", {"a.py": PYTHON.format(1), "copy.py": PYTHON.format(1)})
    two = package(tmp_path, "two", {"again.py": PYTHON.format(1)})
    assert len(collect([one, two], 5, 5)) == 1


def test_a_package_that_is_not_there_is_named(tmp_path, capsys):
    assert main([str(tmp_path / "absent.tgz"), "--out", str(tmp_path / "o")]) == 2
    assert "absent.tgz" in capsys.readouterr().err
