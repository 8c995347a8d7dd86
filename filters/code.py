"""Rule sets for code: DeepSeek's six for files and notebooks, StarCoder2's for issues, a minimum length for pages.

Data alone. `screened` adds what DeepSeek-Coder screens for to the six, where the recipe measures it. Where a paper
gives no number, the reason stands beside ours. Other pipelines' sets for files are `filters.starcoder` and
`filters.opencoder`.
"""

from dataclasses import replace
from typing import Final

from filters.rule import Rule, RuleSet

_FILES: Final = ("file", "notebook")

# C1 section 2.1, repeated in CV2 section 2; "exceeding" and "fewer than" keep equality. No exceptions are stated.
_LINES_AND_LETTERS: Final = (
    Rule("mean_line_chars", high=100, why="C1: average line length above 100 characters"),
    Rule("max_line_chars", high=1000, why="C1: a line of more than 1000 characters"),
    Rule("alphabetic_fraction", low=0.25, why="C1: fewer than 25 % alphabetic characters"),
)
# Read literally it deletes XML, which is on the list of 338: kept as published, and visible in the counts by language.
_XML: Final = Rule("xml_header", high=0, why='C1: "<?xml version=" in the first 100 characters, except XSLT')
_HTML: Final = (
    Rule("visible_fraction", low=0.2, why="C1: visible text below 20 % of the file"),
    Rule("visible_chars", low=100, why="C1: fewer than 100 visible characters"),
)
_DATA: Final = Rule("n_chars", low=50, high=5000, why="C1: JSON and YAML keep 50 to 5000 characters")

DEEPSEEK: Final = (
    RuleSet(kinds=_FILES, languages=("XSLT",), rules=_LINES_AND_LETTERS),
    RuleSet(kinds=_FILES, languages=("HTML",), rules=(*_LINES_AND_LETTERS, _XML, *_HTML)),
    RuleSet(kinds=_FILES, languages=("JSON", "YAML"), rules=(*_LINES_AND_LETTERS, _XML, _DATA)),
    RuleSet(kinds=_FILES, rules=(*_LINES_AND_LETTERS, _XML)),
)


def screened(quality: float = 0.05, errors: float = 0.1, longest: int = 500) -> tuple[RuleSet, ...]:
    """The six, then C1's section 2.3: syntax errors, low modularity, poor quality. Numbers are ours: none is published.

    `quality` is the share of each language's files that goes, by `filters.quality`; the other two are of
    `filters.screening`. The recipe lists both groups.
    """
    rules = (
        Rule("error_bytes", high=errors, why="C1: syntax errors; a dialect may cover some of a good file with them"),
        Rule("longest_function", high=longest, why="C1: low modularity"),
        Rule("quality_rank", low=quality, why="C1: the quality model's lowest, by language"),
    )
    return tuple(replace(one, rules=(*one.rules, *rules)) for one in DEEPSEEK)


# DeepSeek does not say how its 185B of code-related text was filtered: StarCoder2's rules for issues. A source that
# names no users has null there, which passes.
ISSUES: Final = (
    RuleSet(
        kinds=("issue",),
        rules=(
            Rule("n_chars", low=200, why="S2: an issue below 200 characters"),
            Rule("n_humans", low=1, why="S2: written by bots alone"),
            Rule("lone_chars", high=7000, why="S2: one user with more than 7000 characters pastes a log"),
            Rule("lone_comments", high=10, why="S2: one user who speaks more than ten times"),
        ),
    ),
)

# A recalled page was chosen by a classifier; prose rules would destroy what code it bears. The minimum is StarCoder2's
# for issues, the nearest published one: below it a page is a menu or an error message.
PAGES: Final = (
    RuleSet(kinds=("page",), rules=(Rule("n_chars", low=200, why="a page below 200 characters is no article"),)),
)
