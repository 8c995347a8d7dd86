"""Benchmark `recall`: does the loop find the mathematics of sites it was not started from; BPE against spaces; speed.

Pools of labelled real pages, some of them mathematics, built from Debian packages in the folder RECALL_PACKAGES
(docs/recall.md says which and how to get them) and from the demo's input: the first is the one that the loop was made
on; the second was made later, and its errors were read before folds and second looks were thought of; no figure of the
third was looked at before. The loop starts from parts of a few sites; all figures are of the other domains after dedup,
and of pages that have a label. It is run four times on each: with nobody looking, with a reader's decisions between
rounds, with those of half of the hosts, and with all of them and fastText. The reader saw the pool's pages and no
label. "Undecided" figures leave out every page that a decision before that round covers: of the third loop they say how
well it finds mathematics on hosts that nobody looked at. Pools and builds are kept in the folder RECALL_BUILD, a
temporary one by default.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks import _recall_pool, _recall_recipe, _recall_sites, _recall_sites2, _recall_sites3
from benchmarks._figures import figure
from benchmarks._recall_sites import CODE, CODE_SEED_DOMAINS, shows_code
from corpus.extract import html_text
from corpus.shards import Shard, Store
from filters.formulas import FORMULAS
from filters.recall import Joining, addresses
from filters.recall_learners import learn, pieces, scorer
from filters.recall_model import ClassifierConfig, Examples, logits, train
from filters.recall_words import WordsConfig, train_words, word_logits
from pipelines import build
from pipelines.manifest import survey
from pipelines.recipes import load
from tokenization.tokenizer import TokenizerConfig
from tokenization.tokenizer import load as load_tokenizer

_row = partial(figure, "recall")

PACKAGES, BUILD = "RECALL_PACKAGES", "RECALL_BUILD"
LOOPS: Final = ("automatic", "read", "half", "fasttext")
POOLS: Final = {
    "pool-1": (_recall_pool.FIRST, _recall_sites),
    "pool-2": (_recall_pool.SECOND, _recall_sites2),
    "pool-3": (_recall_pool.THIRD, _recall_sites3),
}
STAGES: Final = "crawl,pool_minhash,pool_dedup,recall"
LEAST_PRECISION: Final = 0.9
_SPEED_BYTES = 20_000_000
_DRAWN = 3_000  # negatives of the comparisons outside the loop

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pool after dedup, as columns."""

    texts: pa.LargeStringArray
    math: Bools
    clear: Bools  # has a label
    apart: Bools  # of a domain that no seed is of
    seed: Bools
    tokens: npt.NDArray[np.int64]
    origins: list[str]
    packages: list[str]
    addresses: list[str]

    @property
    def held_out(self) -> Bools:
        """What figures are of."""
        return self.apart & self.clear


@dataclass(frozen=True, slots=True)
class Scored:
    """One round: what it selected, and every page's score."""

    selected: Bools
    scores: Floats
    undecided: Bools  # no decision before this round covers the page
    decided: list[tuple[str, str] | None]  # what a decision after this round says of the page: label and pattern


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(os.environ.get(BUILD, scratch)).resolve()
        packages = Path(os.environ.get(PACKAGES, "recall-packages"))
        demo = Path(os.environ.get("DEMO_INPUT", "demo-input")) / "packages"
        for name, (pool, _) in POOLS.items():
            _recall_pool.build(packages, demo, root / name, pool)
            for loop in LOOPS:
                pages, rounds, history = looped(root, name, loop)
                yield from _loop_rows(f"{name}, {loop}", pages, rounds, history)
        yield from _code_rows(*looped(root, "pool-1", "code"))
        pages, _, _ = looped(root, "pool-1", LOOPS[0])
        yield from _signal_rows(pages)
        yield from _word_rows(packages, pages)
        yield from _speed_rows(pages)


