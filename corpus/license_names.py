"""Names of licences as people write them in manifests, as SPDX expressions: "Apache License, Version 2.0", GPLv3+.

Comes in: what a manifest declares. Goes out: an expression, or None where nothing is said or only a file is named. A
name that has one meaning gets its identifier; a family without its version stays the family (`GPL`, `BSD`); any other
name is kept, a single word as it is and several as `LicenseRef-Their-Words`, SPDX's form for what it does not list.
Refuses to guess: which licence a name might mean, or whether several side by side are a choice.
"""

import re
from collections.abc import Iterable
from typing import Final

from corpus.licenses import LICENCES, PERMISSIVE, joined, licence_of, tidy

_MAX_NAMES: Final = 100  # of one manifest, or of the manifests of one folder
_MAX_NAME: Final = 200  # characters; what is longer, or has line ends, is read as a licence's text

_NOTHING: Final = frozenset({"", "unknown", "none", "null", "undefined", "n/a", "unspecifiedlicense", "osi approved"})
# Where the licence stands instead of which it is: SEE LICENSE IN EULA.md, file LICENSE, LICENSE.txt, an address.
_POINTER: Final = re.compile(
    r"(?:see|file)\b.{0,80}\b(?:licen[cs]es?|copying|readme)\b.{0,80}|licen[cs]es?|copying|https?://.{1,200}"
    r"|(?:[\w.-]{1,40}/){0,4}(?:un)?(?:licen[cs]es?|copying)\.(?:txt|md|rst|html)",
    re.I,
)
_ADDRESS: Final = re.compile(
    r"https?://(?:www\.)?(?:apache\.org/licenses/LICENSE-2\.0|(?:opensource\.org/licenses?|spdx\.org/licenses"
    r"|licenses\.nuget\.org)/([\w.+-]{1,60}?))(?:\.(?:html|php|txt))?/?",
    re.I,
)

# By the words that are left of a name: without case, marks, and `_NOISE`.
_FAMILIES: Final = (
    ("library or lesser general public", "lgpl"), ("lesser general public", "lgpl"),
    ("library general public", "lgpl"), ("affero general public", "agpl"), ("affero gpl", "agpl"),
    ("lesser gpl", "lgpl"), ("general public", "gpl"), ("mozilla public", "mpl"), ("eclipse public", "epl"),
    ("apache software", "apache"), ("asl", "apache"), ("python software foundation", "psf"), ("psfl", "psf"),
    ("boost software", "boost"),
)  # fmt: skip
_NOISE: Final = frozenset({"the", "license", "licence", "licenses", "version", "v", "gnu", "under", "terms", "of"})
_LATER: Final = re.compile(
    r" ?(?:\+|plus|(?:and|or)(?: \(?at your option\)?)?(?: any)? (?:later|newer|above|greater)(?: version)?)$"
)
_VERSIONED: Final = re.compile(r"(a?gpl|lgpl|mpl|epl|apache|artistic|boost|psf|cc0) ?v?(\d)(?:\.(\d))?(?:\.0)?")
_EXCEPTION: Final = re.compile(r"-(?:exception|note)\b", re.I)  # else WITH may restrict: Apache-2.0 with Commons-Clause
_ACRONYM: Final = re.compile(r"([^()]+) \(([A-Za-z0-9.+ -]+)\)")  # GNU General Public License v3 (GPLv3)
_SPDX_NAMES: Final = {"mpl": "MPL", "epl": "EPL", "apache": "Apache", "artistic": "Artistic", "boost": "BSL",
                      "psf": "PSF", "cc0": "CC0"}  # fmt: skip
_NAMED_FAMILIES: Final = frozenset({"Apache", "BSD", "GPL", "LGPL", "AGPL", "MPL"})
_KNOWN: Final = {name.lower(): name for name in (*PERMISSIVE, *(licence.spdx for licence in LICENCES))}
_WORDS: Final = {
    "mit": "MIT", "expat": "MIT", "mit expat": "MIT", "isc": "ISC", "iscl": "ISC", "mit 0": "MIT-0",
    "mit no attribution": "MIT-0",
    "bsd": "BSD", "bsd 2 clause": "BSD-2-Clause", "2 clause bsd": "BSD-2-Clause", "simplified bsd": "BSD-2-Clause",
    "bsd 2 clause simplified": "BSD-2-Clause", "freebsd": "BSD-2-Clause", "bsd2": "BSD-2-Clause",
    "bsd 3 clause": "BSD-3-Clause", "3 clause bsd": "BSD-3-Clause", "new bsd": "BSD-3-Clause",
    "bsd new": "BSD-3-Clause", "modified bsd": "BSD-3-Clause", "revised bsd": "BSD-3-Clause",
    "bsd 3 clause new or revised": "BSD-3-Clause", "bsd 3": "BSD-3-Clause", "bsd 2": "BSD-2-Clause",
    "bsd3": "BSD-3-Clause", "bsd4": "BSD-4-Clause", "bsd 4 clause": "BSD-4-Clause",
    "zero clause bsd": "0BSD", "0bsd": "0BSD", "apache": "Apache", "gpl": "GPL", "lgpl": "LGPL", "agpl": "AGPL",
    "mpl": "MPL", "psf": "PSF-2.0", "cc0": "CC0-1.0", "cc0 1.0 universal": "CC0-1.0", "boost": "BSL-1.0",
    "cc0 1.0 universal cc0 1.0 public domain dedication": "CC0-1.0", "unlicense": "Unlicense", "zlib": "Zlib",
    "zlib libpng": "Zlib", "wtfpl": "WTFPL", "cc by 4.0": "CC-BY-4.0", "cc by sa 4.0": "CC-BY-SA-4.0",
    "unlicensed": "UNLICENSED",  # npm's word for "no rights are given"; Unlicense is the opposite
}  # fmt: skip


