"""A tiny model with random weights, as save_pretrained writes it, with its vocabulary beside."""

import os

from tests.validate.probes.text import TEXT
from validate.probes import data, model


def save(folder, length=512):
    """The folder's path. The configuration names the small vocabulary's begin and end tokens."""
    tokenizer = data.train_vocabulary(TEXT, 600)
    net = model.build("tiny", data.small_vocabulary(tokenizer).size, length, seed=0)
    net.save_pretrained(str(folder))
    with open(os.path.join(folder, "tokenizer.json"), "w") as file:
        file.write(tokenizer)
    return str(folder)
