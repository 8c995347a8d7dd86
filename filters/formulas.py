r"""Group `formulas`: how much mathematics a text shows, without a classifier; for pages, prose and notebooks alone.

Comes in: text as the extractor leaves it, formulas between dollars or in LaTeX environments. Goes out: counts and
shares, null for other kinds. They are measures to compare with the recall loop and to find a first seed with, and
refuse to know thresholds. OpenWebMath (2310.06786) lets a page pass that shows LaTeX commands or a formula, and asks a
classifier (its MathScore) where a page shows none; `math_evidence` puts in the place of that classifier what can be
counted.
"""

import math
import re
from typing import Final

import pyarrow as pa

from filters.group import Group

KINDS: Final = ("page", "prose", "notebook")
# A formula in the text; a dollar before a digit or a space is money, shell or a variable of a template.
_FORMULA: Final = re.compile(
    r"\$\$(?P<display>[^$]{1,4000})\$\$|(?<![\\$\w])\$(?P<inline>(?![\s\d$])[^$\n]{1,500}?(?<![\s\\]))\$(?![\w$])"
    r"|\\begin\{(?P<name>equation|align|gather|multline|eqnarray)\*?\}(?P<body>(?:(?!\\end\{|\\begin\{).){1,4000})\\end\{",
    re.DOTALL,
)
_COMMAND: Final = re.compile(
    r"\\(?:frac|sum|int|prod|lim|sqrt|alpha|beta|gamma|delta|epsilon|lambda|mu|pi|sigma|theta|phi|omega|mathbb|mathcal|mathbf"
    r"|mathrm|operatorname|left|right|cdot|times|otimes|oplus|leq?|geq?|neq?|infty|partial|nabla|in|subset|cup|cap|to|mapsto"
    r"|rightarrow|forall|exists|binom|overline|hat|tilde|ldots|cdots|dots|equiv|approx|sim)(?![a-zA-Z])"
)
# Operators, letters of mathematical alphabets and arrows of Unicode; Greek is left out, which is also a language.
_SYMBOL: Final = re.compile(
    "[\u00d7\u00f7\u00b1\u2190-\u21ff\u2200-\u22ff\u27c0-\u27ef\u2980-\u2aff\U0001d400-\U0001d7ff]"
)
_WORD: Final = re.compile(
    r"\b(?:theorems?|lemmas?|proofs?|corollar(?:y|ies)|conjectures?|polynomials?|integrals?|derivatives?|equations?|matri(?:x|ces)"
    r"|eigenvalues?|vector spaces?|subgroups?|isomorphi(?:c|sms?)|homomorphisms?|manifolds?|coefficients?"
    r"|finite fields?|integers?|rational numbers?|prime numbers?"
    r"|convergen(?:t|ce)|convex|topolog(?:y|ical)|algebra(?:s|ic)?|modulo"
    r"|determinants?|permutations?|cohomology|ideals?|series expansion)\b",
    re.IGNORECASE,
)
_HALF: Final = 10.0  # signs in 1,000 characters at which the evidence is a half: a formula or a term in every line


def counted(text: str) -> tuple[int, float, float, float, float]:
    """Formulas, their share of the characters, symbols and terms in 1,000 characters, and all of it as one number."""
    n = max(1, len(text))
    formulas = inside = commands = 0
    for found in _FORMULA.finditer(text):
        body = found["display"] or found["inline"] or found["body"] or ""
        if found["inline"] is not None and not _looks_like_one(body):
            continue
        formulas, inside = formulas + 1, inside + len(body)
        commands += len(_COMMAND.findall(body))
    symbols, terms = len(_SYMBOL.findall(text)), len(_WORD.findall(text))
    signs = 1000 * (formulas + commands + symbols + terms) / n
    return formulas, inside / n, 1000 * symbols / n, 1000 * terms / n, 1 - math.exp(-math.log(2) * signs / _HALF)


def _looks_like_one(body: str) -> bool:
    """A formula between single dollars has an operator, a brace or a command, or is one letter."""
    return len(body) == 1 or any(mark in body for mark in "\\^_=+-*/<>{(|,")


def measure(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """One row per document."""
    rows = [
        counted(text or "") if kind in KINDS else (0, None, None, None, None)
        for kind, text in zip(documents["kind"].to_pylist(), documents["text"].to_pylist(), strict=True)
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(FORMULAS.columns)
    schema = FORMULAS.schema()
    return pa.RecordBatch.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
    )


FORMULAS: Final = Group(
    name="formulas",
    kernel=measure,
    columns=(
        ("n_formulas", "int64"),
        ("formula_fraction", "float64"),  # of the characters
        ("math_symbols", "float64"),  # in 1,000 characters
        ("math_terms", "float64"),  # in 1,000 characters
        ("math_evidence", "float64"),  # in [0, 1)
    ),
)
