"""What names say of an element."""

import numpy as np
import pytest

from corpus.dom import parse
from corpus.frames import BEST, DEBRIS, DROP, FLAGS, FORMULA_IMAGE, HIGHLIGHT, MATH, NAMED, RANK, SECTION


@pytest.mark.parametrize(
    ("attribute", "flag"),
    [
        ('class="a sidebar b"', DROP | NAMED),
        ('class="page-sidebar"', NAMED),
        ('class="besidebar"', 0),
        ('id="toc"', NAMED),
        ('role="navigation"', DROP),
        ('class="section"', SECTION),
        ('class="headerlink"', DEBRIS),
        ("hidden", DEBRIS),
        ('class="arithmatex"', MATH),
        ('class="tex"', FORMULA_IMAGE),
        ('class="highlighttable"', HIGHLIGHT),
        ('role="main"', BEST),
        ('class="rst-content"', 1 << RANK + 2),
    ],
)
def test_classes_ids_roles_and_words_have_their_flags(attribute, flag):
    dom = parse(f"<span {attribute}>x</span>".encode(), FLAGS)
    [node] = np.flatnonzero(dom.flags) if flag else [0]
    assert dom.flags[node] == flag
