"""Rule set `starcoder2` for files and notebooks, as The Stack v2 was filtered (2402.19173).

Data alone, no part of what DeepSeek describes. The paper's names of languages are Linguist's; where the list of 338 has
another name, the list's stands here. Web Ontology Language and Motorola 68K are not on the list: no file is of theirs.
"""

from typing import Final

from filters.rule import Rule, RuleSet

_FILES: Final = ("file", "notebook")
_ALL: Final = (
    Rule("n_lines", high=100_000, why="S2: more than 100,000 lines"),
    Rule("generated", high=0, why="S2: a tool wrote it, by name or phrase in the first five lines"),
    Rule(
        "longest_encoded", high=1024, why="S2: a run of base64, hexadecimal or unicode escapes beyond 1024 characters"
    ),
    Rule("encoded_fraction", high=0.5, why="S2: such runs make up more than half of the file"),
)
_LINES: Final = (
    Rule("mean_line_chars", high=100, why="S2: average line length above 100 characters"),
    Rule("max_line_chars", high=1000, why="S2: a line of more than 1000 characters"),
)
_LONGEST: Final = (Rule("max_line_chars", high=100_000, why="S2: a line of more than 100,000 characters"),)
_LETTERS: Final = (Rule("alphabetic_fraction", low=0.25, why="S2: fewer than 25 % alphabetic characters"),)
_LETTERS_AND_DIGITS: Final = (
    Rule("alphanumeric_fraction", low=0.25, why="S2: fewer than 25 % alphanumeric characters in WebAssembly"),
)
_FEW_LINES: Final = (Rule("n_lines", high=512, why="S2: data of more than 512 lines"), *_ALL[1:])
_HTML: Final = (
    Rule("visible_fraction", low=0.2, why="SC, S2: visible text below 20 % of the file"),
    Rule("visible_chars", low=100, why="SC, S2: fewer than 100 visible characters"),
)
_NAME: Final = (Rule("text_name", low=1, why="S2: plain text that is no readme, notes or list of requirements"),)

STARCODER2: Final = (
    RuleSet(kinds=_FILES, languages=("Text",), rules=(*_FEW_LINES, *_LONGEST, *_LETTERS, *_NAME)),
    RuleSet(kinds=_FILES, languages=("JSON",), rules=(*_FEW_LINES, *_LONGEST, *_LETTERS)),
    RuleSet(kinds=_FILES, languages=("YAML", "Graphviz DOT"), rules=(*_FEW_LINES, *_LINES, *_LETTERS)),
    RuleSet(kinds=_FILES, languages=("HTML",), rules=(*_ALL, *_LONGEST, *_LETTERS, *_HTML)),
    RuleSet(
        kinds=_FILES,
        languages=("Markdown", "Groff", "Roff", "Roff Manpage", "SMT", "TeX", "XML"),
        rules=(*_ALL, *_LONGEST, *_LETTERS),
    ),
    RuleSet(kinds=_FILES, languages=("WebAssembly",), rules=(*_ALL, *_LINES, *_LETTERS_AND_DIGITS)),
    RuleSet(kinds=_FILES, rules=(*_ALL, *_LINES, *_LETTERS)),
)
