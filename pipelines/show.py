"""`python -m pipelines.show`: documents of a build to read, drawn by lot among those asked for.

Comes in: what is asked (dropped, a reason, a language, a domain, a batch, a number). Goes out: of each drawn document
its name, what was decided, and its text as training sees it, with its edits made. Narrow columns are read of all
documents, text only of the row groups that hold a drawn one. The same question draws the same documents, from ids.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any, Final

import pyarrow as pa

from corpus.draws import uniform_draws
from corpus.shards import Shard, Store
from filters.domains import language_names
from filters.edits import apply_edits
from pipelines.console import end, usage_error
from pipelines.manifest import Found, resolve
from pipelines.opened import add_options, opened
from pipelines.recipes import RecipeError

FATES: Final = ("kept", "dropped", "all")
_EDITS: Final = 8  # of one document
_DOCUMENTS: Final = ("id", "source", "kind", "repo", "path", "url", "encoding")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which documents are drawn from; None asks nothing."""

    fate: str = "kept"
    reason: str | None = None  # any rule or reason that the document fails, not only the first
    language: str | None = None
    domain: str | None = None
    source: str | None = None  # crawl batch
    edited: bool = False  # only documents with edits
    seed: int = 0

    def takes(self, row: dict[str, Any]) -> bool:
        """Whether the question is about this document."""
        wanted = (
            (self.reason, [*row["failed"], row["reason"]]),
            (self.language, [row["language"]]),
            (self.domain, [row["domain"], f"{row['domain']}/{row['subdomain']}"]),
            (self.source, [row["source"]]),
        )
        return (
            (self.fate == "all" or row["survives"] == (self.fate == "kept"))
            and (not self.edited or bool(row["edits"]))
            and all(value is None or value in has for value, has in wanted)
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 when something was found, 1 when nothing was, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.show", description="Documents to read, drawn by lot.")
    parser.add_argument("--fate", choices=FATES, help="kept, or dropped (default: kept; with --reason: dropped)")
    parser.add_argument("--reason", metavar="RULE", help="only what this rule or stage drops, such as near_duplicate")
    parser.add_argument("--language", metavar="NAME", help="only this language or text format")
    parser.add_argument("--domain", metavar="NAME", help="code, math, natural, or code/web and the like")
    parser.add_argument("--batch", metavar="NAME", help="only of this batch of the crawl")
    parser.add_argument("--edited", action="store_true", help="only what has edits; each is shown as it stood")
    parser.add_argument("--documents", type=int, default=5, metavar="N", help="so many (default: 5)")
    parser.add_argument("--chars", type=int, default=600, metavar="N", help="of each text (default: 600)")
    parser.add_argument("--seed", type=int, default=0)
    add_options(parser)
    args = parser.parse_args(argv)
    if args.documents < 1 or args.chars < 0:
        return usage_error(f"--documents must be at least 1 and --chars at least 0: {args.documents}, {args.chars}")
    asked = Asked(
        fate=args.fate or ("dropped" if args.reason else "kept"),
        reason=args.reason,
        language=args.language,
        domain=args.domain,
        source=args.batch,
        edited=args.edited,
        seed=args.seed,
    )
    try:
        build = opened(args)
    except RecipeError as error:
        return usage_error(error)
    inputs = resolve(build.found["classify"].stage, build.found)
    if inputs is None or build.found["dedup"].result is None:
        return usage_error(f"{args.root} has nothing decided of {args.recipe} yet: run --stage dedup")
    of, drawn = draw(build.store, build.found, inputs["documents"], asked, args.documents)
    for row in drawn:
        print("\n".join(shown(row, _text(build.store, inputs["documents"], row), asked.edited, args.chars)), end="\n\n")
    print(f"{len(drawn):,} of {of:,} documents")
    return 0 if drawn else 1


def draw(
    store: Store, found: dict[str, Found], shards: Sequence[Shard], asked: Asked, count: int
) -> tuple[int, list[dict[str, Any]]]:
    """How many documents are asked for, and the drawn ones in the order of their lots, without text."""
    matched: Counter[str] = Counter()

    def lots() -> Iterator[tuple[float, bytes, dict[str, Any]]]:
        for position, shard in enumerate(shards):
            for row in _narrow(store, found, shard, position):
                if asked.takes(row):
                    matched["rows"] += 1
                    yield uniform_draws(row["id"], asked.seed, "show", 0, 1)[0], row["id"], row

    drawn = nsmallest(count, lots(), key=lambda lot: lot[:2])
    return matched["rows"], [row for _, _, row in drawn]


def _narrow(store: Store, found: dict[str, Found], shard: Shard, position: int) -> Iterator[dict[str, Any]]:
    """Rows of one shard with what was decided of each."""
    languages = _annotation(store, found, ("classify", "languages"), position)
    licences = _annotation(store, found, ("scrub", "licenses"), position)
    verdicts = _annotation(store, found, ("filter", "verdicts"), position)
    survivors = _annotation(store, found, ("dedup", "survivors"), position)
    names = [name for batch in languages.to_batches() for name in language_names(batch).to_pylist()]
    table = pa.table(
        {
            **dict(zip(_DOCUMENTS, store.table(shard, _DOCUMENTS).select(_DOCUMENTS), strict=True)),
            "language": pa.array(names, pa.string()),
            "how": languages["how"],
            "license": licences["license"],
            **{name: verdicts[name] for name in ("domain", "subdomain", "failed", "edits")},
            "survives": survivors["survives"],
            "reason": survivors["reason"],
            "row": pa.array(range(len(names)), pa.int64()),
            "shard": pa.array([position] * len(names), pa.int64()),
        }
    )
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            row["failed"] = row["failed"] or []
            row["edits"] = row["edits"] or []
            yield row


def _annotation(store: Store, found: dict[str, Found], output: tuple[str, str], position: int) -> pa.Table:
    result = found[output[0]].result
    assert result is not None  # dedup is there, so all before it are
    return store.table(result.outputs[output[1]][position])


def _text(store: Store, shards: Sequence[Shard], row: dict[str, Any]) -> bytes:
    """A drawn document's text; after a takedown there is none."""
    start = 0
    for batch in store.batches(shards[row["shard"]], ["text"]):
        if row["row"] < start + batch.num_rows:
            text = batch["text"][row["row"] - start].as_py()
            return text.encode() if isinstance(text, str) else bytes(text or b"")
        start += batch.num_rows
    raise AssertionError(f"row {row['row']} is beyond shard {row['shard']}")


def shown(row: dict[str, Any], text: bytes, edited: bool, chars: int) -> Iterator[str]:
    """A head that says what was decided; then the text with its edits made, or each edit as it stood."""
    name = row["url"] if row["path"] is None else "/".join(part for part in (row["repo"], row["path"]) if part)
    fate = "kept" if row["survives"] else f"dropped: {', '.join(dict.fromkeys([row['reason'], *row['failed']]))}"
    place = "/".join(part for part in (row["domain"], row["subdomain"]) if part) or "no domain"
    yield f"=== {name}  [{row['id'].hex()}]"
    yield (
        f"    {fate} · {place} · {row['language'] or 'no language'} by {row['how']} · {row['license'] or 'no licence'}"
        f" · {row['encoding']} · {len(text):,} bytes · {len(row['edits'])} edits"
    )
    edits = [(edit["start"], edit["end"], edit["kind"]) for edit in row["edits"]]
    if edited and text:
        for start, stop, kind in edits[:_EDITS]:
            before, what = text[max(0, start - 60) : start], text[start:stop][:80]
            yield f"    {kind}: {_plain(before)} >>>{_plain(what)}<<< {_plain(text[stop : stop + 30])}"
        if len(edits) > _EDITS:
            yield f"    and {len(edits) - _EDITS:,} more"
        return
    made = apply_edits(text, edits) if text else b""
    cut = made.decode()
    yield cut[:chars] + (" […]" if len(cut) > chars else "")


def _plain(text: bytes) -> str:
    return repr(text.decode(errors="replace"))[1:-1]


if __name__ == "__main__":
    end(main)
