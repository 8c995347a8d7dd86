import numpy as np
import pyarrow as pa
import pytest

from corpus.schema import rows as rows_schema
from validate.probes import data, model
from validate.probes.config import ProbeConfig
from validate.probes.train import TrainConfig, learning_rate, next_token_loss, train
from validate.scores import bits_per_byte

torch = pytest.importorskip("torch")
from tokenizers import Tokenizer  # noqa: E402

TEXT = ["def add(a, b):\n    return a + b\n", "for i in range(10):\n    print(i)\n"] * 50


@pytest.fixture(scope="module")
def vocabulary():
    return Tokenizer.from_str(data.train_vocabulary(TEXT, 512))


def segment(sample, start, length):
    rest = {"document_start": 0, "repeat": 0, "layout": 0, "cut_1": -1, "cut_2": -1, "domain": 0}
    return {"sample": bytes([sample]) * 16, "document": b"d" * 16, "start": start, "length": length, **rest}


def packed(ids, segments):
    return pa.record_batch([pa.array(ids, pa.list_(pa.int32(), 6)), segments], schema=rows_schema(6))


def test_pieces_follow_samples_and_join_their_documents():
    batch = packed([[0, 7, 8, 1, 0, 9]], [[segment(1, 0, 2), segment(1, 2, 2), segment(2, 4, 2)]])
    assert [piece.tolist() for piece in data.sample_pieces(batch)] == [[0, 7, 8, 1], [0, 9]]


def test_padding_belongs_to_no_sample():
    padding = {**segment(0, 4, 2), "document": bytes(16)}
    batch = packed([[0, 7, 8, 1, 1, 1]], [[segment(1, 0, 4), padding]])
    assert [piece.tolist() for piece in data.sample_pieces(batch)] == [[0, 7, 8, 1]]


def test_special_ids_keep_their_roles_and_text_is_encoded_anew(vocabulary):
    pieces = [np.array([100, 65, 66, 101, 67], np.int32)] * 9
    made = data.windows(pieces, {100: 0, 101: 1}, lambda ids: "".join(map(chr, ids)), vocabulary, 5, 2)
    a, b = (vocabulary.encode(x).ids for x in ("AB", "C"))
    expected = [0, *a, 1, *b] * 2
    assert made.ids.ravel().tolist()[:10] == expected[:10]
    assert made.positions[0, 0] == 0


def test_a_windows_first_piece_counts_from_zero(vocabulary):
    pieces = [np.array([100, *[65, 10] * 6], np.int32)]
    made = data.windows(pieces, {100: 0}, lambda ids: "".join(map(chr, ids)), vocabulary, 4, 3)
    assert made.positions.tolist() == [[0, 1, 2, 3]] * len(made.positions)
    assert len(made.positions) >= 2


def test_special_token_strings_in_text_stay_text(vocabulary):
    vocabulary.encode_special_tokens = True
    assert 0 not in vocabulary.encode("<|begin|>").ids


def test_packed_samples_do_not_see_each_other(vocabulary):
    net = model.build("tiny", 512, 16, seed=0).eval()
    ids = torch.arange(10, 26)[None]
    positions = torch.tensor([[*range(8), *range(8)]])
    changed = ids.clone()
    changed[0, :8] += 100
    with torch.no_grad():
        one = net(input_ids=ids, position_ids=positions, use_cache=False).logits[0, 8:]
        two = net(input_ids=changed, position_ids=positions, use_cache=False).logits[0, 8:]
    assert torch.allclose(one, two, atol=1e-5)


def test_even_load_costs_one_and_a_single_expert_costs_most():
    even = torch.zeros(8, 4) + torch.eye(4).repeat(2, 1) * 1e-3
    one = torch.tensor([[50.0, 0, 0, 0]] * 8)
    assert model.balance_loss([even], 1).item() == pytest.approx(1, abs=1e-3)
    assert model.balance_loss([one], 1).item() == pytest.approx(4, abs=1e-3)


def test_the_first_token_of_a_sample_is_nobodys_target():
    logits = torch.zeros(1, 4, 3)
    logits[0, 1] = torch.tensor([0.0, 100.0, 0.0])  # certain of the wrong token, at the border
    ids = torch.tensor([[0, 1, 2, 2]])
    assert next_token_loss(logits, ids, torch.tensor([[0, 1, 0, 1]])).item() == pytest.approx(np.log(3), abs=1e-4)


def test_the_rate_warms_up_and_ends_at_a_tenth():
    cfg = TrainConfig(steps=100, learning_rate=1.0)
    rates = [learning_rate(cfg, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.1)


def test_training_lowers_loss_and_bits_per_byte(vocabulary):
    ids = [vocabulary.encode(text).ids for text in TEXT]
    flat = [0, *(token for row in ids for token in row)]
    n = len(flat) // 16
    windows = data.Windows(np.array(flat[: n * 16]).reshape(n, 16), np.tile(np.arange(16), (n, 1)))
    net = model.build("tiny", 512, 16, seed=1)
    held_out = [("code", TEXT[0])]
    before = bits_per_byte(net, vocabulary, held_out, 16)["code"]["bits_per_byte"]
    log = train(net, windows, TrainConfig(steps=min(12, n // 4), batch=4, length=16, threads=1))
    after = bits_per_byte(net, vocabulary, held_out, 16)["code"]["bits_per_byte"]
    assert log[-1]["loss"] < 0.9 * log[0]["loss"]
    assert after < 0.9 * before


def test_too_few_windows_are_named_before_training(vocabulary):
    windows = data.Windows(np.zeros((3, 8), np.int64), np.zeros((3, 8), np.int64))
    with pytest.raises(ValueError, match="2 steps of 4 need 8 windows, the rows give 3"):
        train(None, windows, TrainConfig(steps=2, batch=4, length=8))


def test_lite_has_the_published_parameter_count():
    with torch.device("meta"):
        net = model.build("lite", 102400, 4096, seed=0)
    assert model.n_parameters(net) == pytest.approx(15.7e9, rel=0.01)


def test_an_unknown_size_lists_the_sizes():
    with pytest.raises(ValueError, match="tiny, small, lite"):
        ProbeConfig(size="huge")
