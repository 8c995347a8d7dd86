"""Names and ids."""

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.sources.raw import document_id, readable


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"src/main.c", "src/main.c"),
        ("naïve.py".encode(), "naïve.py"),
        (b"two\nlines.txt", "two\nlines.txt"),
        (b"caf\xe9.txt", r"caf\xe9.txt"),
        (b"a\\b", r"a\x5cb"),
        (b"nul\0l", r"nul\x00l"),
    ],
    ids=["plain", "utf-8", "newline", "latin-1", "backslash", "nul"],
)
def test_file_names_survive_as_text(name, text):
    assert readable(name) == text


@given(st.binary())
def test_a_readable_name_can_be_undone(name):
    escaped = readable(name).encode("utf-8")
    parts = escaped.split(b"\\x")
    undone = parts[0] + b"".join(bytes([int(part[:2], 16)]) + part[2:] for part in parts[1:])
    assert undone == name


def test_an_id_keeps_its_parts_apart():
    ids = {
        document_id("s", "ab", "c", b"t"),
        document_id("s", "a", "bc", b"t"),
        document_id("sa", "b", "c", b"t"),
        document_id("s", "ab", "", b"ct"),
        document_id("s", "ab", "c", b""),
    }
    assert len(ids) == 5


@given(st.text(), st.text(), st.text(), st.binary())
def test_an_id_is_the_hash_of_lengths_and_parts(source, origin, place, text):
    parts = [source.encode(), origin.encode(), place.encode(), text]
    framed = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    assert document_id(source, origin, place, text) == blake2b(framed, digest_size=16).digest()


def test_ids_never_change():
    made = document_id("github", "pallets/flask", "src/flask/app.py", b"import this\n")
    assert made.hex() == "761b2a671c762efe7da2726c38c72a9c"
