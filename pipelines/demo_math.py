r"""Pages of mathematics for the demo: the documentation of three projects, rendered to HTML by docutils.

Few packages carry built pages with formulas, so the real reStructuredText of SymPy and NetworkX (their `doc` folders)
and the real docstrings of mpmath are rendered here, under the addresses of their own sites. Formulas become `\(…\)` and
`\begin{…}` for MathJax, as on those sites; each page gets the frame that Sphinx's basic theme puts around it, so that
there is boilerplate to leave out. `autofunction` and its like are answered from the docstrings in the archive, by their
syntax trees: nothing of the archives is imported. What Sphinx would resolve otherwise (cross-references, plots) is left
plain.

Comes in: the source archives. Goes out: pages. This file refuses to know WARC.
"""

import ast
import html
import inspect
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

LEAST: Final = 600  # characters of a docstring that is worth a page
LONGEST: Final = 50_000  # characters of source of a page
MOST: Final = 80  # pages of one project

_ROLE: Final = re.compile(r":(?!math:)[a-zA-Z][\w:+.-]*:`(?:[^`<]*<)?~?!?\.?([^`>]*)>?`")
_DOLLARS: Final = re.compile(r"(?<![\\$\w])\$([^$\n`]+)\$(?![\w$])")
_ASKED: Final = re.compile(r"^ *\.\. auto(?:function|class|method):: *([\w.]+)", re.MULTILINE)
_FORMULA: Final = re.compile(r":math:`|\.\. math|(?<!\$)\$[^$\n`]+\$|(?<![`:\w])`(?!`)[^`\n]+`(?![`_])")
_UNDERLINED: Final = re.compile(r"^( *)(\S[^\n]*)\n *([=~^-])\3{2,} *$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A page as it is served."""

    url: str
    html: bytes
    date: int  # unix seconds


def pages(archive: Path) -> Iterator[Page]:
    """The pages of one project's documentation, by the name of its source archive."""
    members = dict(_texts(archive))
    docstrings = dict(_docstrings(members))
    if archive.name.startswith("mpmath"):
        site, sources = "https://mpmath.org/doc/1.3.0", dict(_entries(docstrings))
    elif archive.name.startswith("sympy"):
        site, sources = "https://docs.sympy.org/latest", _folder(members, "doc/src/")
    else:
        site, sources = "https://networkx.org/documentation/stable", _folder(members, "doc/")
    date = max(date for _, date in members.values())
    for name in _chosen(sources, docstrings):
        body, title = _body(sources[name], docstrings)
        yield Page(f"{site}/{name}.html", _framed(site, title or name, body, sorted(sources)), date)


def _chosen(sources: dict[str, str], docstrings: dict[str, str]) -> list[str]:
    """The sources with the most formulas, counting the docstrings they ask for; docutils makes ten pages a second."""
    formulas = {}
    for name, source in sources.items():
        asked = [_lookup(docstrings, found) or "" for found in _ASKED.findall(source)]
        text = "\n".join([source, *asked])
        marks = len(_FORMULA.findall(text))
        if marks >= 2 and len(text) <= LONGEST:
            formulas[name] = marks
    return sorted(sorted(formulas, key=lambda name: (-formulas[name], name))[:MOST])


def _texts(archive: Path) -> Iterator[tuple[str, tuple[str, int]]]:
    with tarfile.open(archive) as members:
        for member in members:
            name = member.name.split("/", 1)[-1]
            file = members.extractfile(member) if name.endswith((".py", ".rst")) and "/tests/" not in name else None
            if file is not None:
                yield name, (file.read().decode(), int(member.mtime))


def _folder(members: dict[str, tuple[str, int]], folder: str) -> dict[str, str]:
    return {
        name.removeprefix(folder).removesuffix(".rst"): text
        for name, (text, _) in members.items()
        if name.startswith(folder) and name.endswith(".rst") and "/_templates/" not in name
    }


def _docstrings(members: dict[str, tuple[str, int]]) -> Iterator[tuple[str, str]]:
    """Docstrings of functions, classes and of mpmath's strings that become such, by dotted name and by `.last part`."""
    for name, (text, _) in members.items():
        if name.endswith(".py") and not name.startswith(("doc/", "bin/", "examples/")):
            module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for dotted, docstring in _within(ast.parse(text), module):
                yield dotted, docstring
                yield "." + dotted.rsplit(".", 1)[-1], docstring


def _within(tree: ast.AST, prefix: str) -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                if text := ast.get_docstring(node):
                    yield f"{prefix}.{name}", text
                yield from _within(node, f"{prefix}.{name}")
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))) if "\n" in text:
                yield f"{prefix}.{name}", inspect.cleandoc(text)


def _entries(docstrings: dict[str, str]) -> Iterator[tuple[str, str]]:
    """mpmath: a page for each function whose docstring is long enough, below the folder of its module."""
    for name, text in docstrings.items():
        if len(text) > LEAST and not name.startswith("."):
            *folders, function = name.split(".")
            heading = f"{function}\n{'=' * len(function)}\n\n"
            yield "/".join([*folders[1:], function]), heading + _UNDERLINED.sub(r"\1.. rubric:: \2\n", text)


