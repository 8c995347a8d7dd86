"""The second labelled pool of the benchmark `recall`: other packages on other domains than the first one's.

Made after the loop was built and tuned on the first pool, and before anything was run on this one, so that figures on
it are free of choices made on the first. Same rules: a page's label is decided by its path, by hand; the definition of
mathematics is that of `_recall_sites`; what a path does not decide is left out (signal processing and control, sparse
solvers' interfaces, formal proofs as code, the references of statistics and machine learning, LAPACK-like routines).
The patterns are data, in `recall_sites2.toml`; sites without any hold no mathematics.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

from benchmarks._recall_sites import Site

_DATA: Final[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("recall_sites2.toml").read_text())
_CHAPTERS: Final = {name: words.split() for name, words in _DATA["chapters"].items() if name != "pages"}
_CHAPTERS_AT: Final[str] = _DATA["chapters"]["pages"]


def _site(told: dict[str, Any]) -> Site:
    words = {name: tuple(told[name].split()) for name in ("math", "other", "leave") if name in told}
    if told["url"] == _CHAPTERS_AT:
        words["math"] += tuple(f"{name}.html" for names in _CHAPTERS.values() for name in names)
    fields: dict[str, Any] = told | words
    return Site(**fields)


SEEDS: Final = (
    *(f"{_CHAPTERS_AT.partition('://')[2]}{name}.html" for names in _CHAPTERS.values() for name in names),
    *_DATA["seeds"].split(),
)
SEED_DOMAINS: Final = tuple(_DATA["seed_domains"].split())

MATH, SCIENCE, CODE, PROSE = (tuple(map(_site, _DATA[group])) for group in ("math", "science", "code", "prose"))
SITES: Final = (*MATH, *SCIENCE, *CODE, *PROSE)
