"""Stage: the base build's scoring set, named by hash -> the same shards, for a variant's `dedup` and its scores.

A variant writes no scoring set: its own would hold other documents, or the same ones edited otherwise, and scores on
two sets compare nothing. Nothing is copied: the base lies in the same store.
"""

from dataclasses import dataclass, field

from corpus.minhash import MinHashConfig
from corpus.shards import Shard
from corpus.sources.raw import LOCATION
from pipelines.identity import digest
from pipelines.stage import Result, Shards, Work


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """Which set: its hash, where its shards lie, and the settings of its signatures."""

    hash: str
    minhash: MinHashConfig
    scoring: tuple[Shard, ...] = field(metadata=LOCATION)
    signatures: tuple[Shard, ...] = field(metadata=LOCATION)

    def __post_init__(self) -> None:
        found = set_hash(self.scoring, self.signatures)
        if found != self.hash:
            raise ValueError(f"the scoring set named {self.hash[:12]} is {found[:12]}: name the set of one base build")


def set_hash(scoring: Shards | tuple[Shard, ...], signatures: Shards | tuple[Shard, ...]) -> str:
    """Of every document's text and signature in the set."""
    return digest([[shard.content for shard in shards] for shards in (scoring, signatures)])


def run(work: Work, cfg: Frozen) -> Result:
    """The set's shards. Raises FileNotFoundError where one of them is gone."""
    for shard in (*cfg.scoring, *cfg.signatures):
        if not work.store.fs.exists(work.store.url(shard.path)):
            raise FileNotFoundError(f"{shard.path} of scoring set {cfg.hash[:12]} is gone: build the base again")
    work.files += [shard.path for shard in (*cfg.scoring, *cfg.signatures)]
    documents = sum(shard.rows for shard in cfg.scoring)
    outputs = {"scoring": list(cfg.scoring), "scoring_signatures": list(cfg.signatures)}
    return Result(outputs, {"documents": documents})
