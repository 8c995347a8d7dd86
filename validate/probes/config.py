"""Settings of one probe: of the stage `probe`, and of each run of an ablation."""

from dataclasses import dataclass, field
from typing import Final

from tokenization.tokenizer import TokenizerConfig
from validate.probes.shapes import SHAPES
from validate.probes.train import TrainConfig

KERNELS: Final = ("auto", "measured", "named")


@dataclass(frozen=True, kw_only=True)
class ProbeConfig:
    """One short run on a build's rows, scored on a held-out set.

    `kernels`: "named" computes with `train.experts` and `train.attention`. "measured" looks for the fastest of the
    library's on the machine at hand, once a root: the choice is an artefact that every run of the root names, so that
    all of them compute alike. "auto" measures on a GPU, and keeps the names on a processor, where the same input gives
    the same bits.
    """

    size: str = "tiny"
    start: str | None = None  # a folder of save_pretrained, or hub:OWNER/NAME; None: a random initialisation
    vocabulary: int | None = 2048  # of the small byte-level BPE; None: the rows' own ids
    vocabulary_bytes: int = 4_000_000  # of text it is trained on, from the first rows
    scoring_bytes: int = 150_000  # of held-out text per domain, in order of id
    document_bytes: int = 3_000  # of one held-out document, from a drawn line on: much of many says more than few whole
    infilled: int = 24  # code documents that spans are cut from
    generated: int = 0  # spans of each kind that are written out too and compared; a tiny model matches none of them
    checkpoint_steps: int = 500
    keep: bool = False  # each run's model, in models/ of a local store, as save_pretrained writes it
    kernels: str = "auto"
    train: TrainConfig = field(default_factory=TrainConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)  # of the rows

    def __post_init__(self) -> None:
        if self.size not in SHAPES:
            raise ValueError(f"size is {self.size!r}; the sizes are {', '.join(SHAPES)}")
        if self.vocabulary is not None and self.vocabulary < 512:
            raise ValueError(f"vocabulary must hold 256 bytes, the special tokens and some merges: {self.vocabulary}")
        if min(self.vocabulary_bytes, self.scoring_bytes, self.document_bytes, self.checkpoint_steps) < 1:
            raise ValueError(f"bytes and checkpoint_steps must be positive: {self}")
        if self.kernels not in KERNELS:
            raise ValueError(f"kernels is {self.kernels!r}; it is one of {', '.join(KERNELS)}")
        if min(self.infilled, self.generated) < 0:
            raise ValueError(f"infilled and generated count spans, from 0 on: {self}")
