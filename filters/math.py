"""Rule sets for mathematics: recalled pages, by length alone.

Data alone. DeepSeekMath names no rule for its recalled pages beside the classifier, URL patterns and decontamination;
OpenWebMath's perplexity and MathScore need models and are no part of this.
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
