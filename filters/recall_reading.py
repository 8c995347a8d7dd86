"""What a person is given to read between two recall rounds: folders, and pages spread over them.

Comes in: pages and collected pages by folder, and how near pages are to the cut. Goes out: the folders worth a decision
and how many pages of each are worth one. A folder's decision covers all its pages, so each folder of which a tenth was
collected is listed with what it holds; pages are for the folders that are mixed, such as a manual that is one folder.
Nearness to the cut says where the classifier does not know; a power of its sum keeps one large folder from taking the
whole list. Knows no shards and no text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from filters.recall import prefix

DEEPEST = 8  # folders of a path that are told apart
_POWER = 0.75  # 1: by doubt alone; 0: every group alike
SELECTED = 0.5  # least doubt of a page inside the cut
FAR = 0.4  # doubt below which a page is not worth reading: 1.4 below the cut, in logits


def shallow(counted: Mapping[tuple[str, str], Sequence[int]], depth: int) -> dict[tuple[str, str], list[int]]:
    """The same counts by prefixes of `depth` folders."""
    found: dict[tuple[str, str], list[int]] = {}
    for (domain, folder), row in counted.items():
        whole = found.setdefault((domain, prefix(f"{folder}/", depth)), [0] * len(row))
        for i, n in enumerate(row):
            whole[i] += n
    return found


def folders(
    counted: Mapping[tuple[str, str], Sequence[int]], label: int, depth: int, min_pages: int, share: float
) -> list[dict[str, Any]]:
    """Folders of which a share was collected for the label (its column), as deep as `min_pages` allows.

    A folder's pages are those that no listed folder below it has; so every page has one listed folder at most.
    """
    totals: dict[str, list[int]] = {}
    below: dict[str, set[str]] = {}
    tops = set()
    for (_, folder), row in counted.items():
        top = prefix(f"{folder}/", depth)
        tops.add(top)
        parts = folder.split("/")
        names = ["/".join(parts[:n]) for n in range(top.count("/") + 1, len(parts) + 1)]
        for name, under in zip(names, [*names[1:], ""], strict=True):
            whole = totals.setdefault(name, [0, 0])
            whole[0] += row[0]
            whole[1] += row[label]
            if under:
                below.setdefault(name, set()).add(under)
    found: list[dict[str, Any]] = []

    def listed(name: str) -> tuple[int, int]:
        """List what is worth it at or below this folder; the pages, and those collected, that are covered."""
        pages, collected = totals[name]
        for under in sorted(below.get(name, ())):
            covered = listed(under)
            pages, collected = pages - covered[0], collected - covered[1]
        if pages >= min_pages and collected >= share * pages:
            found.append({"folder": name, "pages": pages, "collected": collected})
            return totals[name][0], totals[name][1]
        return totals[name][0] - pages, totals[name][1] - collected

    for top in sorted(tops):
        listed(top)
    return sorted(found, key=lambda row: row["folder"])


def doubt(logits: np.ndarray, cut: float) -> np.ndarray:
    """1 at the cut, falling to 0 below it and to a half above: what is selected is worth a look, however sure."""
    away = logits.astype(np.float64) - cut
    made: np.ndarray = 2.0 / (1.0 + np.exp(np.minimum(np.abs(away), 50.0)))
    return np.where(away > 0, np.maximum(made, SELECTED), made)


def allotted(doubts: Mapping[str, np.ndarray], pages: int) -> dict[str, int]:
    """How many pages of each group are read: by a power of the sum of squared doubts, as far as it has pages."""
    weights = {name: float(np.square(values).sum() ** _POWER) for name, values in doubts.items() if len(values)}
    made = dict.fromkeys(weights, 0)
    for _ in range(min(pages, sum(len(doubts[name]) for name in weights))):  # each to the group that lacks most
        open_ = [name for name in weights if made[name] < len(doubts[name])]
        best = max(open_, key=lambda name: (weights[name] / (made[name] + 1), name))
        made[best] += 1
    return made


def spread(doubts: np.ndarray, pages: int) -> list[int]:
    """Which rows of a group are read: evenly over its doubt, in the order of the rows, the nearest to the cut most.

    Rows come by score, so that the pages lie on both sides of the cut.
    """
    if pages >= len(doubts):
        return list(range(len(doubts)))
    sums = np.cumsum(doubts)
    wanted = (np.arange(pages) + 0.5) / pages * sums[-1]
    chosen: list[int] = []
    for row in np.searchsorted(sums, wanted).tolist():
        low = chosen[-1] + 1 if chosen else 0
        chosen.append(min(max(row, low), len(doubts) - pages + len(chosen)))
    return chosen
