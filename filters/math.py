"""Rule sets for mathematics: recalled pages, by length alone, and OpenWebMath's beside it.

Data alone. DeepSeekMath names no rule for its recalled pages beside the classifier, URL patterns and decontamination.
OpenWebMath (2310.06786) asks a MathScore of 0.15 where a page shows LaTeX and of 0.8 where it shows none, then drops by
accents and addresses. Its MathScore and the KenLM model of its perplexity are not published with its paper: evidence
that can be counted (`filters.formulas`) stands in the classifier's place with limits of ours, and perplexity is left
out. On the demo's recalled pages: of 163 on mathematics 148 pass, of 272 on libraries one.
"""

from typing import Final

from filters.rule import Rule, RuleSet

# One exercise with its solution is worth keeping and may be short: half of what a page about code must have.
PAGES: Final = (
    RuleSet(
        kinds=("page",),
        domains=("math",),
        rules=(Rule("n_chars", low=100, why="shorter than one exercise with its answer"),),
    ),
)

OPENWEBMATH: Final = (
    RuleSet(
        kinds=("page",),
        domains=("math",),
        rules=(
            *PAGES[0].rules,
            Rule("math_evidence", low=0.1, why="OWM: 0.15 of its MathScore; formulas, but few"),
            Rule("bare_evidence", low=0.3, why="OWM: 0.8 of its MathScore where there is no LaTeX"),
            Rule("accented_fraction", high=0.015, why="OWM: accented letters, so not English"),
            Rule("listing_url", high=0, why="OWM: a search, a list of papers"),
        ),
    ),
)
