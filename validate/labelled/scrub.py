"""The labelled set of `scrub`: cases with what must go marked in them, and precision and recall on any half of it.

Comes in: `scrub.tsv`, whose secrets are drawn when it is read, so that no key stands in the repository and none was
ever issued; and a function that finds spans. Goes out: per kind how many were found, missed and wrongly named. The half
of a case is a hash of its line: rules may be worked out on `tuned`, and are judged by `held_out`.
"""

import string
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from re import Match, compile
from typing import Final

KINDS: Final = ("key", "email", "ip_address", "user")
HALVES: Final = ("tuned", "held_out")
_FILE: Final = Path(__file__).with_suffix(".tsv")
_DRAWN: Final = compile(r"\{([Aaxhdbuwp])(\d+)\}")
_UPPER, _LOWER, _DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits
_ALPHABETS: Final = {
    "A": _UPPER + _DIGITS,
    "a": _LOWER + _DIGITS,
    "x": _UPPER + _LOWER + _DIGITS,
    "h": "0123456789abcdef",
    "d": _DIGITS,
    "b": _UPPER + _LOWER + _DIGITS + "+/",
    "u": _UPPER + _LOWER + _DIGITS + "-_",
    "w": _LOWER,
    "p": _DIGITS,
}
_ESCAPES: Final = {"\\n": "\n", "\\\\": "\\", "\\{": "{"}
_COVERED: Final = 0.9  # of a secret's bytes: one that ends a byte early is as good as gone


@dataclass(frozen=True, slots=True)
class Case:
    """A text, what must go from it as byte spans of one kind, and what it resembles."""

    kind: str  # of its spans, or "none"
    resembles: str
    path: str
    text: str
    people: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    half: str

    @property
    def document_kind(self) -> str:
        return "issue" if self.path.startswith("issue/") else "file"


@dataclass(frozen=True, slots=True)
class Score:
    """What was found of what there was, and what else was named."""

    found: int
    missed: int
    wrong: int

    @property
    def recall(self) -> float:
        return self.found / max(1, self.found + self.missed)

    @property
    def precision(self) -> float:
        return self.found / max(1, self.found + self.wrong)


Finder = Callable[[Case], Iterable[tuple[int, int, str]]]  # byte spans with their kind


def cases() -> list[Case]:
    """All of them, in the file's order."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return [_case(line) for line in lines if line and not line.startswith("#")]


def scores(chosen: Iterable[Case], find: Finder) -> dict[str, Score]:
    """Per kind: a labelled span counts as found where spans of its kind cover nearly all of it."""
    counts: Counter[tuple[str, str]] = Counter()
    for case in chosen:
        found = list(find(case))
        for span in case.spans:
            here = [one for one in found if one[2] == case.kind and one[0] < span[1] and span[0] < one[1]]
            covered = sum(min(span[1], one[1]) - max(span[0], one[0]) for one in here)
            counts[case.kind, "found" if covered >= _COVERED * (span[1] - span[0]) else "missed"] += 1
        for start, end, kind in found:
            right = kind == case.kind and any(start < high and low < end for low, high in case.spans)
            counts[kind, "right" if right else "wrong"] += 1
    return {kind: Score(*(counts[kind, what] for what in ("found", "missed", "wrong"))) for kind in KINDS}


def _case(line: str) -> Case:
    kind, resembles, path, text, *people = line.split("\t")
    drawn = _DRAWN.sub(_Drawing(line), _unescaped(text))
    pieces = drawn.replace("«", "\0«").replace("»", "\0»").split("\0")
    plain, spans, opened = "", [], 0
    for piece in pieces:
        if piece.startswith("«"):
            opened = len(plain.encode())
        elif piece.startswith("»"):
            spans.append((opened, len(plain.encode())))
        plain += piece.lstrip("«»")
    half = HALVES[blake2b(line.encode(), digest_size=1).digest()[0] & 1]
    return Case(kind, resembles, path, plain, tuple(people[0].split(",")) if people else (), tuple(spans), half)


class _Drawing:
    """What takes a placeholder's place: characters drawn from the line's hash, different for each placeholder."""

    def __init__(self, line: str) -> None:
        self.line, self.count = line, 0

    def __call__(self, match: Match[str]) -> str:
        self.count += 1
        alphabet, length = _ALPHABETS[match[1]], int(match[2])
        blocks = (blake2b(f"{self.line}/{self.count}/{i}".encode()).digest() for i in range(length // 64 + 1))
        drawn = "".join(alphabet[byte % len(alphabet)] for byte in b"".join(blocks)[:length])
        return _claims(drawn) if match[1] == "p" else drawn


def _claims(subject: str) -> str:
    """The middle part of a JSON Web Token."""
    return urlsafe_b64encode(f'{{"sub":"{subject}","iat":1516239022}}'.encode()).decode().rstrip("=")


def _unescaped(text: str) -> str:
    out, at = [], 0
    while at < len(text):
        pair = text[at : at + 2]
        out.append(_ESCAPES.get(pair, text[at]))
        at += 2 if pair in _ESCAPES else 1
    return "".join(out)
