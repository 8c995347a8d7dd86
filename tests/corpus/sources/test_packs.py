"""Packs that come from strangers."""

import hashlib
import struct
import zlib

import pytest

from corpus.http import RefusedError
from corpus.sources import packs
from corpus.sources.packs import odb_of


def pack(*objects):
    """A pack of (type, size it claims, data)."""
    body = b"PACK" + struct.pack(">II", 2, len(objects))
    for kind, size, data in objects:
        head, size = (kind << 4) | (size & 15), size >> 4
        while size:
            body += bytes([head | 0x80])
            head, size = size & 127, size >> 7
        body += bytes([head]) + zlib.compress(data)
    return body + hashlib.sha1(body).digest()


def refused(data):
    with pytest.raises(RefusedError) as caught, odb_of(lambda sink: sink.write(data)):
        pass
    return caught.value.reason


def test_objects_of_a_pack_are_found():
    oid = hashlib.sha1(b"blob 2\0ab").hexdigest()
    with odb_of(lambda sink: sink.write(pack((3, 2, b"ab")))) as odb:
        assert odb.read(oid)[1] == b"ab"


@pytest.mark.parametrize(
    "data",
    [b"", b"PACK", pack((3, 2, b"ab"))[:-1], pack((3, 3, b"ab")), pack((0, 2, b"ab")), pack((7, 2, b"ab" * 20))],
    ids=["empty", "header", "cut", "size", "kind", "base elsewhere"],
)
def test_a_damaged_pack_is_refused(data):
    assert refused(data) == "corrupt_pack"


def test_a_pack_that_unfolds_beyond_the_memory_allowed_is_refused(monkeypatch):
    monkeypatch.setattr(packs, "_MEMORY", 256 << 20)
    assert refused(pack((2, 1 << 30, bytes(1 << 20)))) == "corrupt_pack"


def test_a_users_configuration_has_no_effect(monkeypatch, tmp_path):
    ran = tmp_path / "ran"
    (tmp_path / ".gitconfig").write_text(f"[alias]\n index-pack = !touch {ran}\n[include]\n path = /dev/zero\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / ".gitconfig"))
    monkeypatch.setenv("GIT_TRACE", str(ran))
    with odb_of(lambda sink: sink.write(pack((3, 2, b"ab")))):
        pass
    assert not ran.exists()
