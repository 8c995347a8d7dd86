"""Documents -> language, how it was decided, and marks: a record batch of `schema.LANGUAGES`, row for row.

The order: the source's own word (a notebook's kernel), file name, shebang or mode line, rules for ambiguous extensions,
the content model among the candidates, signatures where no name helped and the model is unsure, and none where its
confidence is too low. A language outside the 338 and a text format are answers too. A row's answer depends on that row
alone. It reads no files but the project's data, and drops nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus import guesslang, language_model, marks, natural
from corpus.language_table import (
    SIGNATURE_BYTES,
    by_alias,
    by_modeline,
    by_path,
    by_rule,
    by_shebang,
    by_signature,
    load_table,
)
from corpus.schema import LANGUAGES

HEURISTIC_CONFIDENCE: Final = 0.97  # of 667 labelled samples that a rule decided, .98 to .99 were right
GUESS_PROBABILITY: Final = 0.5  # The Stack v2 takes guesslang's word for a notebook from here on (arXiv 2402.19173)
SIGNATURE_CONFIDENCE: Final = 0.89  # of 373 labelled files that a rule decided without a name, most of them signatures
SURE: Final = 0.9  # from this confidence on the model is not asked twice: signatures cost more than its answer
CHUNK: Final = 1_024  # rows scored at once: a row of scores takes 3.5 KB
_KIND_FORMAT: Final = {"issue": "Markdown", "page": "Text", "prose": "Text"}


@dataclass(frozen=True, kw_only=True)
class ClassifyConfig:
    """Settings of `classify`.

    `min_confidence`: at 0.5, by content alone, .93 of the files that are named are right (Linguist's samples, cross-
    validated), .15 are left unnamed, and .13 of files of outside languages are forced into the list (.34 without one).
    `guesslang`: ask guesslang before the model where no name helps; "notebooks" is the published recipe's use of it.
    `natural`: "comments" also looks at comments of code, which costs more than all else together.
    """

    min_confidence: float = 0.5
    guesslang: Literal["never", "notebooks", "always"] = "notebooks"
    natural: Literal["none", "text", "comments"] = "text"

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence is a probability, not {self.min_confidence}: give 0 to 1")
        if self.guesslang not in ("never", "notebooks", "always"):
            raise ValueError(f"guesslang={self.guesslang!r}: give 'never', 'notebooks' or 'always'")
        if self.natural not in ("none", "text", "comments"):
            raise ValueError(f"natural={self.natural!r}: give 'none', 'text' or 'comments'")


class Decision(NamedTuple):
    """An answer: `name` is a language of the list, a text format or a language outside it; None is no answer."""

    how: str
    name: str | None
    confidence: float = 1.0
    runner_up: str | None = None


class Question(NamedTuple):
    """What the model is asked: which of these candidates; any language where there are none."""

    candidates: tuple[str, ...]


class Texts:
    """The bytes of a `large_string` column without a copy; slices with an offset work."""

    def __init__(self, column: pa.LargeStringArray) -> None:
        n = len(column)
        _, offsets, data = column.buffers()
        self.data: npt.NDArray[np.uint8] = np.frombuffer(data or b"", np.uint8)
        at = np.frombuffer(offsets, np.int64)[column.offset : column.offset + n + 1] if n else np.zeros(1, np.int64)
        self.starts, self.ends = at[:-1], at[1:]
        self._view = memoryview(data or b"")

    def head(self, row: int, n_bytes: int) -> bytes:
        start = int(self.starts[row])
        return bytes(self._view[start : min(int(self.ends[row]), start + n_bytes)])

    def size(self, row: int) -> int:
        return int(self.ends[row] - self.starts[row])

    def lines(self, row: int) -> int:
        return int(np.count_nonzero(self.data[self.starts[row] : self.ends[row]] == 10))


def classify(cfg: ClassifyConfig, documents: pa.RecordBatch) -> pa.RecordBatch:
    """The annotation of one row group; needs the columns kind, path, declared and text."""
    kinds, paths, declared = (documents.column(name).to_pylist() for name in ("kind", "path", "declared"))
    texts = Texts(documents.column("text"))
    decisions: list[Decision | Question] = []
    for row, (kind, path) in enumerate(zip(kinds, paths, strict=True)):
        if kind in _KIND_FORMAT:
            decisions.append(Decision("kind", _KIND_FORMAT[kind]))
        else:
            decisions.append(decide(cfg, kind, path, declared[row], texts, row))
    answers = _ask(cfg, decisions, texts)
    return _batch(cfg, answers, paths, texts)


def decide(
    cfg: ClassifyConfig, kind: str | None, path: str | None, declared: str | None, texts: Texts, row: int
) -> Decision | Question:
    """All but the content model."""
    named = by_alias(declared) if declared else ()
    if named:
        return Decision("declared", named[0])
    notebook = kind == "notebook"
    candidates, extension = by_path(path) if path and not notebook else ((), "")
    table = load_table()
    if candidates and extension not in table.rules and extension not in table.generic and len(candidates) == 1:
        return Decision("name", candidates[0])
    text = texts.head(row, language_model.HEAD)
    said = by_shebang(text) or by_modeline(text)
    for name in said:
        if not candidates or name in candidates:
            return Decision("shebang", name)
    if extension in table.rules:
        found = by_rule(extension, text)
        if found is not None:
            return Decision("heuristic", found, HEURISTIC_CONFIDENCE)
        if not candidates:
            return Question(())
    if len(candidates) == 1 and extension not in table.generic:
        return Decision("name", candidates[0])
    if not candidates and (cfg.guesslang == "always" or (cfg.guesslang == "notebooks" and notebook)):
        guess = guesslang.guess(text)
        if guess is not None and guess[1] >= GUESS_PROBABILITY:
            return Decision("model", guess[0], guess[1])
    return Question(candidates if extension not in table.generic else ())


def _ask(cfg: ClassifyConfig, decisions: list[Decision | Question], texts: Texts) -> list[Decision]:
    """The model's answers in place of the questions."""
    answers = [d if isinstance(d, Decision) else Decision("none", None, 0.0) for d in decisions]
    asked = [(row, d) for row, d in enumerate(decisions) if isinstance(d, Question)]
    if not asked:
        return answers
    model = language_model.load()
    for at in range(0, len(asked), CHUNK):
        part = asked[at : at + CHUNK]
        rows = np.array([row for row, _ in part])
        scores = language_model.scores(model, texts.data, texts.starts[rows], texts.ends[rows])
        for (row, question), line in zip(part, scores, strict=True):
            answers[row] = answer(cfg, model, question.candidates, line, texts.head(row, SIGNATURE_BYTES))
    return answers