def expression_of(declared: object) -> str | None:
    """What one declaration says; None where it is no text or says nothing, or is a text that is not recognised."""
    if not isinstance(declared, str):
        return None
    name = declared.strip().strip("\"'")
    if len(name) > _MAX_NAME or "\n" in name:
        return licence_of(name.encode("utf-8", "replace"))
    if name.lower() in _NOTHING:
        return None
    address = _ADDRESS.fullmatch(name)
    if address:
        name = address[1] or "Apache-2.0"
    elif points_elsewhere(name):
        return _kept(name)
    return known(name) or _expression(name) or _several(name) or _kept(name)


def points_elsewhere(name: str) -> bool:
    """Whether it names a file or an address in the licence's place, which says only that one has to look there."""
    return _POINTER.fullmatch(name.strip()) is not None and not _ADDRESS.fullmatch(name.strip())


def all_of(declared: Iterable[object]) -> str | None:
    """Several declarations of which nobody says that they are a choice: all of them hold."""
    return joined(_each(declared), "AND")


def any_of(declared: Iterable[object]) -> str | None:
    """Several declarations that the manifest's format defines as a choice."""
    return joined(_each(declared), "OR")


def _each(declared: Iterable[object]) -> list[str]:
    names = dict.fromkeys(name for name in declared if isinstance(name, str))
    if len(names) > _MAX_NAMES:
        raise ValueError(f"{len(names):,} licences where at most {_MAX_NAMES} are one project's")
    return [one for one in map(expression_of, names) if one]


def side_by_side(expressions: Iterable[str]) -> str | None:
    """What the manifests of one folder say together; a family adds nothing where another one names its version.

    None where they say more than `_MAX_NAMES` different things: that is a collection, and no file's licence.
    """
    parts = set(expressions)
    if len(parts) > _MAX_NAMES:
        return None
    families = {one for one in parts if one in _NAMED_FAMILIES and any(part.startswith(one + "-") for part in parts)}
    return joined(parts - families, "AND")


def known(name: str) -> str | None:
    """The identifier of a name that has one meaning, or its family; None for any other name."""
    if name.lower() in _KNOWN:
        return _KNOWN[name.lower()]
    acronym = _ACRONYM.fullmatch(name)
    if acronym:
        long, short = known(acronym[1]), known(acronym[2])
        if long and short and side_by_side((long, short)) in (long, short):
            return side_by_side((long, short))
    words = " ".join(re.findall(r"[a-z0-9.+]+", name.lower()))
    later = _LATER.search(words)
    words = words[: later.start()] if later else words.removesuffix(" only")
    words = " ".join(word for word in words.split() if word not in _NOISE)
    for long, short in _FAMILIES:
        words = re.sub(rf"\b{long}\b", short, words)
    versioned = _VERSIONED.fullmatch(words)
    if versioned:
        family, version = versioned[1], f"{versioned[2]}.{versioned[3] or 0}"
        if family.endswith("gpl"):
            return f"{family.upper()}-{version}-{'or-later' if later else 'only'}"
        return f"{_SPDX_NAMES[family]}-{version}"  # a later version is its user's choice
    return _WORDS.get(words) if not later else None


def _expression(name: str) -> str | None:
    """An SPDX expression in any case, its names in their own spelling; no word of it is dropped."""
    if not re.fullmatch(r"[A-Za-z0-9.+()\s-]+", name):
        return None
    tidied = tidy(name)
    if tidied is None or not all(map(_EXCEPTION.search, re.findall(r" WITH (\S+)", tidied))):
        return None
    parts = re.split(r"([()\s]+)", tidied)
    fixed = "".join(part if part in ("AND", "OR", "WITH") else known(part) or part for part in parts)
    plain = fixed.removeprefix("(").removesuffix(")")
    for operator, other in (("OR", " AND "), ("AND", " OR ")):
        if not re.search(rf"[()]|{other}", plain):
            return joined(plain.split(f" {operator} "), operator)  # one spelling of what is no more than a list
    return fixed


def _several(name: str) -> str | None:
    """Known names between words of one kind: "MIT or Apache License 2.0"."""
    for word in ("OR", "AND"):
        parts = [known(part.strip()) for part in re.split(rf"\s+{word}\s+", name, flags=re.I)]
        if len(parts) > 1 and all(parts):
            return joined([part for part in parts if part], word)
    return None


def _kept(name: str) -> str | None:
    """A name that nothing here knows, as SPDX writes what it does not list."""
    words = re.findall(r"[\w.+]+", name)
    return "LicenseRef-" + "-".join(words) if words else None