def looped(root: Path, name: str, loop: str) -> tuple[Pages, list[Scored], list[dict[str, Any]]]:
    """Build the loop over the pool below `root`, and read what each round selected."""
    os.environ["RECALL_POOL"] = str(root / name)
    sites = POOLS[name][1]
    recipe = f"{_recall_recipe.__file__}:{loop}"
    status = build.main(["--recipe", recipe, "--root", str(root / "build"), "--stage", STAGES, "--workers", "2"])
    if status:
        raise RuntimeError(f"the build of the loop ended with status {status}: see above")
    store = Store(str(root / "build"))
    found = survey(store, build.plan(load(recipe, None).recipe), accept_code=False)
    outputs = {name: here.result.outputs for name, here in found.items() if here.result is not None}
    pool, made = outputs["crawl"]["pool"], outputs["recall"]
    survives = _column(store, outputs["pool_dedup"]["pool_survivors"], "survives").to_numpy(zero_copy_only=False)
    labels = _recall_pool.labels(root / name)
    urls, origins = (_column(store, pool, name).to_pylist() for name in ("url", "origin"))
    texts = _column(store, pool, "text").filter(pa.array(survives))
    keep = np.flatnonzero(survives)
    found_labels = np.array([labels[url][0] for url in urls])[keep]
    math, clear = found_labels == _recall_pool.MATH, found_labels != _recall_pool.UNCLEAR
    apart = np.array([origin not in sites.SEED_DOMAINS for origin in origins])[keep]
    tokens = np.array(load_tokenizer(TokenizerConfig()).encode_column(texts).value_lengths(), np.int64)
    n = len(pool)
    selections = [made["selections"][at : at + n] for at in range(0, len(made["selections"]), n)]
    where = addresses(pa.array([urls[row] for row in keep]))
    seed = np.array([any(fnmatchcase(address, p) for p in sites.SEEDS) for address in where])
    history: list[dict[str, Any]] = json.loads(store.read_bytes(made["rounds"][0]))
    rounds, undecided = [], np.ones(len(keep), bool)
    for shards, entry in zip(selections, history, strict=True):
        chosen = np.array([label is not None for label in _column(store, shards, "label").to_pylist()])[keep]
        scores = _column(store, shards, "score").to_numpy(zero_copy_only=False).astype(np.float64)[keep]
        joining = Joining([(label, pattern) for label, pattern in entry["edited"] or ()], 1)
        decided = [joining.match(address) for address in where]
        rounds.append(Scored(chosen, scores, undecided, decided))
        undecided = undecided & np.array([found is None for found in decided])
    domains, packages = [origins[row] for row in keep], [labels[urls[row]][1] for row in keep]
    return Pages(texts, math, clear, apart, seed, tokens, domains, packages, where), rounds, history


def _column(store: Store, shards: list[Shard], name: str) -> pa.Array:
    return pa.concat_arrays([chunk for shard in shards for chunk in store.table(shard, [name])[name].chunks])


# --- the loop


