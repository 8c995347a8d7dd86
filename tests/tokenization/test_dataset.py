import pickle

import numpy as np
import pyarrow as pa
import pytest
from torch.utils.data import DataLoader

from corpus.shards import Record, Store
from tests.tokenization.test_packing import CFG, group
from tokenization.dataset import PackedRows, row_files
from tokenization.packing import NO_ID, emit_group, row_schema
from tokenization.rows import cut_rows
from tokenization.tokenizer import load

SAMPLES = {f"s{i}": ("code", 1, [(f"a{i}", f"x = {i}\n" * (i % 5), ""), (f"b{i}", "y\n", "")]) for i in range(40)}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Rows of two buckets in two files, as the stage writes them."""
    store, counts = Store(str(tmp_path_factory.mktemp("rows"))), {}
    emitted = list(emit_group(CFG, *group(SAMPLES), 2, counts))
    made = [
        store.write_shard(f"rows/{i}", row_schema(CFG), cut_rows(CFG, load(CFG.tokenizer).end, [part], counts),
                          Record("", {}))
        for i, part in enumerate(emitted)
    ]  # fmt: skip
    return [store.url(shard.path) for shard in made]


def table(files):
    return pa.concat_tables([pa.ipc.open_file(path).read_all() for path in files]).to_pylist()


def ids(batches):
    return [tuple(row) for batch in batches for row in batch["input_ids"].tolist()]


def test_the_order_differs_by_epoch_and_seed(files):
    rows = PackedRows(files, batch=2)
    orders = [ids(rows), ids(rows.at(1)), ids(PackedRows(files, batch=2, seed=1))]
    assert len({tuple(order) for order in orders}) == 3
    assert ids(rows) == orders[0]


def test_batches_hold_the_rows_of_the_files(files):
    rows = PackedRows(files, batch=1)
    assert sorted(ids(rows)) == sorted(tuple(row["input_ids"]) for row in table(files))
    assert len(rows) == rows.n_rows == len(ids(rows))
    assert str(next(iter(rows))["input_ids"].dtype) == "torch.int64"


def test_ranks_share_each_step_and_together_hold_every_row_once(files):
    parts = [PackedRows(files, batch=2, rank=rank, world=2) for rank in range(2)]
    alone = PackedRows(files, batch=4)
    assert [a for pair in zip(*map(list, parts), strict=True) for a in ids(pair)] == ids(alone)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_resumed_anywhere_goes_on_with_the_same_batches(files, workers):
    whole = ids(DataLoader(PackedRows(files, batch=2), batch_size=None, num_workers=workers))
    later = PackedRows(files, batch=2).at(0, 3)
    rest = ids(DataLoader(later, batch_size=None, num_workers=workers and 3 - workers))
    assert whole[6:] == rest
    assert ids(pickle.loads(pickle.dumps(later))) == rest


@pytest.mark.parametrize("masks", ["sample", "document"])
def test_masks_are_those_of_a_walk_over_the_segments(files, masks):
    rows, read = table(files), PackedRows(files, batch=3, masks=masks)
    for step in range(2):
        numbers, batch = read.rows_of(0, np.array([step]))[0], list(read)[step]
        positions, edges, counted, last = [], [], [], None
        for number in numbers.tolist():
            for s in rows[number]["segments"]:
                key = (number, s["sample"], s["repeat"], s["document"] if masks == "document" else None)
                if key != last:
                    edges.append(len(positions))
                for _ in range(s["length"]):
                    positions.append(len(positions) - edges[-1])
                    counted.append(s["document"] != NO_ID)
                last = key
        assert batch["position_ids"].flatten().tolist() == positions
        assert batch["cu_seqlens"].tolist() == [*edges, len(positions)]
        assert batch["loss_mask"].flatten().tolist() == counted
        assert batch["max_seqlen"] == max(np.diff([*edges, len(positions)]))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"batch": 0}, "batch"), ({"rank": 1}, "rank"), ({"masks": "row"}, "masks"), ({"batch": 10_000}, "do not fill")],
)
def test_settings_that_mean_nothing_are_refused(files, wrong, named):
    with pytest.raises(ValueError, match=named):
        PackedRows(files, **{"batch": 1, **wrong})


def test_a_root_without_rows_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no build 'demo' with packed rows"):
        row_files(str(tmp_path))
