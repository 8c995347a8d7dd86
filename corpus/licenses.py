"""Licences: an SPDX expression from a licence file's text or a file's header.

Comes in: bytes of a text, or an expression. Goes out: an expression, or an answer to "may we use it under this
policy". Recognition is by distinctive phrases of the normalised text, all of which must occur: a licence that is not in
`LICENCES` is not recognised, and a text that only points elsewhere ("see LICENSE") gives None. Refuses to know about
shards, and which file belongs to which repository.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

_HEAD: Final = 8192  # bytes in which a tag counts
TEXT_BYTES: Final = 1 << 20  # of a licence file; the texts of dozens of bundled libraries are shorter


class Licence(NamedTuple):
    """Recognised where every phrase occurs in the normalised text and none of `unless` does."""

    spdx: str
    phrases: tuple[str, ...]
    unless: tuple[str, ...] = ()


_MIT: Final = "permission is hereby granted free of charge to any person obtaining a copy"
_BSD: Final = "redistribution and use in source and binary forms with or without modification are permitted"
_ISC: Final = "distribute this software for any purpose with or without fee is hereby granted"
_LATER: Final = ("or at your option any later version", "or later")
_GPL_TEXTS: Final = ("version 3 29 june 2007", "version 2 june 1991", "version 2 1 february 1999")
_GPL: Final = "gnu general public license as published by the free software foundation"
_LGPL: Final = "gnu lesser general public license as published by the free software foundation"
_AGPL: Final = "gnu affero general public license as published by the free software foundation"
_AGPL_TEXT: Final = "gnu affero general public license version 3 19 november 2007"

# Phrases are of the licences' own texts as published on spdx.org, and of the short notices those texts recommend.
LICENCES: Final = (
    Licence("MIT", (_MIT, "and this permission notice shall be included in all copies")),
    Licence("MIT-0", (_MIT,), ("and this permission notice shall be included in all copies",)),
    Licence("MIT", ("under the mit license",), (_MIT,)),
    Licence("MIT", ("under the terms of the mit license",), (_MIT,)),
    Licence("ISC", (_ISC, "provided that the above copyright notice and this permission notice appear")),
    Licence("0BSD", (_ISC,), ("provided that the above copyright notice and this permission notice appear",)),
    Licence("BSD-4-Clause", (_BSD, "all advertising materials mentioning features")),
    Licence("BSD-3-Clause", (_BSD, "endorse or promote products derived from"), ("all advertising materials",)),
    Licence("BSD-2-Clause", (_BSD,), ("endorse or promote products derived from", "all advertising materials")),
    Licence("Apache-2.0", ("apache license version 2 0",)),
    Licence("Apache-2.0", ("apache 2 0 license",)),
    Licence("GPL-3.0-only", ("gnu general public license version 3 29 june 2007",)),
    Licence("GPL-2.0-only", ("gnu general public license version 2 june 1991",)),
    Licence("LGPL-3.0-only", ("gnu lesser general public license version 3 29 june 2007",)),
    Licence("LGPL-2.1-only", ("gnu lesser general public license version 2 1 february 1999",)),
    Licence("LGPL-2.0-only", ("gnu library general public license version 2 june 1991",)),
    Licence("AGPL-3.0-only", (_AGPL_TEXT,)),
    Licence("GPL-3.0-or-later", (_GPL, "either version 3 of the license", _LATER[0]), (*_GPL_TEXTS, _AGPL_TEXT)),
    Licence("GPL-2.0-or-later", (_GPL, "either version 2 of the license", _LATER[0]), _GPL_TEXTS),
    Licence("GPL-3.0-only", (_GPL, "version 3 of the license"), (*_GPL_TEXTS, *_LATER)),
    Licence("GPL-2.0-only", (_GPL, "version 2 of the license"), (*_GPL_TEXTS, *_LATER)),
    Licence("LGPL-3.0-or-later", (_LGPL, "either version 3 of the license", _LATER[0]), _GPL_TEXTS),
    Licence("LGPL-2.1-or-later", (_LGPL, "either version 2 1 of the license", _LATER[0]), _GPL_TEXTS),
    Licence("AGPL-3.0-or-later", (_AGPL, "either version 3 of the license", _LATER[0]), (_AGPL_TEXT,)),
    Licence("MPL-2.0", ("mozilla public license version 2 0",)),
    Licence("MPL-2.0", ("mozilla public license v 2 0",)),
    Licence("EPL-2.0", ("eclipse public license v 2 0",)),
    Licence("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    Licence("CC0-1.0", ("cc0 1 0 universal",)),
    Licence("CC-BY-4.0", ("creative commons attribution 4 0 international",)),
    Licence("CC-BY-SA-4.0", ("creative commons attribution sharealike 4 0 international",)),
    Licence("PSF-2.0", ("psf license agreement for python", "subject to the terms and conditions")),
    Licence("PSF-2.0", ("python software foundation license version 2",)),
    Licence("BSL-1.0", ("boost software license version 1 0",)),
    Licence("Zlib", ("altered source versions must be plainly marked as such", "no event will the authors be held")),
    Licence("WTFPL", ("do what the fuck you want to public license",)),
    Licence("Artistic-2.0", ("the artistic license 2 0",)),
)

# What The Stack and its successors keep: licences whose only duty on a copy is to keep the notice. BSD and Apache are
# families, which many manifests name without a version: all their members are of this kind.
PERMISSIVE: Final = frozenset({
    "0BSD", "Apache", "Apache-2.0", "Artistic-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause", "BSL-1.0",
    "CC-BY-4.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "PSF-2.0", "Python-2.0", "Unlicense", "WTFPL", "Zlib",
})  # fmt: skip
POLICIES: Final = {"record": None, "permissive": PERMISSIVE}

_TAG: Final = re.compile(rb"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() \t-]{1,200})")
_FILE: Final = re.compile(
    r"(?:un)?licen[cs]e(?:$|[-._ ])|copying\d?(?:$|[-._ ])|[^/]*[-._]licen[cs]e(?:\.(?:txt|md|rst))?$", re.I
)
_CODE_SUFFIX: Final = re.compile(r"\.(?:py|js|ts|java|c|h|cc|cpp|go|rs|rb|php|cs|json|ya?ml|html?|sh|pl)$", re.I)


def licence_of(text: bytes) -> str | None:
    """The SPDX expression of a licence text or notice, several joined by AND; None where nothing is recognised."""
    tag = _TAG.search(text[:_HEAD])
    if tag:
        return tidy(tag.group(1).decode())
    words = re.sub(rb"[^a-z0-9]+", b" ", text[:TEXT_BYTES].lower()).decode()
    found = {
        licence.spdx
        for licence in LICENCES
        if all(phrase in words for phrase in licence.phrases) and not any(phrase in words for phrase in licence.unless)
    }
    return " AND ".join(sorted(found)) or None


def is_licence_file(path: str) -> bool:
    """Whether a file of this path holds a licence text by its name: LICENSE, COPYING.LESSER, foo.license, UNLICENSE."""
    name = path.rsplit("/", 1)[-1]
    return bool(_FILE.match(name)) and not _CODE_SUFFIX.search(name)


def nearest_licence(folders: dict[str, list[str]], path: str) -> str | None:
    """The licence of the first folder up from a file that has licence files; the folder "" is the root.

    Files side by side are joined by OR: which side of a dual licence a copy is under is its user's choice.
    """
    return joined(nearest(folders, path), "OR")


def nearest(folders: dict[str, list[str]], path: str) -> list[str]:
    """What is known of the first folder up from a file of which anything is."""
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        if folder in folders:
            return folders[folder]
    return []


def joined(expressions: Iterable[str], operator: str) -> str | None:
    """The different ones of several expressions under one operator, AND or OR; None of none."""
    other = {"AND": " OR ", "OR": " AND "}[operator]
    parts = sorted(set(expressions))
    return f" {operator} ".join(f"({one})" if other in one and len(parts) > 1 else one for one in parts) or None


def permitted(expression: str | None, policy: str) -> bool:
    """Whether a licence expression passes a policy of `POLICIES`: one side of OR, every side of AND; none is no."""
    allowed = POLICIES[policy]
    if allowed is None:
        return True
    return expression is not None and _holds(expression, lambda name: name.removesuffix("+") in allowed)


def tidy(expression: str) -> str | None:
    """One spelling of a tag's expression: single spaces, operators in capitals; None where it is not well formed."""
    tokens = re.findall(r"[()]|[A-Za-z0-9.+-]+", expression)
    while tokens and tokens[-1].strip("-.+") == "":
        tokens.pop()  # the comment's closing dashes
    tokens = [token.upper() if token.lower() in ("and", "or", "with") else token for token in tokens]
    joined = " ".join(tokens).replace("( ", "(").replace(" )", ")")
    try:
        _holds(joined, bool)
    except ValueError:
        return None
    return joined


def _holds(expression: str, is_true: Callable[[str], bool]) -> bool:
    """Evaluate an SPDX expression; AND binds closer than OR, and an exception after WITH changes nothing."""
    tokens = re.findall(r"[()]|[^\s()]+", expression)

    def term() -> bool:
        token = tokens.pop(0) if tokens else ")"
        if token == "(":
            value = either()
            if not tokens or tokens.pop(0) != ")":
                raise ValueError(f"unbalanced parenthesis in licence expression {expression!r}")
            return value
        if token in (")", "AND", "OR", "WITH"):
            raise ValueError(f"licence expression {expression!r} lacks a name")
        if tokens[:1] == ["WITH"]:
            del tokens[:2]
        return is_true(token)

    def both() -> bool:
        value = term()
        while tokens[:1] == ["AND"]:
            tokens.pop(0)
            value &= term()
        return value

    def either() -> bool:
        value = both()
        while tokens[:1] == ["OR"]:
            tokens.pop(0)
            value |= both()
        return value

    value = either()
    if tokens:
        raise ValueError(f"licence expression {expression!r} has more after its end: {tokens[0]!r}")
    return value
