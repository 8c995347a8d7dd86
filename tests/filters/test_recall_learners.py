"""Both learners go through the same door: bytes out, logits back, and a card can say which it was."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from filters.recall_learners import algorithm, learn, scorer
from filters.recall_model import ClassifierConfig, Examples
from filters.recall_words import WordsConfig
from tokenization.tokenizer import TokenizerConfig, load

TEXTS = ["A theorem and its Proof", "the village market", "Proof of the theorem", "a market in the village"] * 6
FASTTEXT = ClassifierConfig(dim=16, epochs=20, min_steps=0, learning_rate=0.5, buckets=1 << 10, min_count=2)


@pytest.mark.parametrize("cfg", [FASTTEXT, replace(FASTTEXT, words=WordsConfig())], ids=["fastText", "words"])
def test_a_learnt_model_tells_its_examples_apart(cfg):
    ids = load(TokenizerConfig()).encode_column(pa.array(TEXTS, pa.large_string()))
    positive = np.arange(len(TEXTS)) % 2 == 0
    raw = learn(cfg, lambda: [Examples(ids.offsets.to_numpy(), ids.values.to_numpy(), positive)])
    assert ((scorer(cfg, raw)(ids) > 0) == positive).all()
    assert ("fastText" in algorithm(cfg)) == (cfg.words is None)
