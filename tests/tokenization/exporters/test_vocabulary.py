"""The files beside an export, as `tokenizers` and `transformers` read them, with the network out of reach."""

import json
import socket

import pytest
import tokenizers
from transformers import AutoTokenizer

from tests.tokenization.test_families import BYTES
from tokenization.exporters import vocabulary
from tokenization.families import CODELLAMA, QWEN25_CODER
from tokenization.tokenizer import SpecialTokens, Tokenizer, TokenizerConfig, load

TEXT = "def f(x):\r\n\treturn  x . y, '日本 😀'  # 12\n\n"
# As Llama 3's file has it: a token before every text.
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [256], "tokens": ["<s>"]}},
}
BEGUN = {"id": 256, "content": "<s>", "single_word": False, "lstrip": False, "rstrip": False}


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Writes the files and opens the folder without a network."""

    def refuse(*arguments):
        raise AssertionError(f"asked the network for {arguments}")

    def open_(tokenizer):
        monkeypatch.setattr(socket.socket, "connect", refuse)
        (tmp_path / vocabulary.FILE).write_bytes(vocabulary.spec(tokenizer))
        (tmp_path / vocabulary.SETTINGS).write_bytes(vocabulary.settings(tokenizer))
        return tokenizers.Tokenizer.from_file(str(tmp_path / vocabulary.FILE)), AutoTokenizer.from_pretrained(tmp_path)

    return open_


def deepseek():
    return load(TokenizerConfig())


def begun():
    spec = {**BYTES, "added_tokens": [{**BEGUN, "normalized": False, "special": True}], "post_processor": TEMPLATE}
    return Tokenizer(json.dumps(spec).encode(), CODELLAMA)


def qwen():
    """Its FIM tokens are marked ordinary in its own file; it has no begin token."""
    fim = {"content": "<|fim_prefix|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    spec = {**BYTES, "added_tokens": [{"id": 256, **fim, "special": False}]}
    return Tokenizer(json.dumps(spec).encode(), QWEN25_CODER)


@pytest.mark.parametrize("make", [deepseek, begun, qwen])
def test_both_libraries_give_the_ids_of_the_rows_and_add_nothing(make, opened):
    tokenizer = make()
    library, auto = opened(tokenizer)
    ids = tokenizer.encode(TEXT).tolist()
    assert library.encode(TEXT).ids == auto(TEXT)["input_ids"] == auto.encode(TEXT) == ids
    assert auto.decode(ids) == library.decode(ids, skip_special_tokens=False) == TEXT
    assert len(auto) == library.get_vocab_size() == tokenizer.n_ids


@pytest.mark.parametrize("make", [deepseek, begun, qwen])
def test_every_special_token_is_declared_at_its_id_and_never_split(make, opened):
    tokenizer = make()
    library, auto = opened(tokenizer)
    named = vocabulary.named_tokens(tokenizer)
    assert set(named) == set(tokenizer.special)
    for role, text in named.items():
        assert auto.convert_tokens_to_ids(text) == library.token_to_id(text) == tokenizer.special[role]
        assert text in auto.all_special_tokens
        for around in (f"a{text}b", f"{text}\n", f"  {text}{text}"):
            assert auto(around)["input_ids"].count(tokenizer.special[role]) == around.count(text)
            assert auto.decode(auto(around)["input_ids"]) == around
    assert (auto.bos_token, auto.eos_token, auto.pad_token) == (named.get("begin"), named["end"], None)


def test_deepseeks_ids_are_those_of_coder_v2(opened):
    _, auto = opened(deepseek())
    texts = SpecialTokens().by_role()
    assert [auto.convert_tokens_to_ids(texts[role]) for role in ("fim_hole", "fim_begin", "fim_end")] == [
        100_002,
        100_003,
        100_004,
    ]
    assert (auto.bos_token_id, auto.eos_token_id) == (100_000, 100_001)


@pytest.mark.parametrize("make", [deepseek, begun, qwen])
def test_a_special_tokens_string_is_encoded_as_in_documents_when_asked(make, opened):
    """By default both libraries make it the token, as the card says."""
    tokenizer = make()
    library, auto = opened(tokenizer)
    for text in vocabulary.named_tokens(tokenizer).values():
        plain = tokenizer.encode(f"x {text} y").tolist()
        assert auto(f"x {text} y", split_special_tokens=True)["input_ids"] == plain
        assert auto(f"x {text} y")["input_ids"] != plain
        assert auto.decode(plain) == f"x {text} y"
        library.encode_special_tokens = True
        assert library.encode(f"x {text} y").ids == plain


def test_the_same_vocabulary_gives_the_same_bytes():
    spec = json.dumps({**BYTES}).encode()
    one, other = (Tokenizer(spec, SpecialTokens()) for _ in range(2))
    assert vocabulary.spec(one) == vocabulary.spec(other)
    assert vocabulary.settings(one) == vocabulary.settings(other)
