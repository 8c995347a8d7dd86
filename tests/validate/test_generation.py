import pytest

from tests.validate.probes.saved import save
from validate.generation import GenerationConfig, answers
from validate.probes.model import opened
from validate.scores import generate

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return opened(save(tmp_path_factory.mktemp("model"), length=96))


def test_greedy_answers_with_a_cache_are_those_without(model):
    net, words = model
    plain = generate(net, words, [words.begin, *words.encode("def add(a, b):")], 12)
    assert answers(net, words, "def add(a, b):", "x", (), GenerationConfig(tokens=12)) == [plain]


def test_draws_are_fixed_by_seed_and_item_whatever_was_asked_before(model):
    cfg = GenerationConfig(samples=3, temperature=1.0, tokens=8)
    one = answers(*model, "def", "a", (), cfg)
    answers(*model, "class", "b", (), cfg)
    assert answers(*model, "def", "a", (), cfg) == one
    assert len(set(one)) == 3
    assert answers(*model, "def", "c", (), cfg) != one


def test_an_answer_with_a_stop_in_it_is_not_written_further(model):
    cfg = GenerationConfig(tokens=64)
    whole = answers(*model, "def", "a", (), cfg)[0]
    stopped = answers(*model, "def", "a", (whole[0],), cfg)[0]
    assert whole.startswith(stopped) and len(stopped) < len(whole)


def test_a_prompt_longer_than_the_context_loses_its_beginning(model):
    cfg = GenerationConfig(tokens=8)
    tail = "def add(a, b):\n    return a + b\n" * 8
    assert answers(*model, "import x\n" * 50 + tail, "a", (), cfg) == answers(
        *model, "y = 1\n" * 50 + tail, "a", (), cfg
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"samples": 2}, "2 samples at temperature 0 are 2 times the same"),
        ({"tokens": 0}, "1 or more"),
        ({"top_p": 0}, "top_p"),
    ],
)
def test_settings_that_draw_nothing_are_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        GenerationConfig(**settings)


def test_an_answer_that_fills_the_context_is_refused(model):
    with pytest.raises(ValueError, match="context of 96 tokens leaves no room"):
        answers(*model, "def", "a", (), GenerationConfig(tokens=96))
