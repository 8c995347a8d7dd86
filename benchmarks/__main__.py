"""`python -m benchmarks NAME`: one benchmark as a table, or with `--json` one object per line.

A benchmark is a file here with `rows()`, which yields dictionaries with the keys benchmark, what, unit, ours, peer,
theirs and ratio (ours / theirs; peer, theirs and ratio are None for a figure without a peer).
"""

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Sequence

from rich.table import Table

import benchmarks
from pipelines.console import console, end

KEYS = ("benchmark", "what", "unit", "ours", "peer", "theirs", "ratio")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 for an unknown name."""
    names = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=f"Benchmarks: {', '.join(names)}.")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="one object per line")
    args = parser.parse_args(argv)
    if args.name not in names:
        print(f"error: no benchmark {args.name!r}; the benchmarks are: {', '.join(names)}", file=sys.stderr)
        return 2
    rows = importlib.import_module(f"benchmarks.{args.name}").rows()
    if args.json:
        for row in rows:
            print(json.dumps({key: row[key] for key in KEYS}), flush=True)
        return 0
    table = Table(*KEYS[1:], title=args.name)
    for row in rows:
        table.add_row(*(_shown(row[key]) for key in KEYS[1:]))
    console().print(table)
    return 0


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    end(main)
