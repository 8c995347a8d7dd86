import copy
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenization.fast import FastEncoder, _ranges
from tokenization.tokenizer import TokenizerConfig, _wheel_file, load

ROOT = Path(__file__).parents[2]
# What the pre-tokenizer tells apart: letters in and out of its class, both kinds of digits, spaces that are also
# punctuation (U+3000), script ranges, controls, characters beyond the table, combining marks.
ALPHABET = (
    "abZ 019\t\x0b\x0c\x1c\x7f\n\r.(_~éßµ\u00a0\u0085\u3000。「'’“\u2028\u200b一中ก가ẁ①²½٣😀𝟘\u0301\ufeff\U000e0001"
)
CHUNKS = [
    "    ",
    "return",
    "self",
    "==",
    "  x",
    "12",
    "\r\n",
    "<｜end▁of▁sentence｜>",
    "a" * 90,
    "=" * 100,
    "中" * 40,
    " \t",
]

texts = st.lists(st.one_of(st.text(ALPHABET), st.text(), st.lists(st.sampled_from(CHUNKS)).map("".join)), max_size=8)


@pytest.fixture(scope="module")
def tokenizer():
    return load(TokenizerConfig())


def agree(tokenizer, found):
    column = pa.array(found, pa.large_string())
    assert tokenizer.encode_column(column).equals(tokenizer.library_column(column))


@settings(max_examples=300, deadline=None)  # the first call loads the vocabulary
@given(found=texts)
def test_ids_are_those_of_the_library(found):
    agree(load(TokenizerConfig()), found)


def test_every_character_alone_and_between_others_gives_the_librarys_ids(tokenizer):
    points = [chr(p) for p in range(0x3500) if not 0xD800 <= p < 0xE000] + [chr(p) for p in range(0xF900, 0x20100, 7)]
    agree(tokenizer, [pattern.replace("_", p) for p in points for pattern in ("_", " _a", "a_ (_1")])


def test_long_runs_give_the_librarys_ids(tokenizer):
    runs = [c * n for c in "a= 中\tà" for n in (95, 96, 97, 1023, 1025, 20_000)]
    agree(tokenizer, [*runs, "ab" * 15_000, " x" * 5_000, "aé1 " * 3_000])


def test_source_files_give_the_librarys_ids(tokenizer):
    found = [p.read_text(encoding="utf-8") for p in sorted((ROOT / "tokenization").glob("*.py"))]
    agree(tokenizer, found)
    agree(tokenizer, found)  # now from the table of pre-tokens


def test_a_full_table_changes_no_ids(tokenizer):
    spec = json.loads(_wheel_file().read_bytes())
    small = FastEncoder.of(spec)
    small._cache = small._cache._replace(
        slots=np.zeros((8, 4), np.uint64), keys=np.empty(20, np.uint8), ids=np.empty(6, np.int32)
    )
    column = pa.array(["alpha beta gamma delta epsilon zzzzzzzzzzzzzzzzzzzzzzz qqqqq xyxyxy alpha"], pa.large_string())
    data = np.frombuffer(column.buffers()[2], np.uint8)
    _, ids = small.encode(np.array([0, len(data)]), data)
    assert ids.tolist() == tokenizer.library_column(column)[0].as_py()
    assert small._cache.used.tolist()[0] <= 4


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["pre_tokenizer"]["pretokenizers"].pop(),
        lambda spec: spec["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(Regex="[\n]"),
        lambda spec: spec["pre_tokenizer"]["pretokenizers"][3].update(behavior="Removed"),
        lambda spec: spec["model"].update(ignore_merges=True),
        lambda spec: spec["added_tokens"][0].update(special=False),
        lambda spec: spec.update(normalizer={"type": "NFC"}),
    ],
    ids=["step", "newlines", "behaviour", "model", "added token", "normalizer"],
)
def test_other_specifications_are_left_to_the_library(change):
    spec = copy.deepcopy(json.loads(_wheel_file().read_bytes()))
    change(spec)
    assert FastEncoder.of(spec) is None


@pytest.mark.parametrize(
    ("bracket", "ranges"), [("a", [(97, 97)]), ("a-c_", [(97, 99), (95, 95)]), ("!-/-", [(33, 47), (45, 45)])]
)
def test_ranges_of_a_character_class(bracket, ranges):
    assert _ranges(bracket) == ranges
