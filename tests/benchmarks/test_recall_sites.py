"""The benchmark's second label: what shows code is decided by the documentation a page is of, and by its blocks."""

import pytest

from benchmarks._recall_sites import shows_code

BLOCK = "\n```\nx = 1\n```\n"


@pytest.mark.parametrize(
    ("package", "text", "found"),
    [
        ("python-flask-doc", "Views" + 2 * BLOCK, True),
        ("python-flask-doc", "Views" + BLOCK, None),
        ("python-flask-doc", "Views", False),
        ("gimp-help-en", "Layers" + 2 * BLOCK, False),
        ("python-sympy-doc", "Series" + 2 * BLOCK, None),
    ],
)
def test_pages_of_programming_documentation_with_two_blocks_show_code(package, text, found):
    assert shows_code(package, text) is found
