"""`python -m pipelines.explain ID|REPO/PATH|URL`: what became of one document, stage by stage.

Reads narrow columns of a build's shards. An id is 32 hex digits; a path is matched as REPO/PATH as the crawl wrote it,
or as PATH alone of what is in no repository.
"""

import argparse
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from corpus.shards import Shard, Store
from pipelines.console import UsageError, end, usage_error
from pipelines.manifest import Found, resolve
from pipelines.opened import add_options, opened

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
    parser.add_argument("what", metavar="ID|REPO/PATH|URL")
    add_options(parser)
    args = parser.parse_args(argv)
    try:
        build = opened(args)
    except UsageError as error:
        return usage_error(error)
    inputs = resolve(build.found["classify"].stage, build.found)
    if inputs is None:
        return usage_error(f"{args.root} holds no documents of {args.recipe} yet: run python -m pipelines.build")
    n_found = 0
    for position, shard in enumerate(inputs["documents"]):
        for row, document in matches(build.store, shard, args.what):
            n_found += 1
            for line in explain(build.store, build.found, position, row, document):
                print(line)
    told = (
        [] if n_found else [*pages(build.store, build.found, args.what), *refusals(build.store, build.found, args.what)]
    )
    if told:
        print("\n".join(told))
    elif not n_found:
        print(f"no document {args.what} in {args.root}, and no listing of its crawl names it")
    return 0 if n_found or told else 1


def pages(store: Store, found: dict[str, Found], what: str) -> Iterator[str]:
    """What became of a page of the pool that is no document."""
    for position, shard in enumerate(_outputs(found, "crawl", "pool")):
        for row, page in matches(store, shard, what):
            page_id = page.pop("id")
            assert isinstance(page_id, bytes)
            yield f"page {page_id.hex()} of the pool, which is no document"
            yield "  crawl: " + _shown(page)
            for stage, output in (("pool_dedup", "pool_survivors"), ("recall", "scores")):
                made = _outputs(found, stage, output)
                said = _shown(store.table(made[position]).slice(row, 1).to_pylist()[0]) if made else "not run"
                yield f"  {stage}: {said}"


def refusals(store: Store, found: dict[str, Found], what: str) -> Iterator[str]:
    """What the crawl's listings say of a file, page or row that is no document."""
    for shard in _outputs(found, "crawl", "listing"):
        table = store.table(shard, ["root", "path", "refused"])
        name = pc.binary_join_element_wise(table["root"], table["path"], "/")
        mask = pc.or_(pc.equal(name, what), pc.equal(table["path"], what))
        for row in table.filter(pc.fill_null(mask, False)).to_pylist():
            why = row["refused"] or "not when it was listed: its copy was taken, or its bytes were refused when read"
            yield f"no document: {what} of {row['root']}\n  crawl: refused={why}"


def _outputs(found: dict[str, Found], stage: str, output: str) -> list[Shard]:
    result = found[stage].result
    return [] if result is None else result.outputs[output]


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
    document_id = document.pop("id")
    assert isinstance(document_id, bytes)
    yield f"document {document_id.hex()}"
    yield "  crawl: " + _shown(document)
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
        parts.append(f"{name}={value.hex() if isinstance(value, bytes) else value}")
    return " ".join(parts)


if __name__ == "__main__":
    end(main)
