"""Bytes to UTF-8 text, or why not.

Comes in: a file's bytes and the encodings that someone declares for it. Goes out: the text as UTF-8 bytes (Arrow wants
them so; a Python string would cost a second pass) and the name of the encoding it was decoded from.
UTF-8 and byte order marks decide by themselves. Otherwise a declaration is believed where it decodes without error,
and a detector where its answer has structure behind it. Latin-1 decodes anything, so it is never guessed: text in it
without a declaration is refused as `not_utf8`. This file refuses to know languages and file formats.
"""

import codecs
import re
from dataclasses import dataclass
from typing import Final

from resiliparse.parse.encoding import detect_encoding

from corpus.sources.raw import Raw

_MARKS: Final = (  # the longer first: UTF-32's mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# PEP 263's expression, which Emacs and Vim lines share; and XML's and CSS's.
_DECLARED: Final = re.compile(rb"""(?:coding[:=]|<\?xml[^>]*encoding=|@charset )[ \t]*["']?([-\w.]{1,40})""")
# Multi-byte encodings reject most other bytes, and Cyrillic ones are told by letter pairs. Nothing of Latin-1's family.
_CHINESE, _JAPANESE = {"gb18030", "gbk", "gb2312", "big5"}, {"euc_jp", "shift_jis", "cp932", "iso2022_jp"}
_DETECTABLE: Final = frozenset(_CHINESE | _JAPANESE | {"euc_kr", "cp949", "cp1251", "koi8-r", "koi8-u"})
_DETECTOR_LIMIT: Final = 1 << 16  # bytes it looks at
_ODD: Final = re.compile("[\x80-\x9f\ue000-\uf8ff\ufffe\uffff]")  # C1 controls, private use: a wrong table's marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """What an extractor makes of a `Raw`: text, or a reason."""

    text: bytes = b""  # UTF-8
    encoding: str | None = None
    kind: str | None = None  # another than the source's, such as notebook
    declared: str | None = None  # language that the content names
    refused: str | None = None


def plain_text(raw: Raw) -> Extracted:
    """Extractor for text files: the text as it stands."""
    return decode(raw.data, raw.charset)


def decode(data: bytes, charset: str | None = None) -> Extracted:
    """The text, by mark, as UTF-8, by declaration or by detection; refused as empty, binary or not_utf8."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding) or Extracted(refused="not_utf8")
    if not data:
        return Extracted(refused="empty")
    if b"\0" in data:
        return Extracted(refused="binary")
    for name in ("utf-8", charset, _named_in(data)):
        if name and (found := _decoded(data, name)):
            return found
    return _detected(data) or Extracted(refused="not_utf8")


def _decoded(data: bytes, encoding: str) -> Extracted | None:
    """The text, or None where the bytes are not in this encoding or Python knows no text encoding of this name."""
    if encoding == "utf-8" and data.isascii():  # 10 GB/s, most source files
        text = data
    else:
        try:
            encoding = codecs.lookup(encoding).name
            decoded = data.decode(encoding)
            text = data if encoding == "utf-8" else decoded.encode()
        except (UnicodeError, LookupError, ValueError):
            return None  # LookupError: unknown, or no text encoding, as "base64"; ValueError: a NUL in the name
    if not text:
        return Extracted(refused="empty")
    return Extracted(refused="binary") if b"\0" in text else Extracted(text=text, encoding=encoding)


def _named_in(data: bytes) -> str | None:
    """Encoding named in the first two lines, where PEP 263, Emacs, Vim, XML and CSS look for it."""
    lines = data[:1000].split(b"\n", 2)[:2]
    found = _DECLARED.search(b"\n".join(lines))
    return found.group(1).decode("ascii", "replace") if found else None


def _detected(data: bytes) -> Extracted | None:
    # html5_compatible=False: else it answers utf-8 where it knows nothing
    name = detect_encoding(data, max_len=_DETECTOR_LIMIT, from_html_meta=False, html5_compatible=False)
    if name not in _DETECTABLE:
        return None
    found = _decoded(data, name)
    return None if found is None or _ODD.search(found.text.decode()) else found
