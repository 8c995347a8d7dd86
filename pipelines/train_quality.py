"""`python -m pipelines.train_quality OUT`: the quality model of `filters.quality`, from a build's files or from labels.

Of a build (`--recipe`, `--root`; done up to `filter`) good files are those that `filters.quality_training` calls so,
others are drawn. `--labelled` takes labels made elsewhere instead: a folder with good/ and other/ in it, the folder
below them being the repository, or .jsonl with text, good (true or false), and where known repo, path and language.

Writes the model to OUT and its card to OUT.json, and prints the card and the files at both ends. One process; it reads
narrow columns of the whole build, and the text of what it draws: at most 64 KiB of each of some 40,000 files.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rich.table import Table

from corpus.draws import uniform_draws
from corpus.languages import ClassifyConfig, classify
from corpus.shards import Shard, Store
from filters.quality import MOST
from filters.quality_training import Example, QualityConfig, strata, train_model
from filters.rule import evaluate
from pipelines.console import UsageError, console, count_of, end, usage_error
from pipelines.manifest import Found
from pipelines.opened import add_options, opened

_MARKS = ("language", "generated", "vendored", "minified", "test")
_KINDS = pa.array(("file", "notebook"))
_SHOWN = 12  # files at each end


class Unfit(Exception):
    """What was given cannot be trained on; the message says why and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 where there is nothing to train on."""
    args = _parser().parse_args(argv)
    cfg = QualityConfig(seed=args.seed)
    if args.examples is not None:
        cfg = replace(cfg, most_examples=args.examples)
    try:
        if args.labelled:
            chosen, reference = labelled(cfg, Path(args.labelled))
        else:
            build = opened(args)
            chosen, reference = of_build(cfg, build.store, build.found, args.root)
        model, card, unseen = train_model(cfg, chosen, reference, lambda told: print(told, file=sys.stderr))
    except (UsageError, Unfit, ValueError) as error:
        return usage_error(error)
    raw = model.encode()
    Path(args.out).write_bytes(raw)
    Path(f"{args.out}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    show(card, chosen, unseen)
    print(f"{args.out}: {len(raw):,} bytes; its card is {args.out}.json")
    print(f'in a recipe: MeasureConfig(groups=(*GROUPS, quality_group("{args.out}"))); see docs/filters.md')
    return 0


def of_build(
    cfg: QualityConfig, store: Store, found: dict[str, Found], root: str
) -> tuple[list[Example], list[Example]]:
    """Examples in the order of a draw on their ids, and files drawn among all, from a build's annotations."""
    if found["measure"].result is None or found["scrub"].result is None:
        raise Unfit(f"no measures in {root}: run python -m pipelines.build --stage filter first")
    rows = list(_candidates(cfg, store, found))
    fit = [row for row in rows if row["good"] is not None]
    good = [row["good"] for row in fit]
    if not any(good):
        raise Unfit(
            f"none of {len(rows):,} source files is good by the default (filters.quality_training): with licences "
            f"{cfg.licenses}, in a repository with tests; give --labelled"
        )
    groups = [(row["language"], row["test"]) for row in fit]
    chosen = [fit[row] for row in strata(good, groups, [row["draw"] for row in fit], cfg.most_examples)]
    drawn = sorted(rows, key=lambda row: row["other_draw"])[: cfg.most_reference]
    texts = _texts(store, found, {row["place"] for row in (*chosen, *drawn)})
    return [_example(row, texts) for row in chosen], [_example(row, texts) for row in drawn]


def _example(row: dict[str, Any], texts: dict[tuple[int, int], str]) -> Example:
    return Example(texts[row["place"]], bool(row["good"]), row["repo"], row["language"], f"{row['repo']}/{row['path']}")


def _documents(found: dict[str, Found]) -> list[Shard]:
    return [*_outputs(found, "crawl")["documents"], *_outputs(found, "recall").get("documents", [])]


def _outputs(found: dict[str, Found], stage: str) -> dict[str, list[Shard]]:
    result = found[stage].result
    return result.outputs if result else {}


