"""Settings of an ablation: how runs are made, what is called, and whose figures stand beside ours.

Apart from the settings of a run, so that another test or level trains nothing again.
"""

from dataclasses import dataclass, field
from typing import Final

from validate.probes.config import ProbeConfig
from validate.probes.train import TrainConfig
from validate.verdict import VerdictConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A figure of somebody's ablation, to stand beside ours for the variant of that name."""

    variant: str
    what: str
    figure: str
    source: str


# DeepSeek-Coder-V2, Table 1: a 1B model on the old and on the new corpus, 1T tokens each. 164 and 500 items: the
# differences are 1.1 and 1.4 standard errors of an unpaired comparison, and no second seed was run.
CODER_V2: Final = (
    ("HumanEval and its translations, mean pass@1", "26.7 % → 31.2 %"),
    ("MBPP, pass@1", "44.6 % → 49.0 %"),
)


def coder_v2(variant: str) -> tuple[Published, ...]:
    """The published comparison of the old corpus with the new one, for a variant that stands for the new one."""
    where = "DeepSeek-Coder-V2, Table 1 (arXiv 2406.11931)"
    return tuple(Published(variant=variant, what=what, figure=figure, source=where) for what, figure in CODER_V2)


@dataclass(frozen=True, kw_only=True)
class AblationConfig:
    """How the builds of an ablation are compared.

    `probe`: 900 steps of 512 tokens, about a minute of one core.
    `judged`: the measures that a call is made on. The fewer, the smaller the difference that three seeds show: all of
    them share the chance of a false call. `natural` and `math` of a small corpus rest on few held-out documents.
    "code line order" may be added: whether a model knows how lines follow each other, whatever it knows of words; and
    "code comments" and "code outside comments", which a change of the comments moves apart.
    """

    probe: ProbeConfig = field(default_factory=lambda: ProbeConfig(train=TrainConfig(steps=900, batch=2)))
    verdict: VerdictConfig = field(default_factory=VerdictConfig)
    judged: tuple[str, ...] = ("overall", "code", "math", "natural")
    published: tuple[Published, ...] = ()  # figures to stand beside ours, such as coder_v2("my_variant")
    weights: tuple[tuple[str, float], ...] = (("code", 0.6), ("math", 0.1), ("natural", 0.3))  # of "overall"

    def __post_init__(self) -> None:
        if not self.judged:
            raise ValueError("judged names no measure: nothing would be called")
        if not self.weights or min(weight for _, weight in self.weights) < 0:
            raise ValueError(f"weights are shares of domains, not {self.weights}")