def _loop_rows(
    loop: str, pages: Pages, rounds: list[Scored], history: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    wanted = pages.math & pages.held_out
    if loop.endswith(LOOPS[0]):
        yield _row(f"{loop}: pool after dedup", "pages", len(pages.math))
        yield _row(f"{loop}: domains", "domains", len(set(pages.origins)))
        if not pages.clear.all():
            yield _row(f"{loop}: without a label", "pages", int((~pages.clear).sum()))
        yield _row(f"{loop}: mathematics in it", "share of pages", _share(pages.math, pages.clear))
        yield _row(f"{loop}: mathematics on held-out domains", "pages", int(wanted.sum()))
    for number, (found, told) in enumerate(zip(rounds, history, strict=True), 1):
        row = told["labels"]["math"]
        name = f"{loop}, round {number}"
        yield _row(f"{name}: seed", "pages", row["seed_pages"])
        yield _row(f"{name}: selected", "pages", row["pages"])
        yield _row(f"{name}: new", "pages", row["new_pages"])
        chosen = found.selected & pages.held_out
        yield _row(f"{name}: precision, held-out domains", "share", _share(chosen & wanted, chosen))
        yield _row(f"{name}: recall, held-out domains", "share", _share(chosen & wanted, wanted))
        yield from _ranking(name, found.scores, pages, pages.held_out)
        if not found.undecided.all():
            inside = pages.held_out & found.undecided
            yield _row(f"{name}, undecided: mathematics", "pages", int((inside & wanted).sum()))
            yield from _ranking(f"{name}, undecided", found.scores, pages, inside)
        yield from _agreement(name, found, pages)
    # The first model with the last round's budget: what more tokens alone would have brought.
    budget = int(pages.tokens[rounds[-1].selected].sum())
    order = np.argsort(-rounds[0].scores, kind="stable")
    inside = np.zeros(len(order), bool)
    inside[order[np.cumsum(pages.tokens[order]) <= budget]] = True
    chosen = inside & pages.held_out
    last = rounds[-1].selected & pages.held_out
    for name, whole in (("precision", None), ("recall", wanted)):
        one = _share(chosen & wanted, chosen if whole is None else whole)
        ours = _share(last & wanted, last if whole is None else whole)
        yield _row(f"{loop}: {name} at the last budget", "share", ours, "one round", one)


def _agreement(name: str, found: Scored, pages: Pages) -> Iterator[dict[str, Any]]:
    """How often a decision after this round says what the label says: of pages themselves, and of their folders."""
    told = list(zip(found.decided, pages.addresses, pages.math.tolist(), pages.clear.tolist(), strict=True))
    for what, itself in (("pages read", True), ("pages by folder or pattern", False)):
        right = [(d[0] == "math") == math for d, at, math, clear in told if d and clear and (d[1] == at) == itself]
        if right:
            yield _row(f"{name}: {what}, decided after it", "pages", len(right))
            yield _row(f"{name}: {what}, as labelled", "share", sum(right) / len(right))


def _share(part: Bools, whole: Bools) -> float:
    return float(part.sum() / max(1, whole.sum()))


def _ranking(what: str, scores: Floats, pages: Pages, inside: Bools) -> Iterator[dict[str, Any]]:
    found = scores[inside], pages.math[inside]
    yield _row(f"{what}: best recall at precision {LEAST_PRECISION}", "share", recall_at_precision(*found))
    yield _row(f"{what}: average precision", "share", average_precision(*found))


def recall_at_precision(scores: Floats, positive: Bools, least: float = LEAST_PRECISION) -> float:
    """The largest recall of a cut whose precision is at least this; pages of one score are cut together."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.append(np.diff(scores[order]) != 0, True)
    fit = last & (hits / np.arange(1, len(order) + 1) >= least)
    return float(hits[fit].max(initial=0) / max(1, positive.sum()))


def average_precision(scores: Floats, positive: Bools) -> float:
    """Mean over the positives of the precision at their rank; of one score, the last rank."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(positive[order])
    last = np.searchsorted(-ranked, -ranked, side="right") - 1
    return float((hits[last] / (last + 1))[positive[order]].mean())


def _code_rows(pages: Pages, rounds: list[Scored], history: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The second label: pages that show code, on sites that no seed is of."""
    shown = [shows_code(name, text) for name, text in zip(pages.packages, pages.texts.to_pylist(), strict=True)]
    code = np.array([bool(found) for found in shown])
    unseen = np.array([found is not None for found in shown]) & ~np.isin(pages.origins, CODE_SEED_DOMAINS)
    programming = unseen & np.isin(pages.packages, [site.package for site in CODE])
    chance = float(code[unseen].mean()), float(code[programming].mean())
    for number, (found, told) in enumerate(zip(rounds, history, strict=True), 1):
        chosen = found.selected & unseen
        name = f"code, round {number}"
        yield _row(f"{name}: seed", "pages", told["labels"]["code"]["seed_pages"])
        yield _row(f"{name}: precision, unseen sites", "share", _share(chosen & code, chosen), "chance", chance[0])
        yield _row(f"{name}: recall, unseen sites", "share", _share(chosen & code, unseen & code))
        for what, inside, base in (("", unseen, chance[0]), (" of programming", programming, chance[1])):
            made = average_precision(found.scores[inside], code[inside])
            yield _row(f"{name}: average precision, unseen sites{what}", "share", made, "chance", base)


# --- without a classifier


def _signal_rows(pages: Pages) -> Iterator[dict[str, Any]]:
    n = len(pages.texts)
    batch = pa.record_batch([pa.array(["page"] * n), pages.texts], ["kind", "text"])
    started = time.process_time()
    made = FORMULAS.kernel(batch, batch)
    seconds = time.process_time() - started
    for name in ("formula_fraction", "math_symbols", "math_terms", "math_evidence"):
        scores = made[name].to_numpy(zero_copy_only=False)
        yield from _ranking(f"without a classifier, {name}", scores, pages, pages.held_out)
    yield _row("measures without a classifier", "MB/s, one core", pages.texts.nbytes / 1e6 / seconds)


# --- BPE against spaces

Encoder = Callable[[list[str]], list[npt.NDArray[np.int32]]]


def bpe(texts: list[str]) -> list[npt.NDArray[np.int32]]:
    """Ids of DeepSeek-V2's vocabulary."""
    column = load_tokenizer(TokenizerConfig()).encode_column(pa.array(texts, pa.large_string()))
    return [np.asarray(row.values, np.int32) for row in column]


def spaces(texts: list[str]) -> list[npt.NDArray[np.int32]]:
    """A number for each word between white space, as fastText reads plain text; the rarest beyond 2**18 share one."""
    numbers: dict[str, int] = {}
    most = (1 << 18) - 1
    return [
        np.array([numbers.setdefault(w, min(len(numbers), most)) for w in text.split()], np.int32) for text in texts
    ]


def _word_rows(packages: Path, pages: Pages) -> Iterator[dict[str, Any]]:
    """The same examples and the same classifier, the text cut in two ways."""
    texts = pages.texts.to_pylist()
    draws = np.array([_draw(text) for text in texts])
    taken = ~pages.seed & (draws < _DRAWN / len(texts))
    yield from _compared("English, the pool", texts, pages.seed, taken, pages.math, pages.held_out)
    for language, package in (("English", "libreoffice-help-en-us"), ("Chinese", "libreoffice-help-zh-cn")):
        texts, subject, names = help_pages(packages, package)
        draws = np.array([_draw(name) for name in names])  # the same pages in both languages
        trained = subject & (draws < 0.2)
        negatives = ~trained & (draws > 0.6)
        yield from _compared(f"{language}, help pages", texts, trained, negatives, subject, ~trained & ~negatives)


def _draw(name: str) -> float:
    return int.from_bytes(blake2b(name.encode(), digest_size=7, person=b"recall-bench").digest(), "big") / 2**56


def help_pages(packages: Path, package: str) -> tuple[list[str], Bools, list[str]]:
    """A program's help: texts, whether about formulas and spreadsheet functions, names (the same in all languages)."""
    file, _ = _recall_pool.packages()[package]
    data = (packages / file).read_bytes()
    folder = f"./usr/share/libreoffice/help/{'zh-CN' if package.endswith('zh-cn') else 'en-US'}/text/"
    found = sorted((name, (html_text(html) or b"").decode()) for name, html in _recall_pool.members(data, folder))
    found = [(name, text) for name, text in found if len(text) >= 150]
    patterns = ("smath/*", "scalc/01/func_*", "scalc/01/0406*")
    subject = np.array([any(fnmatchcase(name, p) for p in patterns) for name, _ in found])
    return [text for _, text in found], subject, [name for name, _ in found]


def _compared(
    what: str, texts: list[str], positive: Bools, negative: Bools, wanted: Bools, tested: Bools
) -> Iterator[dict[str, Any]]:
    figures = []
    for encoder in (bpe, spaces):
        ids = encoder(texts)
        scores = trained_scores(_recall_recipe.CLASSIFIER, ids, positive, negative)
        found = scores[tested], wanted[tested]
        figures.append((average_precision(*found), recall_at_precision(*found)))
    for name, ours, theirs in zip(("average precision", "recall at precision 0.9"), *figures, strict=True):
        yield _row(f"{name}: {what}", "share", ours, "plain spaces", theirs)


def trained_scores(cfg: ClassifierConfig, ids: list[npt.NDArray[np.int32]], positive: Bools, negative: Bools) -> Floats:
    """Logits of all rows by a model of these examples, in an order drawn by their number."""
    chosen = np.flatnonzero(positive | negative)
    chosen = chosen[np.argsort([_draw(str(row)) for row in chosen], kind="stable")]

    def batches() -> Iterator[Examples]:
        for at in range(0, len(chosen), 256):
            part = chosen[at : at + 256]
            offsets = np.concatenate([[0], np.cumsum([len(ids[row]) for row in part])]).astype(np.int64)
            yield Examples(offsets, np.concatenate([ids[row] for row in part]), positive[part])

    score = scorer(cfg, learn(replace(cfg, held_out=0.0), batches))
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in ids])]).astype(np.int64)
    return score(pa.LargeListArray.from_arrays(offsets, np.concatenate(ids))).astype(np.float64)


