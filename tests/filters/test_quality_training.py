"""Training of the quality model: which examples, which folds, and the card of a corpus with a known answer."""

import numpy as np
import pytest

from filters.quality_training import Example, QualityConfig, area, folds_of, known_words, strata, train_model

GOOD = "def total(rows):\n    '''Sum of the rows.'''\n    return sum(rows)\n\n\n"
OTHER = "x={};\ny=[1,2,3,4];z=((x))\n"


def corpus(repos: int = 12, each: int = 20) -> list[Example]:
    return [
        Example(
            (GOOD if row % 2 else OTHER).replace("total", f"name{repo}") * 3, bool(row % 2), f"r{repo}", "Python", ""
        )
        for repo in range(repos)
        for row in range(each)
    ]


@pytest.fixture(scope="module")
def trained():
    return train_model(QualityConfig(), corpus(), corpus(), lambda told: None)


def test_files_of_unseen_repositories_are_told_apart(trained):
    _, card, unseen = trained
    assert card["held_out"]["area"] == 1 and card["held_out"]["precision"] == card["held_out"]["recall"] == 1
    assert (unseen > 0).tolist() == [one.good for one in corpus()]


def test_the_card_says_what_was_trained_on(trained):
    _, card, _ = trained
    assert card["trained_on"]["good"] == card["trained_on"]["other"] == 120
    assert card["trained_on"]["repositories"] == 12
    assert list(card["held_out"]["by_language"]) == ["Python"]
    assert [rule["measure"] for rule in card["definition"]["rules"]][:2] == ["has_syntax", "comment_fraction"]


def test_the_same_examples_give_the_same_bytes(trained):
    again, _, _ = train_model(QualityConfig(), corpus(), corpus(), lambda told: None)
    assert again.encode() == trained[0].encode()


def test_a_language_with_many_files_has_ranks_of_its_own(trained):
    assert list(trained[0].ranks) == ["", "Python"]
    few, _, _ = train_model(QualityConfig(folds=2), corpus(4), corpus(4), lambda told: None)
    assert list(few.ranks) == [""]


def test_a_word_of_few_repositories_is_no_word():
    known = known_words(corpus(), 3)
    own = known_words([one for one in corpus() if one.repo == "r0"], 3)
    assert own.sum() - known.sum() == 1  # name0; of one repository every word is known


def test_as_many_others_of_each_group_are_drawn():
    labels = [True, True, False, False, False, False]
    groups = ["a", "b", "a", "a", "b", "c"]
    assert strata(labels, groups, [0.5, 0.6, 0.4, 0.1, 0.2, 0.0], 10) == [3, 4, 0, 1]
    assert strata(labels, groups, [0.5, 0.6, 0.4, 0.1, 0.2, 0.0], 1) == [3, 0]


def test_a_repository_lies_in_one_fold_and_folds_are_even():
    repos = ["big"] * 10 + [f"r{i % 5}" for i in range(20)]
    folds = folds_of(repos, 3, 0)
    assert len({(repo, fold) for repo, fold in zip(repos, folds.tolist(), strict=True)}) == 6
    assert np.bincount(folds).tolist() == [10, 12, 8]


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([one for one in corpus() if one.good], "120 good and 0 other"),
        ([one for one in corpus() if one.repo == "r1"], "all examples are of r1"),
        ([one for one in corpus() if not one.good or one.repo == "r1"], "one repository holds all"),
    ],
)
def test_what_teaches_nothing_is_refused(examples, message):
    with pytest.raises(ValueError, match=message):
        train_model(QualityConfig(), examples, examples, lambda told: None)


def test_the_area_counts_equal_scores_half():
    found = np.array([3, 1, 1, 0], np.float32)
    assert area(found, np.array([True, True, False, False])) == (1 + 1 + 0.5 + 1) / 4


@pytest.mark.parametrize("wrong", [{"folds": 1}, {"penalty": 0}, {"most_examples": 0}, {"min_repositories": 0}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        QualityConfig(**wrong)
