"""Rule sets for natural language: Gopher's rules of quality and repetition, and FineWeb's beside them.

Data alone. The numbers are Gopher's (Rae et al., 2112.11446, table A1) and FineWeb's as datatrove 0.10's filters have
them; equality is kept. On the same words they decide as datatrove does (benchmark `prose_rules`). The stop words are
English, and so is the rule: a corpus in another language takes its own set. C4's removal of lines, which FineWeb does
between the two, edits text and is no rule; what it would drop whole, and how much it would remove, is.
"""

from typing import Final

from filters.rule import Rule, RuleSet

QUALITY: Final = (
    Rule("n_words", low=50, high=100_000, why="Gopher: a stub, or a dump"),
    Rule("mean_word_chars", low=3, high=10, why="Gopher: symbols, or run-together text"),
    Rule("symbol_word_ratio", high=0.1, why="Gopher: hashes or ellipses for a tenth of the words"),
    Rule("bullet_lines", high=0.9, why="Gopher: a list of bullet points"),
    Rule("ellipsis_lines", high=0.3, why="Gopher: lines cut short by a listing page"),
    Rule("alpha_word_fraction", low=0.8, why="Gopher: words without a letter are tables and dumps"),
    Rule("stop_words", low=2, why="Gopher: fewer than two English stop words is no English text"),
)
_TOP: Final = ((2, 0.20), (3, 0.18), (4, 0.16))
_REPEATED: Final = ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))
REPETITION: Final = (
    Rule("duplicate_paragraphs", high=0.3, why="Gopher: paragraphs seen before"),
    Rule("duplicate_paragraph_chars", high=0.2, why="Gopher: paragraphs seen before, by characters"),
    Rule("duplicate_lines", high=0.3, why="Gopher: lines seen before"),
    Rule("duplicate_line_chars", high=0.2, why="Gopher: lines seen before, by characters"),
    *(Rule(f"top_{n}_gram", high=most, why="Gopher: one n-gram makes up much of the text") for n, most in _TOP),
    *(Rule(f"repeated_{n}_grams", high=most, why="Gopher: n-grams seen before") for n, most in _REPEATED),
)
FINEWEB_QUALITY: Final = (
    Rule("ended_lines", low=0.12, why="FineWeb: lines do not end as sentences do"),
    Rule("short_lines", high=0.67, why="FineWeb: lines of at most 30 characters"),
    Rule("copied_line_chars", high=0.01, why="FineWeb in datatrove; its report says 0.1"),
    Rule("newlines_per_word", high=0.3, why="FineWeb: a list"),
)
# C4 as datatrove reads it, then DCLM's limit on what cleaning removes. They destroy pages that bear code or
# formulas: for prose alone, and no part of any default.
C4_QUALITY: Final = (
    Rule("lorem_ipsum", high=0, why="C4: a page that nobody wrote yet"),
    Rule("curly_bracket", high=0, why="C4: code"),
    Rule("clean_sentences", low=5, why="C4: fewer than five sentences in lines worth keeping"),
)
CLEANED: Final = (Rule("cleaned_words", high=0.05, why="DCLM: cleaning of lines removes more than a twentieth"),)
ENGLISH: Final = (Rule("english", low=0.65, why="RefinedWeb, DCLM: not English by fastText's lid.176"),)

C4: Final = (RuleSet(kinds=("prose",), rules=C4_QUALITY),)
GOPHER: Final = (RuleSet(kinds=("prose",), rules=(*REPETITION, *QUALITY)),)
FINEWEB: Final = (RuleSet(kinds=("prose",), rules=(*REPETITION, *QUALITY, *FINEWEB_QUALITY)),)
