"""The third labelled pool of the benchmark `recall`: its labels are made by reading page by page."""

import tomllib
from pathlib import Path
from typing import Any, Final

from benchmarks._recall_sites import Site, site_of

_DATA: Final[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("recall_sites3.toml").read_text())
SEEDS: Final = tuple(_DATA["seeds"].split())
SEED_DOMAINS: Final = tuple(_DATA["seed_domains"].split())
SITES: Final[tuple[Site, ...]] = tuple(site_of(told) for group in ("seed", "mixed", "other") for told in _DATA[group])
