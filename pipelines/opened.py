"""A build that stands below a root, opened to be read: how report, explain and the other reading commands begin.

Comes in: the options `--recipe`, `--root` and `--sample`. Goes out: the recipe, the store, and what it holds of each
stage of the plan, results of older code included: whoever reads a build wants what is there.
"""

import argparse
from dataclasses import dataclass

from corpus.shards import Shard, Store
from pipelines.build import fraction, plan
from pipelines.manifest import Found, survey
from pipelines.place import store_at
from pipelines.recipes import Loaded, load


@dataclass(frozen=True)
class Opened:
    """A recipe's build. `found` is in plan order."""

    loaded: Loaded
    store: Store
    found: dict[str, Found]


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--recipe`, `--root` and `--sample`, as `pipelines.build` spells them."""
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--root", default="build")
    parser.add_argument("--sample", type=fraction, metavar="FRACTION", help="the build of that share of origins")


def opened(args: argparse.Namespace) -> Opened:
    """The build that the options name. Raises UsageError."""
    loaded = load(args.recipe, args.sample)
    store = store_at(args.root)
    return Opened(loaded, store, survey(store, plan(loaded.recipe), accept_code=True))


def shards_of(found: dict[str, Found], stage: str, output: str) -> list[Shard]:
    """The shards of a stage's output; none where the stage has not run or is no part of the plan."""
    result = found[stage].result if stage in found else None
    return result.outputs.get(output, []) if result else []