# --- speed


def _speed_rows(pages: Pages) -> Iterator[dict[str, Any]]:
    """Text to score on one core: ids, then logits of one label, by a model of the published size."""
    tokenizer = load_tokenizer(TokenizerConfig())
    size, last = 0, 0
    while size < _SPEED_BYTES and last < len(pages.texts):
        size, last = size + len(pages.texts[last].as_py().encode()), last + 1
    texts = pages.texts.slice(0, last)
    ids = tokenizer.encode_column(texts)
    n = ids.offsets.to_numpy()
    half = Examples(n, ids.values.to_numpy(), np.arange(last) % 2 == 0)
    model = train(ClassifierConfig(dim=4, epochs=1, min_steps=0, buckets=2_000_000), lambda: [half])
    logits(model, ids)
    encoding = min(_seconds(lambda: tokenizer.encode_column(texts)) for _ in range(3))
    scoring = min(_seconds(lambda: logits(model, ids)) for _ in range(3))
    words = train_words(WordsConfig(epochs=1), pieces(TokenizerConfig()), lambda: [half])
    word_logits(words, pieces(TokenizerConfig()), ids)
    reading = min(_seconds(lambda: word_logits(words, pieces(TokenizerConfig()), ids)) for _ in range(3))
    yield _row("scoring of ids by words", "MB/s, one core", size / 1e6 / reading)
    yield _row("text to score, by words", "MB/s, one core", size / 1e6 / (encoding + reading))
    yield _row("pre-tokenization", "MB/s, one core", size / 1e6 / encoding)
    yield _row("scoring of ids, 2,000,000 buckets", "MB/s, one core", size / 1e6 / scoring)
    yield _row("text to score", "MB/s, one core", size / 1e6 / (encoding + scoring))


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
