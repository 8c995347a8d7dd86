"""Rule sets for natural language: Gopher's quality rules.

Data alone. The numbers are Gopher's (Rae et al., 2112.11446, table A1) as datatrove and DCLM restate them; equality is
kept. The stop words are English, and so is the rule: a corpus in another language takes its own set.
"""

from typing import Final

from filters.rule import Rule, RuleSet

GOPHER: Final = (
    RuleSet(
        kinds=("prose",),
        rules=(
            Rule("n_words", low=50, high=100_000, why="Gopher: a stub, or a dump"),
            Rule("mean_word_chars", low=3, high=10, why="Gopher: symbols, or run-together text"),
            Rule("symbol_word_ratio", high=0.1, why="Gopher: hashes or ellipses for a tenth of the words"),
            Rule("bullet_lines", high=0.9, why="Gopher: a list of bullet points"),
            Rule("ellipsis_lines", high=0.3, why="Gopher: lines cut short by a listing page"),
            Rule("alpha_word_fraction", low=0.8, why="Gopher: words without a letter are tables and dumps"),
            Rule("stop_words", low=2, why="Gopher: fewer than two English stop words is no English text"),
        ),
    ),
)
