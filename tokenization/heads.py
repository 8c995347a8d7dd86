"""What must stand first in a file: where the path comment goes, and how it is written there.

A comment before `#!`, an XML declaration, PHP's `<?php`, a Python encoding cookie, Emacs's first line, a template's
front matter or CSS's `@charset` makes the file mean something else, or nothing. So the comment follows those lines.
Comes in: a text's beginning and its path comment, whose opening tells the syntax. Goes out: after how many characters
it stands, and the comment. Of `<!DOCTYPE>`, build constraints, pragmas and modelines nothing is known: a comment may
precede them.
"""

import re
from typing import Final

ENOUGH: Final = 1 << 13  # characters in which a head ends, or it is taken for none
_LINES: Final = 4  # but for front matter
_OPENINGS: Final = ("#", "<", "---", "@charset", ";", "//", "--", "%", "'\\")
_SHEBANG: Final = re.compile(r"#!(?!\[)[^\n]*\n")  # not Rust's inner attribute
_PHP: Final = "<?php "
_END: Final = r"[ \t\r]*\n"
_FRONT_MATTER: Final = rf"---{_END}(?:[^\n]*\n)*?(?:---|\.\.\.){_END}"  # Jekyll's and Hugo's, in HTML, CSS and scripts

# (openings of comments that it goes for, what stands first)
_FIRST: Final = (
    (("<!-- ",), rf"<\?xml\s[^>]*\?>{_END}"),
    (("<!-- ", "// ", "/* ", "{# ", "{{! "), _FRONT_MATTER),
    (("// ", "/* "), r'@charset "[^"\n]*";[^\n]*\n'),
    ((_PHP,), r"(?i:<\?php)(?:[ \t\r][^\n]*)?\n"),
    (("# ",), r"(?:#[ \t]*(?i:syntax|escape|check)[ \t]*=[^\n]*\n)+|#[^\n]*coding[:=][ \t]*[-\w.]+[^\n]*\n"),
    (("# ", "; ", "// ", "-- ", "% ", "## "), r"(?:[#;%]|//|--)[^\n]*-\*-[^\n]*\n"),
    (("% ",), r"%&[^\n]*\n"),  # the format that TeX loads
    (('.\\" ',), r"'\\\" [^\n]*\n"),  # preprocessors that man runs
    (("<#-- ",), rf"<#ftl\b[^>]*>{_END}"),
)
_PATTERNS: Final = tuple((openings, re.compile(pattern)) for openings, pattern in _FIRST)
_UNCLEAR: Final = re.compile(r"<\?xml\s")  # a declaration with more on its line: no place is safe


def is_open(start: str) -> bool:
    """Whether more than these first characters must be looked at to know the head; most files are told by two."""
    if len(start) > ENOUGH or not start.startswith(_OPENINGS):
        return False
    return start.startswith("---") or start.count("\n") < _LINES


def head(start: str, comment: str) -> tuple[int, str]:
    """Characters before the comment, and the comment; "" where there is no place for it."""
    shebang = _SHEBANG.match(start)
    at = shebang.end() if shebang else 0
    for openings, pattern in _PATTERNS:
        found = pattern.match(start, at) if comment.startswith(openings) else None
        if found is None:
            continue
        if comment.startswith(_PHP):
            # A line that ends in PHP has the comment behind it; one that closes it again is a template's.
            return (found.end(), _in_php(comment)) if "?>" not in found.group() else (at, comment)
        return found.end(), comment
    return at, "" if comment.startswith("<!-- ") and _UNCLEAR.match(start, at) else comment


def _in_php(comment: str) -> str:
    return comment.removeprefix(_PHP).removesuffix(" ?>\n") + "\n"
