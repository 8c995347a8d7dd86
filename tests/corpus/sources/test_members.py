"""Archives as an enemy would write them: nothing is written, nothing runs, and the rest of it is still read."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.sources.members import DamagedError, Limits, Member, contents, members, safe_path

WHEN = 1_600_000_000
LIMITS = Limits()


def entry(name, data=b"x", kind=tarfile.REGTYPE, **fields):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.mtime = len(data) if kind == tarfile.REGTYPE else 0, kind, WHEN
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def tar(*entries, pack=lambda data: data):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return pack(file.getvalue())


def zipped(*entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in entries:
            archive.writestr(info, data)
    return file.getvalue()


@pytest.fixture
def put(tmp_path):
    def write(data, name="archive"):
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return write


def refusals(path, limits=LIMITS):
    return {member.path: member.refused for member in members(path, limits)}


def every(path, limits=LIMITS):
    """Index and size of all members, and their contents."""
    found = [m for m in members(path, limits) if m.refused is None]
    return found, list(contents(path, [m.index for m in found], [m.size for m in found], limits))


@pytest.mark.parametrize(
    "pack", [lambda d: d, gzip.compress, bz2.compress, lzma.compress], ids=["plain", "gzip", "bzip2", "xz"]
)
def test_a_tar_is_known_by_its_content(put, pack):
    path = put(tar(entry("p-1/a.py", b"a"), entry("p-1/b.py", b"bb"), pack=pack), "archive.unknown")
    found, read = every(path)
    assert found == [Member(0, "p-1/a.py", 1, WHEN, None), Member(1, "p-1/b.py", 2, WHEN, None)]
    assert read == [(b"a", None), (b"bb", None)]


def test_a_zip_is_known_by_its_content(put):
    path = put(zipped((zipfile.ZipInfo("a.py", (2020, 9, 13, 12, 26, 40)), b"a")), "archive.tar.gz")
    assert every(path) == ([Member(0, "a.py", 1, WHEN, None)], [(b"a", None)])


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    for name in ("b.py", "a/z.py", "a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (WHEN, WHEN))
    found, read = every(str(tmp_path))
    assert [(m.path, m.date) for m in found] == [("a/z.py", WHEN), ("a.py", WHEN), ("b.py", WHEN)]
    assert [data for data, _ in read] == [b"a/z.py", b"a.py", b"b.py"]


def test_what_is_no_archive_is_named(put):
    with pytest.raises(DamagedError, match="unknown_format"):
        list(members(put(b"hello"), LIMITS))


@pytest.mark.parametrize(
    ("name", "path", "refused"),
    [
        ("a/b.c", "a/b.c", None),
        ("./a//b.c", "a/b.c", None),
        ("a..b/c", "a..b/c", None),
        ("/etc/passwd", "/etc/passwd", "absolute_path"),
        ("../x", "../x", "path_traversal"),
        ("a/../../x", "a/../../x", "path_traversal"),
        ("C:/x", "C:/x", "absolute_path"),
        ("C:\\x", r"C:\x5cx", "absolute_path"),
        ("\\\\host\\x", r"\x5c\x5chost\x5cx", "absolute_path"),
        ("a\\..\\..\\x", r"a\x5c..\x5c..\x5cx", "path_traversal"),
        (".", ".", "no_name"),
        ("a\udcff\nb", "a\\xff\nb", None),
    ],
)
def test_a_path_that_leaves_the_archive_is_refused(name, path, refused):
    assert safe_path(name) == (path, refused)


@given(st.text(st.sampled_from("a./\\"), max_size=12))
def test_a_path_that_is_not_refused_stays_below_any_folder(name):
    path, refused = safe_path(name)
    if refused is None:
        assert os.path.normpath(os.path.join("/base", path)).startswith("/base/")


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.CHRTYPE, "not_a_file"),
        (tarfile.BLKTYPE, "not_a_file"),
        (tarfile.FIFOTYPE, "not_a_file"),
    ],
)
def test_only_plain_files_of_a_tar_are_read(put, kind, refused):
    path = put(tar(entry("bad", kind=kind, linkname="/etc/passwd"), entry("good")))
    assert refusals(path) == {"bad": refused, "good": None}
    assert every(path)[1] == [(b"x", None)]


def test_a_link_in_a_zip_is_refused(put):
    info = zipfile.ZipInfo("bad", (2020, 1, 1, 0, 0, 0))
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert refusals(put(zipped((info, b"/etc/passwd")))) == {"bad": "link"}


def test_links_and_pipes_of_a_folder_are_refused_and_not_followed(tmp_path):
    (tmp_path / "outside").write_text("secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    assert refusals(str(folder)) == {"link": "link", "loop": "link", "pipe": "not_a_file"}


def test_a_file_that_became_a_link_since_it_was_listed_is_not_followed(tmp_path):
    (tmp_path / "outside").write_text("12345")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("12345")
    (listed,) = members(str(folder), LIMITS)
    (folder / "file").unlink()
    (folder / "file").symlink_to(tmp_path / "outside")
    assert list(contents(str(folder), [listed.index], [5], LIMITS)) == [(b"", "changed")]


def test_a_truncated_archive_keeps_what_can_be_read(put):
    whole = tar(*(entry(f"f{n}", os.urandom(5000)) for n in range(20)), pack=gzip.compress)
    path = put(whole[: len(whole) // 2])
    found = []
    with pytest.raises(DamagedError, match="corrupt_archive"):
        found.extend(members(path, LIMITS))
    # extend takes nothing back: what came before the damage is there, and can be read but for the last one
    assert 5 < len(found) < 15
    answers = list(contents(path, [m.index for m in found], [m.size for m in found], LIMITS))
    assert len(answers) == len(found)
    assert {refused for _, refused in answers[:-1]} == {None}


def test_a_tar_that_ends_at_a_broken_header_is_damaged(put):
    data = bytearray(tar(entry("a"), entry("b"), entry("c")))
    data[2048:2080] = b"\xff" * 32  # the third header
    found = []
    with pytest.raises(DamagedError, match="corrupt_archive"):
        found.extend(members(put(bytes(data)), LIMITS))
    assert [member.path for member in found] == ["a", "b"]


def test_a_tar_without_its_end_is_damaged(put):
    with pytest.raises(DamagedError, match="corrupt_archive"):
        list(members(put(tar(entry("a"))[:1024]), LIMITS))


def test_a_gzip_bomb_stops_while_it_unpacks(put):
    limits = Limits(max_file=64 << 20, max_ratio=2)
    path = put(tar(entry("a"), entry("bomb", bytes(40 << 20)), entry("b"), pack=gzip.compress))
    with pytest.raises(DamagedError, match="bomb"):
        list(members(path, limits))


def test_a_header_that_is_larger_than_a_file_may_be_is_never_held(put):
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 8 << 20  # an extended header, which tarfile would read at once
    path = put(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(9 << 20)))
    with pytest.raises(DamagedError, match="bomb"):
        list(members(path, Limits(max_file=1 << 20)))


def test_a_file_above_the_limit_is_listed_and_refused(put):
    limits = Limits(max_file=10)
    for data in (tar(entry("a", b"x" * 10), entry("b", b"x" * 11)), zipped(("a", b"x" * 10), ("b", b"x" * 11))):
        assert refusals(put(data), limits) == {"a": None, "b": "too_large"}


def test_a_zip_bomb_is_refused_by_what_it_declares(put):
    limits = Limits(max_ratio=20)
    path = put(zipped(("good", b"x"), ("bomb", bytes(32 << 20))))
    assert refusals(path, limits) == {"good": None, "bomb": "bomb"}


def test_many_members_of_a_zip_are_a_bomb_together(put):
    limits = Limits(max_ratio=20)
    path = put(zipped(*((f"f{n}", bytes(9 << 20)) for n in range(3))))
    assert refusals(path, limits) == {"f0": None, "f1": "bomb", "f2": "bomb"}


def test_a_zip_member_that_lies_about_its_size_is_refused_when_read(put):
    data = zipped(("lie", b"x" * 1000))
    real = struct.pack("<L", 1000)
    path = put(data.replace(real, struct.pack("<L", 100)))
    (member,) = members(path, LIMITS)
    assert member.size == 100
    assert list(contents(path, [0], [100], LIMITS)) == [(b"", "corrupt_member")]


def test_a_damaged_member_of_a_zip_costs_itself_only(put):
    data = bytearray(zipped(("a", os.urandom(1000)), ("b", b"fine")))
    data[500] ^= 255
    path = put(bytes(data))
    found, read = every(path)
    assert [m.path for m in found] == ["a", "b"]
    assert read == [(b"", "corrupt_member"), (b"fine", None)]


def test_an_encrypted_member_is_refused(put):
    data = bytearray(zipped(("a", b"x")))
    data[data.index(b"PK\1\2") + 8] |= 1
    assert refusals(put(bytes(data))) == {"a": "encrypted"}


@pytest.mark.parametrize("value", [0, -1, 2.5, float("nan"), True, None])
@pytest.mark.parametrize("name", ["max_file", "max_ratio", "max_members"])
def test_limits_are_checked_where_they_are_made(name, value):
    with pytest.raises(ValueError, match=rf"Limits\.{name} must be a whole number of at least 1"):
        Limits(**{name: value})


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_too_many_members_stop_the_listing(put, form):
    names = [f"f{n}" for n in range(4)]
    data = tar(*(entry(name) for name in names)) if form == "tar" else zipped(*((name, b"x") for name in names))
    found = []
    with pytest.raises(DamagedError, match="too_many_members"):
        found.extend(members(put(data), Limits(max_members=3)))
    assert len(found) == 3


@pytest.mark.parametrize(
    ("when", "date"),
    [((1980, 1, 1, 0, 0, 0), None), ((1980, 1, 2, 0, 0, 2), 315_619_202), ((2107, 12, 31, 23, 59, 58), 4_354_819_198)],
    ids=["the format's zero", "the day after", "the format's last"],
)
def test_a_zip_has_the_dates_it_can_have(put, when, date):
    (member,) = members(put(zipped((zipfile.ZipInfo("a", when), b"x"))), LIMITS)
    assert member.date == date


def test_a_zip_with_an_impossible_date_has_none(put):
    data = bytearray(zipped((zipfile.ZipInfo("a", (2020, 1, 1, 0, 0, 0)), b"x")))
    data[data.index(b"PK\1\2") + 14 : data.index(b"PK\1\2") + 16] = b"\0\0"  # month 0; zipfile writes no such thing
    (member,) = members(put(bytes(data)), LIMITS)
    assert member.date is None


@pytest.mark.parametrize("mtime", [0, -5, 2**34], ids=["zero", "before 1970", "far away"])
def test_a_tar_without_a_sensible_date_has_none(put, mtime):
    (member,) = members(put(tar(entry("a", mtime=mtime))), LIMITS)
    assert member.date is None


def test_contents_answers_for_each_member_that_was_asked_for(put):
    path = put(tar(entry("a", b"1"), entry("b", b"22")))
    assert list(contents(path, [1], [2], LIMITS)) == [(b"22", None)]
    assert list(contents(path, [0, 1, 7], [1, 9, 1], LIMITS)) == [
        (b"1", None),
        (b"", "changed"),
        (b"", "corrupt_archive"),
    ]


@given(st.lists(st.binary(max_size=700), min_size=1, max_size=6), st.sampled_from(["tar", "zip"]))
def test_what_was_put_in_comes_out(tmp_path_factory, files, form):
    entries = [(f"f{n}", data) for n, data in enumerate(files)]
    path = tmp_path_factory.mktemp("archive") / "archive"
    path.write_bytes(tar(*(entry(*e) for e in entries)) if form == "tar" else zipped(*entries))
    found, read = every(str(path))
    assert [m.path for m in found] == [name for name, _ in entries]
    assert read == [(data, None) for data in files]


@given(st.data())
def test_no_damage_to_an_archive_is_an_error_of_the_program(tmp_path_factory, data):
    form = data.draw(st.sampled_from(["tar", "tar.gz", "zip"]))
    entries = [("a/b", b"hello" * 30), ("c", b"x" * 600)]
    good = zipped(*entries) if form == "zip" else tar(*(entry(*e) for e in entries))
    bad = bytearray(gzip.compress(good) if form == "tar.gz" else good)
    for place in data.draw(st.lists(st.integers(0, len(bad) - 1), min_size=1, max_size=4)):
        bad[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("archive") / "archive"
    path.write_bytes(bytes(bad[: data.draw(st.integers(0, len(bad)))]))
    found = []
    with contextlib.suppress(DamagedError):
        found.extend(m for m in members(str(path), LIMITS) if m.refused is None)
    answers = list(contents(str(path), [m.index for m in found], [m.size for m in found], LIMITS))
    assert len(answers) == len(found)
