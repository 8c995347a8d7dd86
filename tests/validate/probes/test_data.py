import numpy as np
import pyarrow as pa
import pytest

from corpus.schema import rows as rows_schema
from tests.validate.probes.text import TEXT
from validate.probes import data


@pytest.fixture(scope="module")
def vocabulary():
    return data.small_vocabulary(data.train_vocabulary(TEXT, 512))


def segment(sample, start, length):
    rest = {"document_start": 0, "repeat": 0, "layout": 0, "cut_1": -1, "cut_2": -1, "domain": 0}
    return {"sample": bytes([sample]) * 16, "document": b"d" * 16, "start": start, "length": length, **rest}


def packed(ids, segments):
    return pa.record_batch([pa.array(ids, pa.list_(pa.int32(), 6)), segments], schema=rows_schema(6))


def letters(ids):
    return "".join(map(chr, ids))


def test_pieces_follow_samples_and_join_their_documents():
    batch = packed([[0, 7, 8, 1, 0, 9]], [[segment(1, 0, 2), segment(1, 2, 2), segment(2, 4, 2)]])
    assert [piece.tolist() for piece in data.sample_pieces(batch)] == [[0, 7, 8, 1], [0, 9]]


def test_padding_belongs_to_no_sample():
    padding = {**segment(0, 4, 2), "document": bytes(16)}
    batch = packed([[0, 7, 8, 1, 1, 1]], [[segment(1, 0, 4), padding]])
    assert [piece.tolist() for piece in data.sample_pieces(batch)] == [[0, 7, 8, 1]]


def test_special_ids_keep_their_roles_and_text_is_encoded_anew(vocabulary):
    pieces = [np.array([100, 65, 66, 101, 67], np.int32)] * 9
    made = data.windows(pieces, {100: 0, 101: 1}, letters, vocabulary, 5, 2)
    a, b = (vocabulary.encode(x) for x in ("AB", "C"))
    expected = [0, *a, 1, *b] * 2
    assert made.ids.ravel().tolist()[:10] == expected[:10]
    assert made.positions[0, 0] == 0


def test_without_a_small_vocabulary_the_rows_ids_stay():
    pieces = [np.array([100, 65, 66, 101], np.int32), np.array([100, 67], np.int32)]
    made = data.windows(pieces, {}, letters, None, 3, 2)
    assert made.ids.tolist() == [[100, 65, 66], [101, 100, 67]]
    assert made.positions.tolist() == [[0, 1, 2], [0, 0, 1]]


def test_a_windows_first_piece_counts_from_zero(vocabulary):
    pieces = [np.array([100, *[65, 10] * 6], np.int32)]
    made = data.windows(pieces, {100: 0}, letters, vocabulary, 4, 3)
    assert made.positions.tolist() == [[0, 1, 2, 3]] * len(made.positions)
    assert len(made.positions) >= 2


def test_special_token_strings_in_text_stay_text(vocabulary):
    assert vocabulary.begin not in vocabulary.encode("<|begin|>")


def test_every_row_is_drawn_once_and_another_seed_draws_another_order():
    first, second = (list(data.drawn_rows(50, seed)) for seed in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert first == list(data.drawn_rows(50, 0))


def test_no_rows_are_drawn_from_none():
    assert list(data.drawn_rows(0, 0)) == []


def test_the_stretches_of_a_row_are_all_of_it_each_once():
    pieces = [np.arange(0, 5, dtype=np.int32), np.arange(5, 12, dtype=np.int32)]
    found = [data.stretch(pieces, 3, 0, turn, 4) for turn in range(4)]
    assert found[3] is None
    joined = sorted(token for cut in found[:3] for piece in cut for token in piece.tolist())
    assert joined == list(range(12))
    assert all(sum(map(len, cut)) == 4 for cut in found[:3])


def test_another_seed_begins_with_another_stretch():
    pieces = [np.arange(0, 4000, dtype=np.int32)]
    firsts = {int(data.stretch(pieces, 0, seed, 0, 4)[0][0]) for seed in range(5)}
    assert len(firsts) > 3


def test_a_row_shorter_than_a_stretch_gives_what_it_has():
    assert data.stretch([np.arange(3, dtype=np.int32)], 0, 0, 0, 4)[0].tolist() == [0, 1, 2]
    assert data.stretch([], 0, 0, 0, 4) is None
