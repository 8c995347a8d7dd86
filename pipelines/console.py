"""How every command of this project ends: the status that its `main` returns, also when nobody reads its output.

`python -m pipelines.build --list --json | head` closes the pipe early, which is no failure of the command.
"""

import argparse
import os
import sys
from collections.abc import Callable
from typing import Final, NoReturn

from rich.console import Console

CLOSED_PIPE = 141  # 128 + SIGPIPE, as a shell reports a program that the signal ended
WRONG_USAGE = 2
_PIPED_WIDTH: Final = 132  # columns; the library's 80 cut numbers off: "5,432,2…"


class UsageError(Exception):
    """What was asked for cannot be done as it was asked; the message names the thing and the way out."""


def end(main: Callable[[], int]) -> NoReturn:
    """Run the command and leave the process."""
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end; on the closed pipe that would show a traceback after all.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = CLOSED_PIPE
    sys.exit(status)


def console() -> Console:
    """Where tables are printed: as wide as the terminal, or as COLUMNS says, or wide enough for their numbers.

    Tables hold what users' data and errors say: "[/x]" in a path is no closing tag, ":x:" no picture.
    """
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=_PIPED_WIDTH if piped else None, markup=False, emoji=False, highlight=False)


def usage_error(message: object) -> int:
    """Say what is wrong with what was asked for; the exit status that says so too."""
    print(f"error: {message}", file=sys.stderr)
    return WRONG_USAGE


def count_of(what: str) -> Callable[[str], int]:
    """The type of an option that counts something: a whole number of at least 1."""

    def count(text: str) -> int:
        if not text.isdecimal() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text} {what}: give a whole number, 1 or more")
        return int(text)

    return count


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Where the work is done: a running scheduler, or worker processes of this machine."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask scheduler, such as tcp://host:8786")
    where.add_argument(
        "--workers",
        type=count_of("workers cannot work"),
        metavar="N",
        help="local worker processes (default: one per core)",
    )
