"""Licences as package managers' manifests declare them: package.json, Cargo.toml, METADATA, DESCRIPTION, pom.xml, ...

Comes in: a manifest's path and bytes. Goes out: an SPDX expression, or None where it declares nothing. Several licences
are a choice where the format's manual says so (npm's `licenses`, Composer, Maven, R's `|`, Cargo's `/`), else all hold.
What runs to tell (setup.py, gemspec, mix.exs) is read by pattern, and only what is a plain string counts. Raises
ValueError for what its own tools could not read either. Refuses to know repositories, and which manifest is nearest.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from xml.parsers import expat

from corpus.license_names import all_of, any_of, expression_of, points_elsewhere
from corpus.licenses import joined

MANIFEST_BYTES: Final = 1 << 18  # a longer file of such a name is data: none in 2,600 packages was longer
_MAX_FIELD_LINES: Final = 10_000
_MAX_TERMS: Final = 50  # alternatives of R's: what is left out gives no right that the others do not
_MAX_DOTS: Final = 300  # in a line of TOML

_COMMENTS: Final = {"#": re.compile(r"(?m)(?:^|(?<=\s))#.*$"), "--": re.compile(r"(?m)(?:^|(?<=\s))--.*$"),
                    ";": re.compile(r"(?m);.*$")}  # fmt: skip
_STRING: Final = re.compile(r"\"([^\"\n\\]{0,200})\"|'([^'\n\\]{0,200})'")
_SECTION: Final = re.compile(r"(?m)^\[metadata\][ \t]*\n((?:(?!\[).*\n?)*)")
_GIVEN: Final = re.compile(r"(?:^|(?<=[\s(,{]))(?:licen[cs]e[ \t]*=(?!=)|[\"']licen[cs]e[\"'][ \t]*:)[ \t]*")
# The string stands alone: no operator behind it, and no second string, which Python would join to it.
_ALONE: Final = re.compile(
    r"(?:\"([^\"\n\\]{0,200})\"|'([^'\n\\]{0,200})')(?=\s{0,200}[,)}]|[ \t]{0,200}(?:\n(?!\s{0,200}[\"'])|\Z))"
)
_CLASSIFIER: Final = re.compile(r"[\"'](License ::[^\"'\n\\]{1,200})[\"']")
_GEM: Final = re.compile(r"\.licen[cs]es?[ \t]*=[ \t]*(%w.[^\])}>\n]{0,250}.|\[[^\]]{0,1000}\]|[^\n\[]{1,250})")
_WORDS: Final = re.compile(r"%w[\[({<]([^\])}>]{0,250})[\])}>]")
_MIX: Final = re.compile(r"\blicenses:[ \t]*(\[[^\]]{0,1000}\])")
_OPAM: Final = re.compile(r"(?m)^license:[ \t]*\n?[ \t]*(\"[^\"\n]{0,200}\"|\[[^\]]{0,1000}\])")
_DUNE: Final = re.compile(r"\(licenses?\s+((?:\"[^\"\n]{0,200}\"|[^\s()\"]{1,200}|\s){1,100}?)\)")
_CABAL: Final = re.compile(r"(?mi)^license[ \t]*:[ \t]*(?:\n[ \t]+)?([^\n]{0,200})")
_YAML: Final = re.compile(r"(?m)^license:[ \t]*([^\s#][^\n]{0,200})?((?:\n[ \t]*-[ \t]+[^\n]{1,200}){0,20})")
_R_TERM: Final = re.compile(r"([^()]{1,100}?)\s*\(\s*(>=|==)\s*([\d.]{1,10})[^()]{0,30}\)")

# As CPAN::Meta::Spec names them; `open_source`, `restricted` and `unrestricted` name no licence and stay.
_PERL: Final = {
    "perl": "Artistic-1.0-Perl OR GPL-1.0-or-later", "perl_5": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "apache_2_0": "Apache-2.0", "apache_1_1": "Apache-1.1", "artistic_1": "Artistic-1.0", "artistic_2": "Artistic-2.0",
    "agpl_3": "AGPL-3.0-only", "gpl_1": "GPL-1.0-only", "gpl_2": "GPL-2.0-only", "gpl_3": "GPL-3.0-only",
    "lgpl_2_1": "LGPL-2.1-only", "lgpl_3_0": "LGPL-3.0-only", "freebsd": "BSD-2-Clause", "mozilla_1_0": "MPL-1.0",
    "mozilla_1_1": "MPL-1.1", "mozilla": "MPL", "openssl": "OpenSSL", "qpl_1_0": "QPL-1.0",
}  # fmt: skip
_HASKELL: Final = {"PublicDomain": "LicenseRef-Public-Domain", "OtherLicense": None, "UnspecifiedLicense": None}


def is_manifest(path: str) -> bool:
    """Whether a file is, by its name, a manifest of a kind that is read here."""
    return _reader(path) is not None


def folder_described(path: str) -> str:
    """The folder that a manifest speaks of: its own; x.dist-info and x.egg-info lie beside what they describe."""
    folder = path.rpartition("/")[0]
    above, _, name = folder.rpartition("/")
    return above if name.endswith((".dist-info", ".egg-info")) else folder


def declared(path: str, text: bytes) -> str | None:
    """The licence that a manifest declares, None where it declares none; ValueError where it cannot be read."""
    reader = _reader(path)
    if reader is None:
        raise ValueError(f"{path!r} has not the name of a manifest")
    if len(text) > MANIFEST_BYTES:
        raise ValueError(f"{path!r} is longer than {MANIFEST_BYTES:,} bytes: no manifest is")
    try:
        return reader(text.decode("utf-8-sig").replace("\r\n", "\n"))
    except (RecursionError, expat.ExpatError) as error:
        raise ValueError(f"{path!r}: {error}") from error


def _reader(path: str) -> "Callable[[str], str | None] | None":
    name = path.rpartition("/")[2]
    return _BY_NAME.get(name) or _BY_SUFFIX.get(name[name.rfind(".") :] if "." in name[1:] else "")


def _package_json(text: str) -> str | None:
    found = _object(text)
    old, new = found.get("licenses"), found.get("license")
    return (all_of(_npm_names(new)) if new else None) or any_of(_npm_names(old))


def _npm_names(value: object) -> Iterator[object]:
    """Names in npm's old forms: a string, {"type": name}, or a list of these."""
    for one in value if isinstance(value, list) else [value]:
        yield one.get("type") or one.get("name") if isinstance(one, dict) else one


