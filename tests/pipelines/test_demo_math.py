r"""Documentation becomes pages whose formulas stand between `\(` and `\)`."""

import io
import tarfile

import pytest

from pipelines.demo_math import pages

GUIDE = r"""
Guide
=====

Euler found :math:`e^{i\pi} = -1` and $a^2$, or `\alpha`; see :func:`p.area`.

.. math::

   \int_0^1 x\,dx = \frac{1}{2}

.. autofunction:: p.area

.. plot::

   >>> print(1)
"""
CODE = '''
def area(r):
    r"""
    The area `\\pi r^2`.

    Parameters
    ==========

    r : float
    """
'''


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "sympy-9.tar.gz"
    files = {"doc/src/guide.rst": GUIDE, "p/__init__.py": CODE, "doc/src/plain.rst": "Plain\n=====\n\nNo formulas.\n"}
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"sympy-9/{name}")
            info.size, info.mtime = len(text.encode()), 1_683_000_000
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def test_only_pages_with_formulas_are_made(archive):
    (page,) = pages(archive)
    assert (page.url, page.date) == ("https://docs.sympy.org/latest/guide.html", 1_683_000_000)


@pytest.mark.parametrize(
    "kept",
    [
        r"\(e^{i\pi} = -1\)",
        r"\(a^2\)",
        r"\(\alpha\)",
        r"\int_0^1 x\,dx = \frac{1}{2}",
        r"\(\pi r^2\)",
        "Parameters",
        "&gt;&gt;&gt; print(1)",
        '<div class="body" role="main">',
        '<div class="sphinxsidebar"',
        "<title>Guide &#8212; documentation</title>",
    ],
)
def test_a_page_holds_formulas_docstrings_code_and_a_frame(archive, kept):
    (page,) = pages(archive)
    assert kept in page.html.decode()


def test_no_message_of_the_renderer_is_in_a_page(archive):
    (page,) = pages(archive)
    assert b"system-message" not in page.html and b":func:" not in page.html and b"autofunction" not in page.html


def test_mpmath_gets_a_page_for_each_long_docstring(tmp_path):
    text = 'def zeta(s):\n    r"""\n    `\\zeta(s)` and `s`\n\n' + "    Words about it.\n" * 50 + '    """\n'
    with tarfile.open(tmp_path / "mpmath-1.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("mpmath-1/mpmath/functions/zeta.py")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text.encode()))
    (page,) = pages(tmp_path / "mpmath-1.tar.gz")
    assert page.url == "https://mpmath.org/doc/1.3.0/functions/zeta/zeta.html"
    assert rb"\(\zeta(s)\)" in page.html
