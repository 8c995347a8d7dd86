"""The vocabulary beside exported rows: `tokenizer.json` and its settings, as `tokenizers` and `transformers` load them.

Comes in: the vocabulary that the rows were encoded with. Goes out: two files. Nothing is added to a text and nothing is
cleaned up after decoding; no file names a place on the network, so that a folder is all that is needed.
"""

import json
from typing import Any, Final

import tokenizers

from tokenization.tokenizer import Tokenizer

FILE: Final = "tokenizer.json"
SETTINGS: Final = "tokenizer_config.json"


def spec(tokenizer: Tokenizer) -> bytes:
    """`tokenizer.json`, with every special token at the id that it has in the rows.

    A post-processor that puts tokens before or after a text is left out: rows have theirs from packing, and a text
    that is encoded with the file would have them twice.
    """
    saved: dict[str, Any] = json.loads(tokenizer.saved())
    if _adds(tokenizers.Tokenizer.from_str(tokenizer.saved())):
        saved["post_processor"] = None
    return (json.dumps(saved, ensure_ascii=False, indent=1) + "\n").encode()


def settings(tokenizer: Tokenizer) -> bytes:
    """`tokenizer_config.json`. No padding token: collators mask it, and with it the end token where they are one."""
    named = named_tokens(tokenizer)
    made: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": False,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": False,
        "eos_token": named["end"],
    }
    if "begin" in named:
        made["bos_token"] = named["begin"]
    made["additional_special_tokens"] = [text for role, text in named.items() if role not in ("begin", "end")]
    return (json.dumps(made, ensure_ascii=False, indent=1) + "\n").encode()


def named_tokens(tokenizer: Tokenizer) -> dict[str, str]:
    """String of each special token by role, of those that the vocabulary has."""
    return {role: tokenizer.raw([token]).decode() for role, token in tokenizer.special.items()}


def _adds(library: tokenizers.Tokenizer) -> bool:
    """Whether a text gets tokens that are not its own."""
    return bool(library.encode("a").ids != library.encode("a", add_special_tokens=False).ids)
