"""Packed rows in the formats of other trainers, byte for byte: batches of rows in, chunks of bytes out.

Each module writes one format and checks it with that format's own reader, handed a local folder. Knows no stores.
"""

from dataclasses import dataclass
from typing import Final

FORMATS: Final = ("huggingface", "megatron", "datatrove", "mds", "litdata")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportConfig:
    """Settings of the stage `export`."""

    formats: tuple[str, ...] = FORMATS
    check_rows: int = 64  # rows (or samples) per file whose tokens the consumer's reader must give back

    def __post_init__(self) -> None:
        unknown = sorted(set(self.formats) - set(FORMATS))
        if unknown:
            raise ValueError(f"formats names {unknown}: the formats are {', '.join(FORMATS)}")
        if self.check_rows < 1:
            raise ValueError(f"check_rows must be at least 1, not {self.check_rows}: an unread export is not done")
