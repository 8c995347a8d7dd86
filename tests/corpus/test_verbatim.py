"""Text of a node as it stands."""

import numpy as np
import pytest

from corpus.dom import CODE, parse
from corpus.frames import FLAGS
from corpus.verbatim import SKIP, raw_text


@pytest.mark.parametrize(
    ("html", "raw"),
    [
        ("<pre>a  b\n\tc</pre>", "a  b\n\tc"),
        ("<pre>a &amp;&lt;&gt;&nbsp;b &copy;</pre>", "a &<> b ©"),
        ("<pre><i>a</i><br>b</pre>", "a\nb"),
        ("<pre><div>a</div><div>b</div></pre>", "a\nb"),
        ("<pre>&amp;amp; &ampx &</pre>", "&amp; &x &"),
        ("<pre></pre>", ""),
    ],
)
def test_raw_text(html, raw):
    dom = parse(html.encode(), FLAGS)
    node = int(np.flatnonzero(dom.tag == CODE["pre"])[0])
    kinds, places = np.zeros(len(dom) + 1, np.uint8), np.full(len(dom), -1, np.int32)
    assert raw_text(dom, node, kinds, places) == raw


def test_what_is_left_out_is_left_out():
    dom = parse(b"<pre>a<b>1</b>c</pre>", FLAGS)
    kinds, places = np.zeros(len(dom) + 1, np.uint8), np.full(len(dom), -1, np.int32)
    kinds[np.flatnonzero(dom.tag == CODE["b"])] = SKIP
    assert raw_text(dom, int(np.flatnonzero(dom.tag == CODE["pre"])[0]), kinds, places) == "ac"
