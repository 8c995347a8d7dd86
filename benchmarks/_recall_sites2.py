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

from benchmarks._recall_sites import site_of

_DATA: Final[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("recall_sites2.toml").read_text())
_CHAPTERS_AT: Final[str] = _DATA["chapters"]["pages"]
_CHAPTERS: Final = tuple(
    f"{name}.html" for title, names in _DATA["chapters"].items() if title != "pages" for name in names.split()
)

SEEDS: Final = (*(_CHAPTERS_AT.partition("://")[2] + name for name in _CHAPTERS), *_DATA["seeds"].split())
SEED_DOMAINS: Final = tuple(_DATA["seed_domains"].split())

MATH, SCIENCE, CODE, PROSE = (
    tuple(site_of(told, _CHAPTERS if told["url"] == _CHAPTERS_AT else ()) for told in _DATA[group])
    for group in ("math", "science", "code", "prose")
)
SITES: Final = (*MATH, *SCIENCE, *CODE, *PROSE)
