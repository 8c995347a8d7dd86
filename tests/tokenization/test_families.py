"""Each family's layouts as its models were trained on them, token by token, on its own strings."""

import json

import pytest

from tokenization.families import CODELLAMA, QWEN25_CODER, STARCODER
from tokenization.fast import byte_alphabet
from tokenization.fim import PLAIN, PSM, SPM, Cut, FimConfig, Place, emit
from tokenization.packing import PackConfig
from tokenization.tokenizer import Tokenizer, tokenizer_at

BYTES = {
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "model": {"type": "BPE", "vocab": {char: i for i, char in enumerate(byte_alphabet())}, "merges": []},
}
WHOLE = Place("", True, True)


def emitted(special, cut):
    tokenizer = Tokenizer(json.dumps(BYTES).encode(), special)
    ids = emit(tokenizer, tokenizer.encode("PPMMSS"), cut, WHOLE).ids
    return "".join(tokenizer.raw([token]).decode() for token in ids)


@pytest.mark.parametrize(
    ("special", "cut", "text"),
    [
        (STARCODER, Cut(PSM, 2, 4), "<fim_prefix>PP<fim_suffix>SS<fim_middle>MM<|endoftext|>"),
        (STARCODER, Cut(SPM, 2, 4), "<fim_prefix><fim_suffix>SS<fim_middle>PPMM<|endoftext|>"),
        (STARCODER, Cut(PLAIN, -1, -1), "PPMMSS<|endoftext|>"),
        (QWEN25_CODER, Cut(PSM, 2, 4), "<|fim_prefix|>PP<|fim_suffix|>SS<|fim_middle|>MM<|endoftext|>"),
        (CODELLAMA, Cut(PSM, 2, 4), "<s>▁<PRE>PP▁<SUF>SS▁<MID>MM▁<EOT></s>"),
        (CODELLAMA, Cut(SPM, 2, 4), "<s>▁<PRE>▁<SUF>SS▁<MID>PPMM▁<EOT></s>"),
    ],
)
def test_a_cut_document_in_each_familys_layout(special, cut, text):
    assert emitted(special, cut) == text


def test_a_layout_that_a_family_has_not_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(BYTES), encoding="utf-8")
    tokenizer = tokenizer_at(str(path), QWEN25_CODER, extend=True)
    with pytest.raises(
        ValueError, match=r"FIM layout 'joint' is asked, but the family of <\|fim_prefix\|> has psm only"
    ):
        PackConfig(tokenizer=tokenizer, fim=FimConfig(layout="joint"))
    with pytest.raises(ValueError, match="has no token"):
        PackConfig(tokenizer=tokenizer_at(str(path), QWEN25_CODER))
    assert PackConfig(tokenizer=tokenizer_at(str(path), QWEN25_CODER), fim=FimConfig(rate=0)).length