def _candidates(cfg: QualityConfig, store: Store, found: dict[str, Found]) -> Iterator[dict[str, Any]]:
    """Source files that a person wrote, of the 338 languages; `good` is None where only the repository is not."""
    documents, languages = _documents(found), _outputs(found, "classify")["languages"]
    licenses, groups = _outputs(found, "scrub")["licenses"], _outputs(found, "measure")
    tested = _tested(store, documents, languages) if cfg.needs_tests else None
    wanted = {rule.measure for rule in cfg.good}
    for at, (document, language, licence, *measures) in enumerate(
        zip(documents, languages, licenses, *groups.values(), strict=True)
    ):
        table = store.table(document, ["id", "kind", "origin", "repo", "path"])
        marks = store.table(language, _MARKS)
        takes = pc.and_(pc.is_in(table["kind"], value_set=_KINDS), marks["language"].is_valid())
        for mark in ("generated", "vendored", "minified"):
            takes = pc.and_(takes, pc.invert(pc.fill_null(marks[mark], False)))
        good = _good(cfg, store, wanted, measures)
        columns = [table[name].to_pylist() for name in ("id", "repo", "origin", "path")]
        names, tests = marks["language"].to_pylist(), marks["test"].to_pylist()
        spdx = store.table(licence, ["license"])["license"].to_pylist()
        ids, repos, origins, paths = columns
        for row in np.flatnonzero(pc.fill_null(takes, False).to_numpy()).tolist():
            repo = repos[row] or origins[row]
            disqualified = cfg.licenses is not None and spdx[row] not in cfg.licenses
            disqualified |= tested is not None and repo not in tested
            label = None if good[row] and disqualified else good[row]
            draw, other = uniform_draws(ids[row], cfg.seed, "quality", 0, 2)
            yield {
                "place": (at, row), "good": label, "repo": repo,
                "path": paths[row], "language": names[row], "test": bool(tests[row]), "draw": draw, "other_draw": other,
            }  # fmt: skip


def _good(cfg: QualityConfig, store: Store, wanted: set[str], measures: Sequence[Shard]) -> list[bool]:
    """Rows that fail none of the rules."""
    columns: dict[str, pa.ChunkedArray] = {}
    for shard in measures:
        here = [name for name in store.schema(shard.path).names if name in wanted]
        columns |= {name: store.table(shard, [name])[name] for name in here}
    if missing := sorted(wanted - set(columns)):
        raise Unfit(
            f"the build measures no {', '.join(missing)}: its recipe leaves a group out that the default asks for"
        )
    table = pa.table(columns).combine_chunks()
    batch = next(iter(table.to_batches()), pa.RecordBatch.from_pylist([], table.schema))
    return [first is None for first in evaluate(cfg.good, batch)[0].to_pylist()]


def _tested(store: Store, documents: Sequence[Shard], languages: Sequence[Shard]) -> set[str]:
    """Repositories in which some file is a test."""
    repos: set[str] = set()
    for document, language in zip(documents, languages, strict=True):
        mask = pc.fill_null(store.table(language, ["test"])["test"], False)
        table = store.table(document, ["repo", "origin"])
        repos.update(name for name in pc.coalesce(table["repo"], table["origin"]).filter(mask).to_pylist() if name)
    return repos


