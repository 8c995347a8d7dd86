"""The third labelled pool of the benchmark `recall`: other domains than the first two, and labels made by reading.

Made after the loop was tuned on the first pool and looked at on the second, by someone who saw no result of either. Two
readers, blind to each other, labelled each page of the mixed sites by the definition of mathematics of `_recall_sites`,
from its address, its title and about a thousand characters of its text; where they do not agree, or cannot say, the
page has no label and is in no figure. Only seed pages have their label by path, and pages of sites that hold no
mathematics.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

from benchmarks._recall_sites import Site, site_of

_DATA: Final[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("recall_sites3.toml").read_text())
_GROUPS: Final[dict[str, dict[str, Any]]] = {"seed": {"read": True}, "mixed": {"read": True, "take": 60}, "other": {}}


def _site(told: dict[str, Any]) -> Site:
    leave = f"{told.get('leave', _DATA['leave'])} {told.get('leave_too', '')}"
    return site_of({name: value for name, value in told.items() if name != "leave_too"} | {"leave": leave})


SEEDS: Final = tuple(_DATA["seeds"].split())
SEED_DOMAINS: Final = tuple(_DATA["seed_domains"].split())
SITES: Final = tuple(_site(fixed | told) for group, fixed in _GROUPS.items() for told in _DATA[group])
