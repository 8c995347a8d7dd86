import pytest

from validate.probes import model
from validate.probes.shapes import SHAPES, active_parameters, parameters

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(("size", "words"), [("tiny", 512), ("small", 1000), ("1b", 102400), ("lite", 102400)])
def test_parameters_are_the_librarys(size, words):
    with torch.device("meta"):
        net = model.build(size, words, 256, seed=0)
    assert parameters(SHAPES[size], words) == model.n_parameters(net)


def test_lite_has_the_published_counts():
    assert parameters(SHAPES["lite"], 102400) == pytest.approx(15.7e9, rel=0.01)
    assert active_parameters(SHAPES["lite"], 102400) == pytest.approx(2.4e9, rel=0.03)
