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


def drawn(segments, length=2, seed=0, row=3):
    return list(data.cells(row, segments, length, seed))


def test_a_row_is_cut_into_stretches_of_its_samples_and_padding_is_left_out():
    padding = {**segment(0, 8, 2), "document": bytes(16)}
    found = drawn([segment(1, 0, 2), segment(1, 2, 3), segment(2, 5, 3), padding])
    assert [(cell.row, cell.start, cell.end) for cell in found] == [
        *((3, 0, 2), (3, 2, 4), (3, 4, 5)),
        *((3, 5, 7), (3, 7, 8)),
    ]


def test_a_stretch_is_drawn_by_what_it_holds_wherever_it_lies():
    alone = drawn([segment(1, 0, 4)])
    elsewhere = drawn([segment(2, 0, 3), segment(1, 3, 4)], row=9)
    assert [cell.draw for cell in elsewhere[-2:]] == [cell.draw for cell in alone]
    later = drawn([{**segment(1, 0, 2), "document_start": 2}])
    assert later[0].draw == alone[1].draw  # the same tokens after a border between two rows


def test_seeds_and_repeats_draw_anew():
    one, two, three = (drawn(segments, seed=seed)[0].draw for segments, seed in (
        ([segment(1, 0, 2)], 0), ([segment(1, 0, 2)], 1), ([{**segment(1, 0, 2), "repeat": 1}], 0)
    ))  # fmt: skip
    assert len({one, two, three}) == 3


@pytest.mark.parametrize("size", [1, 7, 50, 200])
def test_spans_hold_every_row_once_from_a_drawn_place_on(size):
    found = [list(span) for span in data.spans(50, size, 4)]
    rows = [row for span in found for row in span]
    assert sorted(rows) == list(range(50))
    assert max(map(len, found)) <= size
    assert rows == [*range(rows[0], 50), *range(rows[0])]
    assert {next(iter(data.spans(50, 7, seed))).start for seed in range(9)} != {rows[0]}


def test_no_rows_have_no_spans():
    assert [row for span in data.spans(0, 5, 0) for row in span] == []
