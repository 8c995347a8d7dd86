"""Jupyter notebooks to text: Markdown cells as they stand, code cells fenced, in order; outputs are dropped.

Comes in: a file of a repository or archive. Goes out: its text; where it is a notebook, that of its cells, with the
kernel's language in `declared`. Read by nbformat, which knows the older versions of the format. A notebook that
nbformat cannot read is refused as `bad_notebook`: as JSON it would be mostly escapes and pictures.
This file refuses to know what the language's name means.
"""

import re
import warnings
from typing import Any, Final

from corpus.decode import Extracted, decode
from corpus.sources.raw import Raw

_ENDING: Final = ".ipynb"
_VERSION: Final = 4  # of the format; older ones are converted


def source_text(raw: Raw) -> Extracted:
    """Extractor for repositories and archives: notebooks as their cells, any other file as it stands."""
    made = decode(raw.data, raw.charset)
    if made.refused or not raw.path.lower().endswith(_ENDING):
        return made
    notebook = _parsed(made.text.decode())
    if notebook is None:
        return Extracted(refused="bad_notebook")
    language = _language(notebook)
    text = cells_text(notebook, language or "").encode("utf-8", "replace")  # JSON may hold half a surrogate pair
    if not text:
        return Extracted(refused="empty")
    return Extracted(text=text, encoding=made.encoding, kind="notebook", declared=language)


def cells_text(notebook: Any, language: str) -> str:
    """Cells in order, a blank line between them."""
    parts: list[str] = []
    for cell in notebook.cells:
        source = cell.get("source", "")
        if not isinstance(source, str) or not source.strip():
            continue
        if cell.get("cell_type") == "code":
            longest = max((len(run) for run in re.findall("`{3,}", source)), default=2)
            fence = "`" * (longest + 1)
            parts.append(f"{fence}{language}\n{source.rstrip()}\n{fence}")
        elif cell.get("cell_type") in ("markdown", "raw", "heading"):
            parts.append(source.strip("\n"))
    return "\n\n".join(parts)


def _parsed(text: str) -> Any:
    """The notebook in format 4, or None. Deep nesting meets Python's recursion limit and is refused."""
    import nbformat  # half a second: only where a notebook is met

    reads: Any = nbformat.reads

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without ids and the like: what is old is still text
            notebook = reads(text, as_version=_VERSION)
            cells = notebook.cells
            return notebook if isinstance(cells, list) and all(hasattr(cell, "get") for cell in cells) else None
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, RecursionError):
        return None
    except (AttributeError, KeyError, TypeError, ValueError):  # how nbformat fails on JSON that is no notebook
        return None


def _language(notebook: Any) -> str | None:
    """What the kernel or its language calls itself."""
    for part, name in (("language_info", "name"), ("kernelspec", "language")):
        about = notebook.metadata.get(part)
        found = about.get(name) if hasattr(about, "get") else None
        if isinstance(found, str) and re.fullmatch(r"[\w +#.-]{1,40}", found):
            return found
    return None