def _body(source: str, docstrings: dict[str, str]) -> tuple[str, str]:
    """HTML of the main part, and the title."""
    from docutils.core import publish_parts

    _teach(docstrings)
    settings = {
        "math_output": "MathJax",
        "report_level": 5,  # what Sphinx would know and docutils does not is left out, without a message in the page
        "halt_level": 5,
        "file_insertion_enabled": False,
        "raw_enabled": False,
        "syntax_highlight": "none",
        "doctitle_xform": True,
    }
    # In these projects' own builds plain backquotes are formulas.
    parts = publish_parts(
        f".. default-role:: math\n\n{_simple(source)}", writer="html5_polyglot", settings_overrides=settings
    )
    return parts["html_body"], re.sub(r"<[^>]+>", "", parts["title"])


def _simple(source: str) -> str:
    """Roles of Sphinx become literals, `$…$` becomes the math role; directives' options of Sphinx stay, unread."""
    lines = []
    for line in source.splitlines():
        if ">>>" not in line and "``" not in line:
            line = _DOLLARS.sub(r":math:`\1`", line)
        lines.append(_ROLE.sub(r"``\1``", line))
    return "\n".join(lines)


@cache
def _directives() -> tuple[Any, dict[str, dict[str, str]]]:
    """Directives of Sphinx, registered once: docstrings by name, notes, code. Second, where the docstrings are put."""
    from docutils import nodes
    from docutils.parsers.rst import Directive, directives

    known: dict[str, dict[str, str]] = {"docstrings": {}}

    class Documented(Directive):  # type: ignore[misc]  # docutils has no types
        has_content = True
        optional_arguments = 1
        final_argument_whitespace = True
        option_spec = None

        def run(self) -> list[Any]:
            names = (self.arguments or []) + [line for line in self.content if not line.lstrip().startswith(":")]
            found: list[Any] = []
            for name in (name.strip().split("(")[0] for name in names if name.strip()):
                if text := _lookup(known["docstrings"], name):
                    found += [nodes.rubric(name, name), *_nested(self, text)]
            return found

    class Block(Directive):  # type: ignore[misc]  # docutils has no types
        has_content = True
        optional_arguments = 1
        final_argument_whitespace = True

        def run(self) -> list[Any]:
            title = [nodes.paragraph("", nodes.Text(self.arguments[0]))] if self.arguments else []
            return [*title, *_nested(self, "\n".join(self.content))]

    class Code(Directive):  # type: ignore[misc]  # docutils has no types
        has_content = True
        optional_arguments = 1

        def run(self) -> list[Any]:
            text = "\n".join(line for line in self.content if not line.startswith(":"))
            return [nodes.literal_block(text, text, classes=["code", "python"])] if text else []

    for name in ("autofunction", "autoclass", "automethod", "autosummary", "autodata", "autoattribute"):
        directives.register_directive(name, Documented)
    for name in ("seealso", "versionadded", "versionchanged", "deprecated", "only"):
        directives.register_directive(name, Block)
    for name in ("plot", "jupyter-execute", "doctest", "testcode", "code-block", "sourcecode"):
        directives.register_directive(name, Code)
    return _nested, known


def _teach(docstrings: dict[str, str]) -> None:
    _directives()[1]["docstrings"] = docstrings


def _nested(directive: Any, text: str) -> list[Any]:
    from docutils import nodes
    from docutils.statemachine import StringList

    holder = nodes.container()
    lines = _simple(_UNDERLINED.sub(r"\1.. rubric:: \2\n", text)).splitlines()
    directive.state.nested_parse(StringList(lines, source="docstring"), 0, holder)
    return list(holder.children)


def _lookup(docstrings: dict[str, str], name: str) -> str | None:
    """By dotted name, or by its last part where a package exports a name from a module further down."""
    if name in docstrings:
        return docstrings[name]
    return docstrings.get("." + name.rsplit(".", 1)[-1])


def _framed(site: str, title: str, body: str, names: list[str]) -> bytes:
    """The page as Sphinx's basic theme frames it: navigation above and below, a sidebar, a footer."""
    links = "".join(
        f'<li class="toctree-l1"><a href="{site}/{name}.html">{html.escape(name)}</a></li>\n' for name in names[:25]
    )
    related = (
        '<div class="related" role="navigation" aria-label="related navigation"><h3>Navigation</h3><ul>'
        f'<li class="right"><a href="{site}/genindex.html" title="General Index" accesskey="I">index</a></li>'
        f'<li class="nav-item nav-item-0"><a href="{site}/index.html">Documentation</a> &#187;</li></ul></div>'
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<title>{html.escape(title)} &#8212; documentation</title>
<link rel="stylesheet" type="text/css" href="{site}/_static/basic.css" />
<script async="async" src="https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-mml-chtml.js"></script>
</head>
<body>
{related}
<div class="document"><div class="documentwrapper"><div class="bodywrapper"><div class="body" role="main">
{body}
</div></div></div>
<div class="sphinxsidebar" role="navigation" aria-label="main navigation"><div class="sphinxsidebarwrapper">
<h3><a href="{site}/index.html">Table of Contents</a></h3>
<ul>
{links}</ul>
<div id="searchbox" role="search"><h3>Quick search</h3><form class="search" action="{site}/search.html" method="get">
<input type="text" name="q" /><input type="submit" value="Go" /></form></div>
</div></div><div class="clearer"></div></div>
{related}
<div class="footer" role="contentinfo">Created using docutils.</div>
</body>
</html>
""".encode()