def _composer(text: str) -> str | None:
    value = _object(text).get("license")
    return any_of(value if isinstance(value, list) else [value])


def _cargo(text: str) -> str | None:
    """A member that inherits (`license.workspace = true`) says nothing; its workspace's own manifest does."""
    found = _toml(text)
    for table in (_table(found, "package"), _table(found, "workspace", "package")):
        value = table.get("license")
        if isinstance(value, str):
            return expression_of(value.replace("/", " OR "))
        if isinstance(table.get("license-file"), str):
            return expression_of(f"file LICENSE {table['license-file']}")
    return None


def _pyproject(text: str) -> str | None:
    found = _toml(text)
    for table in (_table(found, "project"), _table(found, "tool", "poetry"), _table(found, "tool", "flit", "metadata")):
        value = table.get("license")
        if isinstance(value, dict):
            value = value.get("text") or (f"file LICENSE {value['file']}" if "file" in value else None)
        said = _python(value, table.get("classifiers"))
        if said:
            return said
    return None


def _setup_cfg(text: str) -> str | None:
    """Section [metadata] by its lines: `configparser` takes 9 s for a quarter of a megabyte of indented ones."""
    section = _SECTION.search(text)
    lines = [line for line in section[1].split("\n") if line.strip() and line[0] not in "#;"] if section else []
    table = dict(_fields("\n".join(lines)))
    classifiers = table.get("classifiers") or table.get("classifier", "")
    return _python(table.get("license_expression") or table.get("license"), classifiers.split("\n"))


def _setup_py(text: str) -> str | None:
    """`license="..."` where that is one plain string throughout the file, else the classifiers that are strings."""
    text = _COMMENTS["#"].sub("", text)
    given = {_ALONE.match(text, place.end()) for place in _GIVEN.finditer(text)}
    values = {match and (match[1] or match[2]) for match in given}
    return _python(values.pop() if len(values) == 1 else None, _CLASSIFIER.findall(text))


def _metadata(text: str) -> str | None:
    """PKG-INFO and METADATA, told from other files of these names by their first field."""
    if not text.startswith("Metadata-Version:"):
        return None
    fields = list(_fields(text))
    stated = next((value for key, value in fields if key == "license-expression"), None)
    stated = stated or next((value for key, value in fields if key == "license"), None)
    return _python(stated, [value for key, value in fields if key == "classifier"])


def _python(value: object, classifiers: object) -> str | None:
    """The field where it names a licence, else the classifiers: no field says whether several are a choice."""
    listed = classifiers if isinstance(classifiers, list) else []
    names = [one.split(" :: ")[-1] for one in listed if isinstance(one, str) and one.startswith("License ::")]
    elsewhere = isinstance(value, str) and points_elsewhere(value)
    stated, others = expression_of(value), all_of(name for name in names if name != "DFSG approved")
    return others or stated if elsewhere else stated or others


def _description(text: str) -> str | None:
    """R's: alternatives by |, versions in parentheses; "+ file LICENSE" fills in MIT's and BSD's names."""
    fields = dict(_fields(text))
    if "package" not in fields or "license" not in fields:
        return None
    terms = fields["license"].split("|")[:_MAX_TERMS]
    return joined([one for one in map(_r_licence, terms) if one], "OR")


def _r_licence(term: str) -> str | None:
    name, plus, _ = term.strip().partition("+")
    ranged = _R_TERM.fullmatch(name.strip())
    if ranged:
        name = f"{ranged[1]} {ranged[3]}{' or later' if ranged[2] == '>=' else ''}"
    said = expression_of(name)
    template = said == "MIT" or (said or "").startswith("BSD")
    return joined([one for one in (said, "LicenseRef-file-LICENSE") if one], "AND") if plus and not template else said


