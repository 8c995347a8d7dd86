"""Which learner a recall loop's models are: fastText's, or logistic regression over words; both from BPE ids.

Comes in: the classifier's settings and examples, or a model's bytes. Goes out: a model's bytes, or a function from ids
to logits. The one place that knows there are two.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
import pyarrow as pa

from filters.recall_model import ClassifierConfig, Examples, Linear, logits, train
from filters.recall_words import Pieces, Words, pieces_of, train_words, word_logits
from tokenization.tokenizer import TokenizerConfig, load

Scorer = Callable[[pa.LargeListArray], np.ndarray]


def learn(cfg: ClassifierConfig, batches: Callable[[], Iterable[Examples]]) -> bytes:
    """The model of these examples, as bytes."""
    if cfg.words is None:
        return train(cfg, batches).encode()
    return train_words(cfg.words, pieces(cfg.tokenizer), batches).encode()


def algorithm(cfg: ClassifierConfig) -> str:
    """What a model is, for its card."""
    if cfg.words is None:
        return "fastText's supervised softmax of two labels over BPE ids, kept as one number per word and bucket"
    return "logistic regression over tf-idf of words folded out of BPE ids, by dual coordinate descent"


def scorer(cfg: ClassifierConfig, raw: bytes) -> Scorer:
    """The model's logits of id columns."""
    if cfg.words is None:
        linear = Linear.decode(raw)
        return lambda ids: logits(linear, ids)
    model, table = Words.decode(raw), pieces(cfg.tokenizer)
    return lambda ids: word_logits(model, table, ids)


@lru_cache(maxsize=2)
def pieces(cfg: TokenizerConfig) -> Pieces:
    """The vocabulary's letters."""
    tokenizer = load(cfg)
    return pieces_of(tokenizer.raw([i]) for i in range(tokenizer.n_ids))
