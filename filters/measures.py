"""The measures of a build: which groups are computed, each by itself.

A group's kernel and columns stand in its own module, what a group is in `group`; the stage's identity follows the
group alone, so that a new one computes nothing but itself. `GROUPS` are the cheap ones, computed in every build so
that any published rule set can be tried on it in seconds. The group that parses
(`filters.screening`), and a user's own, are put beside them in the recipe: `MeasureConfig(groups=(*GROUPS, MINE))`.
"""

from dataclasses import dataclass
from typing import Final

from filters.characters import BASIC
from filters.cleaning import CLEANING
from filters.encoded import ENCODED
from filters.formulas import FORMULAS
from filters.group import Group, refuse_twins
from filters.imports import IMPORTS
from filters.lines import LINES
from filters.metadata import METADATA
from filters.repetition import REPETITION
from filters.source import SOURCE
from filters.visible import HTML
from filters.words import WORDS

GROUPS: Final = (BASIC, HTML, WORDS, LINES, REPETITION, CLEANING, SOURCE, ENCODED, METADATA, FORMULAS, IMPORTS)
NEEDED: Final = frozenset({"basic", "imports"})  # `filter` reads n_bytes, `assemble` reads imports


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureConfig:
    """The groups to compute. Two groups may not share a name or a column: a rule names its measure by column alone."""

    groups: tuple[Group, ...] = GROUPS

    def __post_init__(self) -> None:
        refuse_twins("groups", (group.name for group in self.groups))
        for name in NEEDED - {group.name for group in self.groups}:
            raise ValueError(f"group {name!r} is missing: later stages read it; add it to groups")
        refuse_twins("columns of the groups", self.columns())

    def columns(self) -> list[str]:
        """Every measure that a rule may name."""
        return [column for group in self.groups for column, _ in group.columns]
