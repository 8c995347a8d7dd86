"""Is a removal rate plausible? Deduplication that did nothing, or took nearly all, should be seen.

In: per language how many documents a deduplication judged and how many of them it dropped. Out: one sentence for each
rate outside its band. Who counts and who is told is not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# Share of files removed from The Stack v1 by near-deduplication (word 5-grams, Jaccard 0.7), by its published counts.
PUBLISHED = {
    "Python": 0.465,
    "Java": 0.525,
    "JavaScript": 0.474,
    "C": 0.597,
    "Go": 0.594,
    "HTML": 0.732,
    "JSON": 0.789,
    "Markdown": 0.484,
    "PHP": 0.544,
    "TypeScript": 0.457,
    "Rust": 0.547,
}


ALL = "all languages"


@dataclass(frozen=True, kw_only=True)
class DropRates:
    """What is plausible: the published rate and so much around it; for any other language `others`.

    A corpus of fewer documents in a language than `judged_from` is no sample of GitHub, and is not judged.
    """

    margin: float = 0.3
    others: tuple[float, float] = (0.02, 0.9)
    together: tuple[float, float] = (0.001, 0.9)  # whole repositories too, of which few are copies
    judged_from: int = 10_000

    def __post_init__(self) -> None:
        ranges = all(0 <= low < high <= 1 for low, high in (self.others, self.together))
        if not 0 < self.margin < 1 or not ranges or self.judged_from < 1:
            raise ValueError(
                f"margin, others and together must be shares, low before high, and judged_from at least 1: {self}"
            )

    def band(self, language: str) -> tuple[float, float]:
        """Lowest and highest plausible rate."""
        if language == ALL:
            return self.together
        if language not in PUBLISHED:
            return self.others
        return PUBLISHED[language] - self.margin, min(0.95, PUBLISHED[language] + self.margin)


def implausible(rates: DropRates, judged: Mapping[str, int], dropped: Mapping[str, int]) -> list[str]:
    """A sentence for each language, and for all together, whose rate is outside its band."""
    told = []
    languages = {**judged, ALL: sum(judged.values())}
    lost = {**dropped, ALL: sum(dropped.values())}
    for language, n in sorted(languages.items()):
        low, high = rates.band(language)
        rate = lost.get(language, 0) / max(1, n)
        if n >= rates.judged_from and not low <= rate <= high:
            told.append(
                f"deduplication dropped {rate:.1%} of {n:,} documents in {language}; between {low:.0%} and {high:.0%} "
                "is plausible"
            )
    return told
