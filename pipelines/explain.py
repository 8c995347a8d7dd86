"""`python -m pipelines.explain ID|REPO/PATH|URL|REPO`: what became of a document, stage by stage; or of a repository.

Reads narrow columns of a build's shards. An id is 32 hex digits; a path is matched as REPO/PATH as the crawl wrote it,
or as PATH alone of what is in no repository. What has become no document is looked for in the crawl's listings.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from corpus.shards import Shard, Store
from corpus.takedown import Taken, taken_down
from filters.domains import language_names
from pipelines.console import UsageError, end, usage_error
from pipelines.manifest import Found, resolve
from pipelines.opened import add_options, opened, shards_of
from pipelines.recipes import Recipe
from pipelines.stage import tally

# (stage, output, columns): aligned with the documents, in the order of the plan
ALIGNED = (
    ("classify", "languages", ("how", "language", "text_format", "outside", "confidence")),
    ("scrub", "licenses", ("license", "license_from")),
    ("scrub", "spans", ("spans",)),
    ("decontaminate", "contamination", ("hits",)),
    ("filter", "verdicts", ("kept", "domain", "subdomain", "reason", "failed", "held_out")),
    ("dedup", "survivors", ("survives", "reason", "kept_id")),
    ("encode", "tokens", ("n_tokens",)),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 when something was found, 1 when nothing was, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.explain", description="What became of a document.")
    parser.add_argument("what", metavar="ID|REPO/PATH|URL|REPO")
    add_options(parser)
    args = parser.parse_args(argv)
    try:
        build = opened(args)
    except UsageError as error:
        return usage_error(error)
    inputs = resolve(build.found["classify"].stage, build.found)
    if inputs is None:
        return usage_error(f"{args.root} holds no documents of {args.recipe} yet: run python -m pipelines.build")
    taken, n_found = taken_down(build.store), 0
    for position, shard in enumerate(inputs["documents"]):
        for row, document in matches(build.store, shard, args.what):
            n_found += 1
            for line in explain(build.store, build.found, position, row, document):
                print(line)
            for line in failures(build.store, build.found, build.loaded.recipe, position, row):
                print(line)
            if _is_taken(taken, document):
                print("  takedown: its text and its tokens are gone; the lines above tell what was decided before")
    if not n_found:
        lines = [*repository(build.store, build.found, inputs["documents"], args.what)]
        lines = lines or [*pages(build.store, build.found, args.what)]
        lines = lines or [*refused(build.store, build.found, build.loaded.recipe, args.what)]
        print("\n".join(lines) or f"no document {args.what} in {args.root}, and no source of the recipe lists it")
        n_found = len(lines)
    return 0 if n_found else 1


def pages(store: Store, found: dict[str, Found], what: str) -> Iterator[str]:
    """What became of a page of the pool that is no document."""
    for position, shard in enumerate(shards_of(found, "crawl", "pool")):
        for row, page in matches(store, shard, what):
            page_id = page.pop("id")
            assert isinstance(page_id, bytes)
            yield f"page {page_id.hex()} of the pool, which is no document"
            yield "  crawl: " + _shown(page)
            for stage, output in (("pool_dedup", "pool_survivors"), ("recall", "scores")):
                made = shards_of(found, stage, output)
                said = _shown(store.table(made[position]).slice(row, 1).to_pylist()[0]) if made else "not run"
                yield f"  {stage}: {said}"


def matches(store: Store, shard: Shard, what: str) -> Iterator[tuple[int, dict[str, object]]]:
    """(row, narrow columns) of the documents that `what` names."""
    columns = ["id", "source", "kind", "origin", "repo", "path", "url", "snapshot"]
    table = store.table(shard, columns)
    name = pc.coalesce(pc.binary_join_element_wise(table["repo"], table["path"], "/"), table["path"])
    mask = pc.or_(pc.fill_null(pc.equal(name, what), False), pc.fill_null(pc.equal(table["url"], what), False))
    if len(what) == 32 and all(c in "0123456789abcdef" for c in what):
        mask = pc.or_(mask, pc.equal(table["id"], pa.scalar(bytes.fromhex(what), pa.binary(16))))
    for row in pc.indices_nonzero(mask).to_pylist():
        yield row, table.slice(row, 1).to_pylist()[0]


def explain(
    store: Store, found: dict[str, Found], position: int, row: int, document: dict[str, object]
) -> Iterator[str]:
    """One line per stage that said something about the document at (shard position, row)."""
    document_id = document["id"]
    assert isinstance(document_id, bytes)
    yield f"document {document_id.hex()}"
    yield "  crawl: " + _shown({name: value for name, value in document.items() if name != "id"})
    for stage, output, columns in ALIGNED:
        result = found[stage].result
        if result is None:
            yield f"  {stage}: not run"
            return
        table = store.table(result.outputs[output][position], columns)
        yield f"  {stage}: " + (_shown(table.slice(row, 1).to_pylist()[0]) or "nothing")
    result = found["pack"].result
    if result is not None:
        placed = list(_rows(store, result.outputs["index"], document_id))
        yield "  pack: " + (", ".join(placed[:8]) + (" ..." if len(placed) > 8 else "") or "in no row")


def failures(store: Store, found: dict[str, Found], recipe: Recipe, position: int, row: int) -> Iterator[str]:
    """Each rule of the recipe that the document fails: what was measured, what is asked, and why."""
    documents, result, measured = (found[name].result for name in ("classify", "filter", "measure"))
    if documents is None or result is None or measured is None:
        return
    verdict = store.table(result.outputs["verdicts"][position], ["domain", "subdomain", "failed"]).slice(row, 1)
    failed = verdict["failed"][0].as_py() or []
    if not failed:
        return
    languages = store.table(documents.outputs["languages"][position], ["language", "text_format", "outside"])
    inputs = resolve(found["classify"].stage, found) or {}
    kind = store.table(inputs["documents"][position], ["kind"])["kind"][row].as_py()
    narrow = pa.RecordBatch.from_pydict(
        {
            "kind": pa.array([kind], pa.string()),
            "domain": pa.array(verdict["domain"].to_pylist(), pa.string()),
            "subdomain": pa.array(verdict["subdomain"].to_pylist(), pa.string()),
            "language": language_names(languages.slice(row, 1).combine_chunks().to_batches()[0]),
        }
    )
    asked = next((one.rules for one in recipe.filter.rules if one.takes(narrow)[0]), ())
    groups = {column: group.name for group in recipe.measure.groups for column, _ in group.columns}
    for rule in asked:
        if rule.measure in failed and rule.measure in groups:
            table = store.table(measured.outputs[groups[rule.measure]][position], [rule.measure])
            bounds = " and ".join(
                f"at {side} {bound:,}"
                for side, bound in (("least", rule.low), ("most", rule.high))
                if bound is not None
            )
            yield f"  failed: {rule.measure} is {table[0][row].as_py():,}, asked is {bounds} ({rule.why})"


def repository(store: Store, found: dict[str, Found], shards: Sequence[Shard], repo: str) -> Iterator[str]:
    """How many documents there are of a repository, and what became of them; nothing where there is none."""
    fates: Counter[str] = Counter()
    for stage, output, column in (("dedup", "survivors", "survives"), ("filter", "verdicts", "kept")):
        result = found[stage].result
        if result is None:
            continue
        for shard, fate in zip(shards, result.outputs[output], strict=True):
            mask = pc.fill_null(pc.equal(store.table(shard, ["repo"])["repo"], repo), False)
            for row in store.table(fate, [column, "reason"]).filter(mask).to_pylist():
                fates[column if row[column] else f"dropped: {row['reason']}"] += 1
        break
    if fates:
        yield f"repository {repo}: {fates.total():,} documents"
        yield from (f"  {fate} {n:,}" for fate, n in fates.most_common())


def refused(store: Store, found: dict[str, Found], recipe: Recipe, what: str) -> Iterator[str]:
    """What the crawl's listings say of a path, URL or repository that has become no document."""
    result = found["crawl"].result
    if result is None:
        return
    batches = {batch.name: batch for batch in recipe.crawl.batches}
    for listing in result.outputs["listing"]:
        table = store.table(listing, ["root", "path", "size", "refused"])
        name = pc.binary_join_element_wise(table["root"], table["path"], "/")
        places = pc.or_(pc.equal(name, what), pc.equal(table["path"], what))
        here = table.filter(pc.or_(pc.fill_null(places, False), pc.equal(table["root"], what)))
        if not here.num_rows:
            continue
        batch = batches[listing.batch]
        sizes = pc.fill_null(pc.greater(here["size"], batch.max_bytes), False)
        reasons = Counter(pc.coalesce(here["refused"], pc.if_else(sizes, "too_large", None)).to_pylist())
        yield f"listed by batch {batch.name}: {here.num_rows:,} of {what}; no document has this name"
        yield from (f"  refused by the listing: {reason} {n:,}" for reason, n in reasons.most_common() if reason)
        if reasons[None]:
            read = tally(
                [s for output in ("documents", "pool") for s in result.outputs[output] if s.batch == batch.name]
            )
            told = [f"{k.removeprefix('refused.')} {n:,}" for k, n in read.items() if k.startswith("refused.") and n]
            yield f"  read, or left out whole as a copy: {reasons[None]:,}; the batch's reasons are {', '.join(told)}"


def _is_taken(taken: Taken, document: dict[str, object]) -> bool:
    names = {document["repo"], document["url"], f"{document['repo']}/{document['path']}"}
    return document["id"] in taken.ids or bool(names & taken.names)


def _rows(store: Store, index: Sequence[Shard], document_id: bytes) -> Iterator[str]:
    for shard in index:
        table = store.table(shard, ["document", "shard", "row"])
        hits = table.filter(pc.equal(table["document"], pa.scalar(document_id, pa.binary(16))))
        yield from (f"shard {hit['shard']} row {hit['row']}" for hit in hits.to_pylist())


def _shown(values: dict[str, object]) -> str:
    """name=value, without nulls and empty lists; ids as hex."""
    parts = []
    for name, value in values.items():
        if value is None or value == []:
            continue
        shown = value.hex() if isinstance(value, bytes) else f"{value:.3g}" if isinstance(value, float) else value
        parts.append(f"{name}={shown}")
    return " ".join(parts)


if __name__ == "__main__":
    end(main)
