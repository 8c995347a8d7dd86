from dataclasses import replace

import pytest

from tests.validate.probes.saved import save
from validate.probes import data, model
from validate.probes.model import CheckpointError
from validate.probes.shapes import SHAPES, active_parameters

torch = pytest.importorskip("torch")

VOCABULARY = data.Vocabulary(512, 0, 1, 2, 3, 4, encode=list, decode=str)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    net = model.build("tiny", 512, 64, seed=3)
    path = tmp_path_factory.mktemp("checkpoint")
    net.save_pretrained(path)
    return str(path), net


def test_packed_samples_do_not_see_each_other():
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


def test_a_saved_model_is_continued_with_the_same_weights(folder):
    path, net = folder
    loaded = model.load(path, VOCABULARY)
    for name, value in net.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert loaded.config.use_cache is False


@pytest.mark.parametrize(
    "other",
    [replace(VOCABULARY, size=2048), replace(VOCABULARY, size=400), replace(VOCABULARY, begin=7)],
    ids=["larger", "smaller", "begin token"],
)
def test_a_checkpoint_of_another_vocabulary_is_refused_by_name(folder, other):
    with pytest.raises(CheckpointError, match="vocabulary of 512 with begin 0 and end 1"):
        model.load(folder[0], other)


def test_a_folder_without_a_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint in .*config.json"):
        model.load(str(tmp_path), VOCABULARY)


def test_active_numbers_are_those_of_the_shape():
    net = model.build("tiny", 512, 64, seed=0)
    assert model.active_in(net) == active_parameters(SHAPES["tiny"], 512)


def test_a_model_is_opened_with_its_own_vocabulary(tmp_path):
    net, words = model.opened(save(tmp_path))
    assert words.decode(words.encode("def add(a, b):")) == "def add(a, b):"
    assert (words.begin, words.end, words.hole, words.fim_begin, words.fim_end) == (0, 1, 2, 3, 4)
    assert words.size == net.config.vocab_size and not net.training


def test_a_model_without_a_vocabulary_is_named(folder):
    with pytest.raises(CheckpointError, match=r"no tokenizer.json"):
        model.opened(folder[0])