@cache
def _positions(candidates: tuple[str, ...], classes: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """Candidates that the model knows, with their column; a variant is scored as the language it is one of."""
    column = {name.removeprefix("~"): at for at, name in enumerate(classes)}
    variants = load_table().variants
    found = ((name, column.get(variants.get(name, name))) for name in candidates)
    return tuple((name, at) for name, at in found if at is not None)


def answer(
    cfg: ClassifyConfig,
    model: language_model.Model,
    candidates: tuple[str, ...],
    line: language_model.Floats,
    head: bytes,
) -> Decision:
    """The best class, or none below the confidence asked for; among candidates of a name, always the best one.

    Where no name helped and the model is not sure, a signature at the text's head goes before it.
    """
    if candidates:
        known = _positions(candidates, model.classes)
        if not known or not line.any():
            return Decision("name", candidates[0], round(1 / len(candidates), 4))
        ranked = sorted(((float(line[at]), name) for name, at in known), key=lambda pair: -pair[0])
        (best, name), (second, runner_up) = ranked[0], ranked[1] if len(ranked) > 1 else (0.0, None)
        return Decision("model", name, language_model.confidence(model, best, second), runner_up)
    if not line.any():
        return Decision("none", None, 0.0)
    first = int(line.argmax())
    rest = line.copy()
    rest[first] = -np.inf
    other = int(rest.argmax())
    sure = language_model.confidence(model, float(line[first]), float(line[other]))
    names = [model.classes[at].removeprefix("~") for at in (first, other)]
    signed = by_signature(head, names[0]) if sure < SURE else None
    if signed is not None:
        return Decision("heuristic", signed, SIGNATURE_CONFIDENCE, names[names[0] == signed])
    if sure < cfg.min_confidence:
        return Decision("none", None, sure, names[0])
    return Decision("model", names[0], sure, names[1])


def _batch(cfg: ClassifyConfig, answers: list[Decision], paths: list[str | None], texts: Texts) -> pa.RecordBatch:
    """The answers sorted into columns, and the marks of each row."""
    table = load_table()
    names = [answer.name for answer in answers]
    columns = {
        "how": [answer.how for answer in answers],
        "language": [name if name in table.names else None for name in names],
        "text_format": [name if name in table.text_formats else None for name in names],
        "outside": [
            None if name is None or name in table.names or name in table.text_formats else name for name in names
        ],
        "confidence": [answer.confidence for answer in answers],
        "runner_up": [answer.runner_up for answer in answers],
        "natural": list(_natural(cfg, names, texts)),
        "generated": [
            marks.generated(path or "", texts.head(r, marks.GENERATED_BYTES)) for r, path in enumerate(paths)
        ],
        "vendored": [path is not None and marks.vendored(path) for path in paths],
        "minified": [path is not None and _minified(path, texts, row) for row, path in enumerate(paths)],
        "test": [path is not None and marks.is_test(path) for path in paths],
        "data_heavy": marks.data_heavy(texts.data, texts.starts, texts.ends),
    }
    arrays = [pa.array(columns[field.name], field.type) for field in LANGUAGES]
    return pa.record_batch(arrays, schema=LANGUAGES)


def _minified(path: str, texts: Texts, row: int) -> bool:
    lines = texts.lines(row) if marks.minifiable(path) else 0
    return marks.minified(path, texts.size(row), lines)


def _natural(cfg: ClassifyConfig, names: list[str | None], texts: Texts) -> Iterator[str | None]:
    """Of text formats always; of code only where asked for, from its comments."""
    formats = load_table().text_formats
    for row, name in enumerate(names):
        if cfg.natural == "none" or name is None:
            yield None
        elif name in formats:
            yield natural.identify(texts.head(row, natural.HEAD))
        elif cfg.natural == "comments":
            yield natural.identify(natural.comments(texts.head(row, natural.COMMENT_HEAD), name))
        else:
            yield None
