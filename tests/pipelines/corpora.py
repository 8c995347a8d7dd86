"""Small corpora for the tests of minhash, dedup and pool_dedup: rows as dictionaries, written as the stages would."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa

from corpus.exact import exact_key
from corpus.minhash import MinHashConfig
from corpus.schema import DOCUMENTS, LANGUAGES, VERDICTS
from corpus.shards import Record, Shard, Store
from pipelines import minhash
from pipelines.progress import RunProgress
from pipelines.stage import Work

Rows = list[dict[str, Any]]


class OneAfterTheOther:
    """Runs every call here and now; the smallest thing that `Work` can work with."""

    n_workers = 1

    def run(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        for index, arguments in enumerate(calls):
            yield index, function(*arguments)


def work(root: object, cluster: object, stage: str) -> Work:
    store = Store(str(root))
    progress = RunProgress(store, "logs/run.jsonl")
    progress.manifest = "manifests/test/x"
    return Work(store, cluster, stage, progress)  # type: ignore[arg-type]


def words(seed: str, n: int = 300) -> list[str]:
    return [f"{seed}{i * i % 9973}" for i in range(n)]


def document(name: str, text: str, **more: Any) -> dict[str, Any]:
    row = {field.name: None for field in DOCUMENTS}
    fixed = {"id": exact_key(name.encode()), "source": "first", "kind": "page", "origin": name, "text": text}
    return {**row, **fixed, "kept": True, "vendored": False, "held_out": False, "reason": None, "edits": [], **more}


class Corpus:
    """Documents in shards, with the verdicts and languages that their rows name, signed by the real stage."""

    def __init__(self, root: object, cluster: object, shards: list[Rows], cfg: MinHashConfig) -> None:
        self.work = work(root, cluster, "dedup")
        self.rows = shards
        self.documents = [self._write("documents", i, DOCUMENTS, rows) for i, rows in enumerate(shards)]
        self.verdicts = [self._write("verdicts", i, VERDICTS, rows) for i, rows in enumerate(shards)]
        self.languages = [self._write("languages", i, LANGUAGES, rows) for i, rows in enumerate(shards)]
        signed = minhash.run(work(root, cluster, "minhash"), cfg, self.documents)
        self.signatures, self.bands = signed.outputs["signatures"], signed.outputs["bands"]

    def _write(self, name: str, index: int, schema: pa.Schema, rows: Rows) -> Shard:
        narrow = [{field: row.get(field) for field in schema.names} for row in rows]
        batches = [pa.RecordBatch.from_pylist(narrow[i : i + 3], schema) for i in range(0, len(narrow), 3)]
        batch = rows[0]["source"] if rows else ""
        before = self.rows[index - 1][-1] if index and self.rows[index - 1] else {}
        goes_on = bool(rows) and rows[0]["repo"] is not None and rows[0]["repo"] == before.get("repo")
        counts = {"bytes": sum(len(row["text"]) for row in rows), "continues": int(goes_on)}
        return self.work.store.write_shard(f"objects/input/{name}/{index:04d}", schema, batches, Record(batch, counts))

    def inputs(self) -> dict[str, list[Shard]]:
        names = ("documents", "languages", "signatures", "bands", "verdicts")
        return {name: getattr(self, name) for name in names}

    def reasons(self, survivors: list[Shard]) -> dict[str, str | None]:
        """Per origin, which names the document in these tests, why it does not survive."""
        tables = [self.work.store.table(shard) for shard in survivors]
        made = [row for table in tables for row in table.to_pylist()]
        names = [row["origin"] for rows in self.rows for row in rows]
        assert [row["survives"] for row in made] == [row["reason"] is None for row in made]
        return {name: row["reason"] for name, row in zip(names, made, strict=True)}
