"""Every pattern of this package and of licences, on repeated pieces of itself: none takes more than the square.

A pattern that a repeated piece sends back and forth would not end here within hours; there is no clock in these tests.
Texts are as long as what a pattern is given: a window of `filters.keys`; elsewhere names, domains and statements. On
these the slowest takes 0.05 s, and twice that length four times as long.
"""

import importlib
import itertools
import pkgutil
import re

import pytest

import filters
from filters.keys import AFTER, _plugins

WINDOW, NAME = 2 * AFTER, 1_000
COMMON = ["a", "A1", " ", "=", ": ", "'", '"', "-", "_", ".", "/", "0", "(", "[", "{", "<", "\n", "@", "key=", "\u00e9"]


def patterns():
    """(where, pattern) of every pattern that stands at a module's top level, alone or in a table; and the library's."""
    modules = [f"filters.{found.name}" for found in pkgutil.iter_modules(filters.__path__)]
    for name in [
        *modules,
        "corpus.licenses",
        "corpus.license_names",
        "corpus.manifests",
        "corpus.natural",
        "corpus.sources.conversations",
    ]:
        for variable, value in vars(importlib.import_module(name)).items():
            values = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
            found = [one for one in values if isinstance(one, re.Pattern)]
            yield from ((f"{name}.{variable}.{i}", pattern) for i, pattern in enumerate(found))
    for detector, plugin in _plugins():
        for i, pattern in enumerate(getattr(plugin, "denylist", None) or [plugin.regex]):
            yield f"detect_secrets.{detector.name}.{i}", pattern


PATTERNS = dict(patterns())


def pieces(pattern):
    """What a hostile text repeats: the pattern's own words, alone and in pairs, and what is common."""
    source = pattern.pattern.decode() if isinstance(pattern.pattern, bytes) else pattern.pattern
    words = list(dict.fromkeys(re.findall(r"[A-Za-z0-9_]{2,}|[-=:@./'\"<>\[\]{}()*#+]", source)))[:24]
    return [*COMMON, *words, *(a + b for a, b in itertools.product(words[:6], ["a", " ", "=", "'"]))]


def test_the_table_is_not_empty():
    assert len(PATTERNS) > 60
    assert {"filters.keys.FORMS.0", "filters.keys._ASSIGNED.0", "filters.addresses._DOMAIN.0"} <= set(PATTERNS)


@pytest.mark.parametrize("where", list(PATTERNS))
def test_a_repeated_piece_is_read_to_its_end(where):
    pattern = PATTERNS[where]
    longest = WINDOW if where.startswith(("filters.keys", "detect_secrets")) else NAME
    for piece in pieces(pattern):
        text = (piece * (longest // len(piece) + 1))[:longest] + "\x01"
        pattern.search(text.encode() if isinstance(pattern.pattern, bytes) else text)