def _gemspec(text: str) -> str | None:
    found = _GEM.findall(_COMMENTS["#"].sub("", text))
    if len(found) != 1:
        return None
    words = _WORDS.match(found[0])
    return all_of(words[1].split() if words else _strings(found[0]))


def _pom(text: str) -> str | None:
    """The project's own licences; those of a parent are not in the file."""
    return any_of(value for path, _, value in _elements(text) if path == ("project", "licenses", "license", "name"))


def _nuspec(text: str) -> str | None:
    said = {path[-1]: (kind, value) for path, kind, value in _elements(text) if path[:2] == ("package", "metadata")}
    kind, value = said.get("license", ("", ""))
    if kind:
        return expression_of(value if kind == "expression" else f"file LICENSE {value}")
    return expression_of(said.get("licenseUrl", ("", ""))[1])


def _cabal(text: str) -> str | None:
    value = _CABAL.search(_COMMENTS["--"].sub("", text))
    name = value[1].strip() if value else ""
    return _HASKELL[name] if name in _HASKELL else expression_of(name)


def _opam(text: str) -> str | None:
    value = _OPAM.search(_COMMENTS["#"].sub("", text))
    return all_of(_strings(value[1])) if value else None


def _dune(text: str) -> str | None:
    value = _DUNE.search(_COMMENTS[";"].sub("", text))
    return all_of(quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|([^\s"]+)', value[1])) if value else None


def _perl_json(text: str) -> str | None:
    """The specification sends readers of several licences to the documentation, so all hold."""
    value = _object(text).get("license")
    return _perl(value if isinstance(value, list) else [value])


def _perl_yaml(text: str) -> str | None:
    value = _YAML.search(text)
    if value is None:
        return None
    return _perl([value[1], *re.findall(r"-[ \t]+([^\n]+)", value[2])])


def _perl(names: Iterable[object]) -> str | None:
    words = [name.strip().strip("\"'") for name in names if isinstance(name, str)]
    return all_of(_PERL.get(word, word) for word in words)


def _mix(text: str) -> str | None:
    found = set(_MIX.findall(_COMMENTS["#"].sub("", text)))
    return all_of(_strings(found.pop())) if len(found) == 1 else None


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"a JSON {type(found).__name__} where an object is expected")
    return found


def _toml(text: str) -> dict[str, Any]:
    """`tomllib` takes the square of a dotted key's parts: 99 s for a file of one such key."""
    if any(line.count(".") > _MAX_DOTS for line in text.split("\n")):
        raise ValueError(f"a line of TOML with more than {_MAX_DOTS} dots")
    return tomllib.loads(text)


def _table(found: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The table below these keys, empty where there is none."""
    for key in keys:
        below = found.get(key)
        found = below if isinstance(below, dict) else {}
    return found


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """`Name: value` or `name = value` lines up to the first empty one; indented lines go on with a value."""
    key, lines = "", [""]
    for line in text.split("\n", _MAX_FIELD_LINES)[:_MAX_FIELD_LINES]:
        if line[:1] in (" ", "\t"):
            lines.append(line.strip().removeprefix("|").strip())
            continue
        if key:
            yield key, "\n".join(lines).strip()
        name, *value = re.split("[:=]", line, maxsplit=1)
        if not value:
            return
        key, lines = name.strip().lower(), [value[0].strip()]
    if key:
        yield key, "\n".join(lines).strip()


def _strings(source: str) -> list[str]:
    """The plain strings of a piece of code; none where there is more in it than strings and their list."""
    rest = _STRING.sub("", source).replace(".freeze", "")
    return [] if re.search(r"[^\s\[\],]", rest) else [double or single for double, single in _STRING.findall(source)]


def _elements(text: str) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(path of names, attribute `type`, text) of every element without others in it; entities are refused unread."""
    found: list[tuple[tuple[str, ...], str, str]] = []
    path: list[str] = []
    kinds: list[str] = []
    texts: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(path) == _DEEPEST:
            raise ValueError(f"XML elements more than {_DEEPEST} deep")
        path.append(name.rpartition(":")[2])
        kinds.append(attributes.get("type", ""))
        texts.clear()

    def end(name: str) -> None:
        found.append((tuple(path), kinds.pop(), "".join(texts).strip()))
        path.pop()
        texts.clear()

    def entity(*declaration: object) -> None:
        raise ValueError("XML that declares entities")

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = texts.append, entity
    parser.Parse(text.encode(), True)
    return iter(found)


_DEEPEST: Final = 50
_BY_NAME: Final = {
    "package.json": _package_json, "composer.json": _composer, "Cargo.toml": _cargo, "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg, "setup.py": _setup_py, "PKG-INFO": _metadata, "METADATA": _metadata,
    "DESCRIPTION": _description, "pom.xml": _pom, "opam": _opam, "dune-project": _dune, "META.json": _perl_json,
    "META.yml": _perl_yaml, "mix.exs": _mix,
}  # fmt: skip
_BY_SUFFIX: Final = {".gemspec": _gemspec, ".cabal": _cabal, ".opam": _opam, ".nuspec": _nuspec}
