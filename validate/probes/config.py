"""Settings of the stage `probe`."""

from dataclasses import dataclass, field

from tokenization.tokenizer import TokenizerConfig
from validate.probes.model import SHAPES
from validate.probes.train import TrainConfig


@dataclass(frozen=True, kw_only=True)
class ProbeConfig:
    """One short run on this build's rows, scored on its own held-out set."""

    size: str = "tiny"
    vocabulary: int = 4096  # of the small byte-level BPE
    vocabulary_bytes: int = 4_000_000  # of text it is trained on, from the first rows
    scoring_bytes: int = 20_000  # of held-out text per domain, whole documents in order of id
    train: TrainConfig = field(default_factory=TrainConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)  # of the rows

    def __post_init__(self) -> None:
        if self.size not in SHAPES:
            raise ValueError(f"size is {self.size!r}; the sizes are {', '.join(SHAPES)}")
        if self.vocabulary < 512:
            raise ValueError(f"vocabulary must hold 256 bytes, the special tokens and some merges: {self.vocabulary}")
        if min(self.vocabulary_bytes, self.scoring_bytes) < 1:
            raise ValueError(f"vocabulary_bytes and scoring_bytes must be positive: {self}")
