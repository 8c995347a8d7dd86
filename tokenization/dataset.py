"""Packed rows as a PyTorch dataset: memory-mapped, shuffled by epoch, split over ranks and loader workers, resumable.

Comes in: a finished build (or row files). Goes out: batches of int64 ids, and where `masks` asks for them what
attention and loss need: positions inside samples (or documents), cumulative lengths over the whole batch, tokens
without loss. Needs PyTorch, as `validate/probes` does. Use it with `DataLoader(rows, batch_size=None,
num_workers=n)`.

Step s of an epoch is rows perm[s * world * batch : (s + 1) * world * batch], of which each rank takes its part;
worker w of n takes every n-th step. So the order of steps depends neither on workers nor on where a run was stopped:
the position is (epoch, step), which the trainer knows. perm is a keyed bijection computed on the fly: no list of all
rows is held.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import torch
from torch.utils.data import IterableDataset, get_worker_info

from corpus.shards import Store
from tokenization.masks import masked, positions, runs
from tokenization.shuffle import gather, permuted

_OPENED = ("_batches", "_ids", "_addresses", "_first")  # of this process
_STEPS = 256  # whose rows are computed together: one by one, the bijection would take most of the time


def row_files(root: str, build: str = "demo") -> list[str]:
    """The row shards of a finished build, as local paths."""
    store = Store(root)
    path = json.loads(store.read_text(f"builds/{build}.json") or "{}").get("pack")
    if path is None:
        raise FileNotFoundError(f"{root} has no build {build!r} with packed rows: run python -m pipelines.build")
    if not store.is_local:
        raise ValueError(f"{root} is not a local folder, and rows are memory-mapped: copy its row shards first")
    manifest = json.loads(store.read_text(path) or "{}")
    return [store.url(store.present(shard["path"])) for shard in manifest["outputs"]["rows"]]


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a run stands: `step` batches of `epoch` have been used."""

    epoch: int = 0
    step: int = 0


class PackedRows(IterableDataset[dict[str, torch.Tensor]]):
    """One epoch of batches from a position on; call `at` for the next epoch, or to resume."""

    def __init__(
        self,
        files: Sequence[str],
        *,
        batch: int,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        masks: str = "none",  # or "sample", "document": what attends to each other
        position: Position | None = None,
    ) -> None:
        if batch < 1 or not 0 <= rank < world:
            raise ValueError(f"batch must be at least 1 and rank in 0..world-1, not {batch}, {rank} of {world}")
        if masks not in ("none", "sample", "document"):
            raise ValueError(f"masks must be none, sample or document, not {masks!r}")
        if not files:
            raise ValueError("no row files: run --stage pack first")
        self.files, self.batch, self.seed, self.rank, self.world = list(files), batch, seed, rank, world
        self.masks, self.position = masks, position or Position()
        self._open()
        if self.steps < 1:
            raise ValueError(f"{self.n_rows} rows do not fill one step of {world} x {batch}")
        if not 0 <= self.position.step <= self.steps:
            raise ValueError(f"step must be in 0..{self.steps}, not {self.position.step}: these are other rows")

    def _open(self) -> None:
        """Map the files; the pages of a row are read when it is used."""
        self._batches: list[pa.RecordBatch] = []
        for path in self.files:
            reader = pa.ipc.open_file(pa.memory_map(path))
            self._batches += [reader.get_batch(i) for i in range(reader.num_record_batches)]
        self._batches = [batch for batch in self._batches if batch.num_rows]
        lengths = {batch["input_ids"].type.list_size for batch in self._batches}
        if len(lengths) != 1:
            raise ValueError(f"row files of one length are needed, not of {sorted(lengths)}")
        [self.length] = lengths
        self._ids = [np.asarray(b["input_ids"].flatten()) for b in self._batches]  # in the maps, which they keep
        self._addresses = np.array([ids.ctypes.data for ids in self._ids], np.uint64)
        self._first = np.cumsum([0, *(b.num_rows for b in self._batches)])
        self.n_rows = int(self._first[-1])
        self.steps = self.n_rows // (self.batch * self.world)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name not in _OPENED}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._open()

    def __len__(self) -> int:
        return self.steps - self.position.step

    def at(self, epoch: int, step: int = 0) -> "PackedRows":
        """The same rows from another position on."""
        rows = PackedRows.__new__(PackedRows)
        rows.__dict__.update(self.__dict__)
        if not 0 <= step <= self.steps:
            raise ValueError(f"step must be in 0..{self.steps}, not {step}")
        rows.position = Position(epoch=epoch, step=step)
        return rows

    def rows_of(self, epoch: int, steps: np.ndarray) -> np.ndarray:
        """Numbers of the rows that this rank's batches of these steps hold, one line each."""
        first = (steps * self.world + self.rank) * self.batch
        places = (first[:, None] + np.arange(self.batch)).reshape(-1)
        found = permuted(places, self.n_rows, self.seed * 1_000_003 + epoch)
        return found.reshape(len(steps), self.batch)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        worker = get_worker_info()
        skip, every = (0, 1) if worker is None else (worker.id, worker.num_workers)
        steps = range(self.position.step + skip, self.steps, every)
        for block in range(0, len(steps), _STEPS):
            here = np.array(steps[block : block + _STEPS])
            rows = self.rows_of(self.position.epoch, here)
            for one, places in zip(rows, self._places(rows), strict=True):
                yield self._take(one, places)

    def take(self, rows: np.ndarray) -> dict[str, torch.Tensor]:
        """A batch of these rows."""
        return self._take(rows, self._places(rows))

    def _places(self, rows: np.ndarray) -> np.ndarray:
        """Addresses of the rows' ids."""
        which = np.searchsorted(self._first, rows, side="right") - 1
        inside = (rows - self._first[which]).astype(np.uint64)
        found: np.ndarray = self._addresses[which] + inside * np.uint64(4 * self.length)
        return found

    def _take(self, rows: np.ndarray, places: np.ndarray) -> dict[str, torch.Tensor]:
        ids = np.empty((len(rows), self.length), np.int64)
        gather(places, np.uint64(self.length), ids)
        made = {"input_ids": torch.from_numpy(ids)}
        if self.masks == "none":
            return made
        which = np.searchsorted(self._first, rows, side="right") - 1
        inside = rows - self._first[which]
        slices = [
            self._batches[part]["segments"].slice(row, 1)
            for part, row in zip(which.tolist(), inside.tolist(), strict=True)
        ]
        segments = pa.concat_arrays(slices)
        found = runs(segments, by_document=self.masks == "document")
        edges = np.append(found.row * self.length + found.start, ids.size).astype(np.int32)
        return {
            **made,
            "position_ids": torch.from_numpy(positions(found, len(rows), self.length)),
            "cu_seqlens": torch.from_numpy(edges),
            "max_seqlen": torch.tensor(max(b - a for a, b in pairwise(edges.tolist()))),
            "loss_mask": torch.from_numpy(~masked(segments, len(rows), self.length)),
        }
