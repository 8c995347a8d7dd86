import pytest

from filters.drop_rates import PUBLISHED, DropRates, implausible

RATES = DropRates(judged_from=100)


@pytest.mark.parametrize(
    ("language", "dropped", "warns"),
    [("Python", 46, False), ("Python", 16, True), ("Python", 77, True), ("Zig", 3, False), ("Zig", 1, True)],
)
def test_a_rate_outside_the_band_of_its_language_is_told(language, dropped, warns):
    told = implausible(RATES, {language: 100, "Ruby": 10_000}, {language: dropped, "Ruby": 5_000})
    assert len(told) == warns and all(language in sentence for sentence in told)


def test_a_deduplication_that_did_nothing_is_told_and_a_small_corpus_is_not_judged():
    assert [s.split(" documents in ")[1][:3] for s in implausible(RATES, {"A": 60, "B": 60}, {})] == ["all"]
    assert implausible(RATES, {"A": 40, "B": 40}, {}) == []


def test_every_published_rate_is_plausible():
    n = dict.fromkeys(PUBLISHED, 1000)
    assert implausible(RATES, n, {name: round(1000 * rate) for name, rate in PUBLISHED.items()}) == []


def test_bands_the_wrong_way_round_are_refused():
    with pytest.raises(ValueError, match="low before high"):
        DropRates(others=(0.9, 0.1))
