"""Corpora made worse on purpose: extractors that spoil source files, to show that a probe would see such harm.

Comes in: a file. Goes out: its text, spoiled where the draw of its content says so. Each is a plain extractor, so a
control runs through the whole pipeline as any other variant does; held-out documents are the base's, unspoiled.
"""

import inspect
import io
import re
import string
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

from corpus.decode import Extracted
from corpus.draws import uniform_draws
from corpus.notebooks import source_text
from corpus.sources.raw import Raw

SHUFFLED: Final = 0.5  # of documents
COPIED: Final = 0.2
FOREIGN: Final = 0.3
# Two, as long as a file of the demo is: eight are read less than twice in 460,000 tokens, which harms nothing.
_TEMPLATES: Final = ("shlex", "textwrap")
_C_LIKE: Final = (
    *(".c", ".h", ".cpp", ".hpp", ".cc", ".rs", ".go", ".java"),
    *(".js", ".jsx", ".ts", ".tsx", ".css", ".scss"),
)
# A string is matched first, so that a mark inside one stays. Alternatives begin with different characters: linear.
_C_COMMENT: Final = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|//[^\n]*|/\*.*?\*/""", re.S)
_VOWELS: Final = str.maketrans("aeiouAEIOU", "uaeioUAEIO")
_CONSONANTS: Final = [c for c in string.ascii_lowercase if c not in "aeiou"]
_MOVED: Final = _CONSONANTS[7:] + _CONSONANTS[:7]
_LETTERS: Final = _VOWELS | str.maketrans(
    "".join(_CONSONANTS) + "".join(_CONSONANTS).upper(), "".join(_MOVED) + "".join(_MOVED).upper()
)


def shuffled_lines(raw: Raw) -> Extracted:
    """Half of the documents with their lines in a drawn order."""
    return _spoiled(raw, SHUFFLED, "shuffle", _shuffle)


def foreign_words(raw: Raw) -> Extracted:
    """30 % of the documents in a language nobody writes: each letter is another, vowels by vowels; the rest stays."""
    return _spoiled(raw, FOREIGN, "foreign", lambda text, _: text.translate(_LETTERS))


def without_comments(raw: Raw) -> Extracted:
    """Every document without comments; Python without docstrings too."""
    made = source_text(raw)
    if made.refused:
        return made
    text = made.text.decode()
    if raw.path.endswith(".py"):
        text = strip_python(text)
    elif raw.path.endswith(_C_LIKE):
        text = _C_COMMENT.sub(lambda match: match[1] or "", text)
    else:
        return made
    return replace(made, text=text.encode()) if text.strip() else Extracted(refused="empty")


@dataclass(frozen=True)
class NearCopies:
    """A fifth of the documents are copies of few, each with a few words changed.

    The few are modules of Python's standard library, whose text stands in the settings: so it is part of the identity.
    """

    templates: tuple[str, ...]
    change: Callable[[str, bytes], str]  # in the settings for its code
    inner: Callable[[Raw], Extracted] = source_text

    def __call__(self, raw: Raw) -> Extracted:
        def copy(text: str, key: bytes) -> str:
            chosen = uniform_draws(key, 0, "template", 0, 1)[0]
            return self.change(self.templates[int(chosen * len(self.templates))], key)

        return _spoiled(raw, COPIED, "copy", copy)


def near_copies() -> NearCopies:
    """With the two templates of the Python that runs this."""
    import importlib

    return NearCopies(tuple(inspect.getsource(importlib.import_module(name)) for name in _TEMPLATES), changed_words)


def changed_words(text: str, key: bytes) -> str:
    """The text with two of its words replaced, drawn by the key: a Jaccard similarity of some 0.98."""
    words = list(re.finditer(r"[A-Za-z]{4,}", text))
    for draw in uniform_draws(key, 0, "words", 0, 2):
        word = words[int(draw * len(words))]
        name = blake2b(key + word[0].encode(), digest_size=4).hexdigest()
        text = text[: word.start()] + name[: len(word[0])].ljust(len(word[0]), "x") + text[word.end() :]
    return text


def strip_python(text: str) -> str:
    """Without comments and without strings that are statements; as it stands where it is not Python 3."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return text
    lines = text.splitlines(keepends=True)
    before = tokenize.NEWLINE
    for token in reversed(list(_dropped(tokens, before))):
        (row, start), (last, end) = token.start, token.end
        head, tail = lines[row - 1][:start], lines[last - 1][end:]
        lines[row - 1 : last] = [head.rstrip() + tail if head.strip() else (tail.lstrip() if tail.strip() else "")]
    return "".join(lines)


def _dropped(tokens: list[tokenize.TokenInfo], before: int) -> list[tokenize.TokenInfo]:
    """Comments, and strings that begin a line of their own and end it."""
    found = []
    layout = (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT)
    for at, token in enumerate(tokens):
        alone = before == tokenize.NEWLINE and at + 1 < len(tokens) and tokens[at + 1].type == tokenize.NEWLINE
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and alone):
            found.append(token)
        if token.type not in layout:
            before = token.type
    return found


def _shuffle(text: str, key: bytes) -> str:
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    drawn = [blake2b(i.to_bytes(8, "little"), key=key, digest_size=8).digest() for i in range(len(lines))]
    return "".join(lines[i] for i in sorted(range(len(lines)), key=drawn.__getitem__))


def _spoiled(raw: Raw, share: float, purpose: str, change: Callable[[str, bytes], str]) -> Extracted:
    made = source_text(raw)
    key = blake2b(raw.path.encode() + b"\0" + raw.data, digest_size=16).digest()
    if made.refused or uniform_draws(key, 0, f"control {purpose}", 0, 1)[0] >= share:
        return made
    return replace(made, text=change(made.text.decode(), key).encode())
