"""Stage: documents and their edits -> plain ids of the edited text, one annotation shard per document shard.

Every document that passed `filter` is encoded, duplicates too, so that no change of dedup, assembly or mixture encodes
anything again. A sample of each row group is encoded a second time by the `tokenizers` library; one differing id stops
the stage.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.draws import uniform_draws
from corpus.schema import TOKENS
from filters.edits import edited
from pipelines.stage import Result, Shards, Work, tally
from tokenization.tokenizer import EncodeConfig, Tokenizer, load


def run(work: Work, cfg: EncodeConfig, documents: Shards, edits: Shards) -> Result:
    """`edits` are the verdicts, or what `repeats` made of them: both have the columns `kept` and `edits`."""
    columns = (("id", "text"), ("kept", "edits"))
    made = work.annotate(encode, cfg, documents, edits, step="encode", schema=TOKENS, columns=columns)
    return Result({"tokens": made}, tally(made))


def encode(
    cfg: EncodeConfig, documents: pa.RecordBatch, edits: pa.RecordBatch
) -> tuple[pa.RecordBatch, dict[str, int]]:
    """Ids of the kept documents of one row group; the others have none."""
    tokenizer = load(cfg.tokenizer)
    kept = pc.fill_null(edits["kept"], False)
    texts = edited(documents["text"].filter(kept), edits["edits"].filter(kept))
    ids = tokenizer.encode_column(texts)
    checked = _check(cfg, tokenizer, documents["id"].filter(kept), texts, ids)
    sizes = np.zeros(documents.num_rows, np.int64)
    sizes[np.asarray(kept)] = np.diff(np.asarray(ids.offsets))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    aligned = pa.LargeListArray.from_arrays(pa.array(offsets), ids.values)
    counts = {
        "documents": len(texts),
        "tokens": int(offsets[-1]),
        "text_bytes": int(pc.sum(pc.binary_length(texts)).as_py() or 0),
        "verified": checked,
    }
    return pa.RecordBatch.from_arrays([pa.array(sizes.astype(np.int32)), aligned], schema=TOKENS), counts


def _check(
    cfg: EncodeConfig, tokenizer: Tokenizer, names: pa.Array, texts: pa.LargeStringArray, ids: pa.LargeListArray
) -> int:
    """Encode a drawn share again by the library: the fast path must give its ids. Returns how many were compared."""
    drawn = [uniform_draws(name or b"", 0, "verify", 0, 1)[0] < cfg.verify for name in names.to_pylist()]
    chosen = pa.array(drawn, pa.bool_())
    expected = tokenizer.library_column(texts.filter(chosen))
    if not ids.filter(chosen).equals(expected):
        wrong = [
            name.as_py().hex()
            for name, fast, library in zip(names.filter(chosen), ids.filter(chosen), expected, strict=True)
            if fast != library
        ]
        raise AssertionError(f"the fast path gives other ids than the library for documents {wrong[:3]}")
    return len(expected)