def _texts(store: Store, found: dict[str, Found], places: set[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The beginnings of the chosen texts; one row group is in memory beside them."""
    texts: dict[tuple[int, int], str] = {}
    for at, shard in enumerate(_documents(found)):
        wanted = sorted(row for place, row in places if place == at)
        first = 0
        for batch in store.batches(shard, ["text"]) if wanted else ():
            here = [row for row in wanted if first <= row < first + batch.num_rows]
            for row in here:
                texts[at, row] = batch["text"][row - first].as_py()[:MOST]
            first += batch.num_rows
    return texts


def labelled(cfg: QualityConfig, path: Path) -> tuple[list[Example], list[Example]]:
    """Examples of a file or folder of labels; ranks are shares of all of them."""
    if not path.exists():
        raise Unfit(f"no such file or folder: {path}")
    rows = list(_jsonl(path) if path.is_file() else _folder(path))
    if not rows:
        raise Unfit(f"{path} holds no example: a folder needs good/ and other/, a file a line of JSON for each")
    languages = _languages(rows)
    every = [
        Example(row["text"][:MOST], row["good"], row["repo"], name, f"{row['repo']}/{row['path']}")
        for row, name in zip(rows, languages, strict=True)
        if name is not None
    ]
    if not every:
        raise Unfit(f"none of {len(rows):,} files of {path} is in one of the 338 languages")
    draws = [uniform_draws(f"{one.name}\0{one.text}".encode(), cfg.seed, "quality", 0, 1)[0] for one in every]
    order = strata([one.good for one in every], [one.language for one in every], draws, cfg.most_examples)
    return [every[row] for row in order], every[: cfg.most_reference]


def _jsonl(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            text, good = row["text"], row["good"]
        except (ValueError, KeyError, TypeError) as error:
            raise Unfit(
                f"{path}, line {number}: not JSON with text and good ({type(error).__name__}: {error})"
            ) from error
        if not isinstance(text, str) or not isinstance(good, bool):
            raise Unfit(f"{path}, line {number}: text is a string and good is true or false")
        own = {
            "repo": str(row.get("repo") or number),
            "path": str(row.get("path") or ""),
            "language": row.get("language"),
        }
        yield {"text": text, "good": good, **own}


def _folder(root: Path) -> Iterator[dict[str, Any]]:
    for label in ("good", "other"):
        for file in sorted(path for path in (root / label).rglob("*") if path.is_file()):
            repo, *rest = file.relative_to(root / label).parts
            text = file.read_bytes().decode("utf-8", "replace")
            path = "/".join(rest) or repo
            yield {"text": text, "good": label == "good", "repo": repo, "path": path, "language": None}


def _languages(rows: Sequence[dict[str, Any]]) -> list[str | None]:
    """The languages given, else as `classify` names them."""
    open_rows = [row for row in rows if row["language"] is None]
    columns = {
        "kind": pa.array(["file"] * len(open_rows)),
        "path": pa.array([row["path"] for row in open_rows], pa.string()),
        "declared": pa.nulls(len(open_rows), pa.string()),
        "text": pa.array([row["text"] for row in open_rows], pa.large_string()),
    }
    named = iter(classify(ClassifyConfig(natural="none"), pa.record_batch(columns)).column("language").to_pylist())
    return [row["language"] if row["language"] is not None else next(named) for row in rows]


def show(card: dict[str, Any], chosen: Sequence[Example], unseen: npt.NDArray[np.float32]) -> None:
    """The card's figures, and the files at both ends by the score of a model that has not seen their repository."""
    out = console()
    trained, held_out = card["trained_on"], card["held_out"]
    print(
        f"trained on {trained['good']:,} good and {trained['other']:,} other files of {trained['repositories']:,} "
        f"repositories; {trained['words']:,} words"
    )
    table = Table("held out by repository", "good", "other", "area", "average precision", title_justify="left")
    every = {"all": held_out, **held_out["by_language"]}
    for name, line in every.items():
        shown = (line["positives"], line["negatives"], line["area"], line["average_precision"])
        table.add_row(name, f"{shown[0]:,}", f"{shown[1]:,}", f"{shown[2]:.3f}", f"{shown[3]:.3f}")
    out.print(table)
    print(
        f"at probability 0.5: precision {_share(held_out['precision'])}, recall {_share(held_out['recall'])}; "
        f"mean distance of probability and share {held_out['calibration']['error']:.3f}"
    )
    order = np.argsort(-unseen, kind="stable").tolist()
    for title, rows in (("highest", order[:_SHOWN]), ("lowest", order[: -_SHOWN - 1 : -1])):
        ends = Table(f"{title} scores", "label", "logit")
        for row in rows:
            ends.add_row(chosen[row].name, "good" if chosen[row].good else "other", f"{unseen[row]:.2f}")
        out.print(ends)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.train_quality", description="Train a quality model.")
    parser.add_argument("out", metavar="OUT", help="where the model goes; its card goes to OUT.json")
    add_options(parser)
    parser.add_argument(
        "--labelled", metavar="PATH", help="a folder with good/ and other/, or .jsonl, instead of a build"
    )
    parser.add_argument(
        "--examples",
        type=count_of("examples teach nothing"),
        metavar="N",
        help="at most so many good ones, and as many others",
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    end(main)
