"""Bytes to text."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.decode import decode, plain_text
from corpus.sources.raw import Raw

RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. " * 3
CHINESE = "学而时习之,不亦说乎?有朋自远方来,不亦乐乎?人不知而不愠,不亦君子乎?" * 3
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 3
KOREAN = "나는 자연인이다. 오늘은 날씨가 좋다. " * 3
FRENCH = "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se fermaient. " * 3


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (b"", "empty"),
        (codecs.BOM_UTF8, "empty"),
        (b"a\0b", "binary"),
        (b"a" * 10_000 + b"\0", "binary"),
        ("a\0b".encode("utf-16"), "binary"),
        (b"caf\xe9", "not_utf8"),
        (FRENCH.encode("latin-1"), "not_utf8"),
        (b"\xff\xfe\x00\xd8", "not_utf8"),
        (b"\xef\xbb\xbf\xff", "not_utf8"),
        (bytes(range(1, 256)), "not_utf8"),
    ],
)
def test_what_is_no_text_is_refused(data, refused):
    made = decode(data)
    assert (made.refused, made.text) == (refused, b"")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), min_size=1))
def test_utf8_stays_as_it_is(text):
    made = decode(text.encode())
    assert (made.text, made.encoding, made.refused) == (text.encode(), "utf-8", None)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_mark_decides_and_is_dropped(encoding):
    mark = b"" if encoding == "utf-8-sig" else "\ufeff".encode(encoding)
    made = decode(mark + "naïve ∑".encode(encoding), "latin-1")
    assert (made.text.decode(), made.encoding) == ("naïve ∑", encoding.removesuffix("-sig"))


@pytest.mark.parametrize(
    ("data", "charset", "encoding"),
    [
        (b"caf\xe9", "latin-1", "iso8859-1"),
        (b"caf\xe9", "ISO-8859-1", "iso8859-1"),
        (b"# -*- coding: latin-1 -*-\ncaf\xe9", None, "iso8859-1"),
        (b"#!/bin/sh\n# vim: set fileencoding=cp1252 :\n\x80", None, "cp1252"),
        (b'<?xml version="1.0" encoding="koi8-r"?>\n\xc1', None, "koi8-r"),
        (b'@charset "cp1250";\n\xe9', None, "cp1250"),
        (b"caf\xe9 # coding: latin-1", "shift_jis", "iso8859-1"),
    ],
    ids=["short name", "long name", "pep 263", "vim", "xml", "css", "wrong header"],
)
def test_a_declaration_is_believed_where_it_decodes(data, charset, encoding):
    made = decode(data, charset)
    assert (made.encoding, made.text) == (encoding, data.decode(encoding).encode())


@pytest.mark.parametrize("charset", ["no-such", "base64", "rot13", "a\0b", "undefined", "idna"])
def test_a_name_that_is_no_encoding_is_ignored(charset):
    assert decode(b"caf\xe9", charset).refused == "not_utf8"


def test_a_declaration_on_the_third_line_is_none():
    assert decode(b"\n\n# coding: latin-1\ncaf\xe9").refused == "not_utf8"


def test_utf8_is_believed_before_a_declaration():
    assert decode("é # coding: latin-1".encode(), "latin-1").encoding == "utf-8"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (CHINESE, "gb18030"),
        (CHINESE, "big5"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "shift_jis"),
        (KOREAN, "cp949"),
    ],
)
def test_encodings_with_structure_are_detected(text, encoding):
    data = text.encode(encoding, "ignore")
    made = decode(data)
    assert (made.text.decode(), made.encoding) == (data.decode(encoding), encoding)


def test_the_extractor_uses_the_transports_declaration():
    raw = Raw(row=0, root="r", path="p", data=b"caf\xe9", kind="page", origin="o", charset="latin-1")
    assert plain_text(raw).text == "café".encode()
