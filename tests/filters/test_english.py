"""Group `english`: probabilities of known texts, and the same as fastText itself gives."""

import pyarrow as pa
import pytest

from corpus.natural import _load
from filters.english import ENGLISH
from filters.group import measured

TEXTS = {
    "The committee will meet again on Thursday to discuss the proposal.": (0.7, 1),
    "Der Ausschuss trifft sich am Donnerstag wieder, um den Vorschlag zu besprechen.": (0, 0.1),
    "委员会将于星期四再次开会讨论该提案，届时所有成员都将出席会议。": (0, 0.1),
    "1 2 3": (0, 0),
    "": (0, 0),
}


def rows(texts, kinds):
    batch = pa.record_batch({"kind": kinds, "text": pa.array(texts, pa.large_string())})
    return measured(ENGLISH, batch, batch).to_pylist()


@pytest.mark.parametrize("text", list(TEXTS))
def test_english_is_likely_in_english_alone(text):
    low, high = TEXTS[text]
    assert low <= rows([text], ["page"])[0]["english"] <= high


def test_it_is_what_fasttext_says():
    text = "Das ist ein Satz, and this is another one in English words"
    labels, shares = _load().predict(text, k=176)
    expected = dict(zip(labels, shares, strict=True)).get("__label__en", 0)
    assert rows([text], ["prose"])[0]["english"] == pytest.approx(expected)


def test_files_are_not_asked_about():
    found = rows(["the same words here and there", None], ["file", "issue"])
    assert found == [{"has_english": False, "english": None}, {"has_english": True, "english": 0.0}]
