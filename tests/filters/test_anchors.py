"""The prefilter must point at everything that the library would find: the patterns themselves make the cases."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filters.anchors import ANCHORS, anchors
from filters.keys import AFTER, BEFORE, _plugins, key_spans, library_matches, windows

PATTERNS = [
    (detector.name, pattern)
    for detector, plugin in _plugins()
    for pattern in (getattr(plugin, "denylist", None) or [plugin.regex])
]


def positions(text: str) -> list[int]:
    return anchors(np.frombuffer(text.encode(), np.uint8), 4.5, 3.0).tolist()


def found_in_windows(text: str) -> set[str]:
    raw = text.encode()
    pieces = [raw[start:end].decode() for start, end in windows(raw, positions(text))]
    return {piece[low:high] for piece in pieces for low, high, _ in library_matches(piece)}


@pytest.mark.parametrize(("name", "pattern"), PATTERNS, ids=[f"{name}{i}" for i, (name, _) in enumerate(PATTERNS)])
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_nothing_that_the_library_finds_in_a_line_is_lost(name, pattern, data):
    alphabet = st.characters(min_codepoint=32, max_codepoint=126)
    line = data.draw(
        st.from_regex(re.compile(pattern.pattern, (pattern.flags & re.IGNORECASE) | re.ASCII), alphabet=alphabet)
    )
    before = data.draw(st.sampled_from(["", "x = ", 'print("é", ', "  "]))
    after = data.draw(st.sampled_from(["", "\n", " ;", "\nkey"]))
    line = before + line.replace("\n", " ") + after
    if len(line) > BEFORE:
        return
    first = line.partition("\n")[0]
    in_line = {first[low:high] for low, high, _ in library_matches(first)}
    assert in_line <= found_in_windows(line)


def test_every_literal_is_found_where_it_stands_with_its_tail():
    tails = {1: b"A", 2: b"a", 4: b"1", 64: b"f"}
    for literal, tail, classes in ANCHORS:
        letter = next((byte for bit, byte in tails.items() if classes & bit), b"")
        text = b"(" + literal + letter * tail + b".x)"
        assert 1 in anchors(np.frombuffer(text, np.uint8), 4.5, 3.0).tolist(), literal
        assert 1 not in anchors(np.frombuffer(text[: -3 if not tail else -4], np.uint8), 4.5, 3.0).tolist() or not tail


@pytest.mark.parametrize("text", ["", "x", "'", "''", "A", "://", "eyJ", "a:b@c", "def f(self): return self.value + 1"])
def test_plain_text_has_no_anchors(text):
    assert positions(text) in ([], [0])  # a literal without a tail may begin at 0


def test_windows_stay_in_their_lines_and_between_characters():
    text = ("é" * 3000 + "\n" + "ü" * 10 + "K" + "é" * 3000 + "\nz").encode()
    at = text.index(b"K")
    ((start, end),) = windows(text, ascending(at))
    assert text[:start].endswith(b"\n")
    assert at < end <= at + AFTER + 1
    text[start:end].decode()
    assert list(windows(b"abc\ndef", ascending(5))) == [(4, 7)]
    assert list(windows(b"a b", ascending(0, 2))) == [(0, 3)]
    assert list(windows(b"x" * 10_000, ascending(0, 9_999))) == [(0, AFTER), (9_999 - BEFORE, 10_000)]


def ascending(*positions):
    return np.array(positions, np.int64)


@given(
    text=st.lists(st.sampled_from(["a", "é", "日", "\n", "x" * 900, "ü" * 2_100])).map("".join),
    draws=st.lists(st.floats(0, 1, exclude_max=True), max_size=30),
)
def test_windows_cover_every_position_in_order_and_can_be_decoded(text, draws):
    raw = text.encode()
    positions = ascending(*sorted({int(draw * len(raw)) for draw in draws})) if raw else ascending()
    found = list(windows(raw, positions))
    assert [low for low, _ in found] == sorted(low for low, _ in found)
    for low, high in found:
        raw[low:high].decode()
        assert high - low <= 2 * AFTER + BEFORE + 8
    for position in positions.tolist():
        if raw[position : position + 1] != b"\n":
            assert any(low <= position < high or raw[position] & 0xC0 == 0x80 for low, high in found)


NAMES = [
    "key",
    "'apiKey'",
    '"client_secret"',
    "password",
    "AWS::KMS::Key",
    "keys.token",
    "sha256",
    "x",
    "Authorization",
]
SIGNS = [" = ", ": ", "=>", ":=", "", "==", "  :  ", "=é "]
QUOTES = ["'{}'", '"{}"', "{}", "b'{}'", "`{}`"]
VALUE = st.one_of(
    st.text("0123456789abcdef", min_size=9, max_size=70),
    st.text("ABCDEFabcdefgxyz0123456789+/-_=", min_size=20, max_size=80),
    st.text("aB1", min_size=24, max_size=60),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(SIGNS), st.sampled_from(QUOTES), VALUE), max_size=3))
def test_no_key_is_lost_where_a_detector_does_not_look(parts):
    """The same keys as where every byte is an anchor."""
    text = "\n".join(name + sign + quote.format(value) for name, sign, quote, value in parts)
    raw = text.encode()
    here = anchors(np.frombuffer(raw, np.uint8), 4.5, 3.0)
    everywhere = np.arange(len(raw), dtype=np.int64)
    limits = (256, 1 << 20)
    assert key_spans(raw, here, "a.py", limits) == key_spans(raw, everywhere, "a.py", limits)
