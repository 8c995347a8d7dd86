import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

from tests.corpus.sources.hub_server import hub_server
from tokenization.tokenizer import SpecialTokens, Tokenizer, TokenizerConfig, load, refuse_without_fim, tokenizer_at

CFG = TokenizerConfig()


@pytest.fixture(scope="module")
def tokenizer():
    return load(CFG)


def column(*texts):
    return pa.array(texts, pa.large_string())


@pytest.fixture(scope="module")
def other_spec(tmp_path_factory):
    """A byte-level BPE whose newlines merge with what follows, and without special tokens."""
    from tokenization.fast import byte_alphabet

    letters = sorted(byte_alphabet())
    vocabulary = {letter: i for i, letter in enumerate(letters)} | {"Ċx": 256, "ab": 257}
    spec = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": [["Ċ", "x"], ["a", "b"]]},
    }
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return str(path)


def test_special_tokens_have_the_ids_and_bytes_of_deepseek_coder_v2(tokenizer):
    ids = (tokenizer.begin, tokenizer.end, tokenizer.fim_hole, tokenizer.fim_begin, tokenizer.fim_end)
    assert ids == (100000, 100001, 100002, 100003, 100004)
    assert SpecialTokens().fim_hole.encode() == b"<\xef\xbd\x9cfim\xe2\x96\x81hole\xef\xbd\x9c>"
    assert tokenizer.n_ids == 100005


def test_ids_never_change(tokenizer):
    assert tokenizer.encode("Hello world = 12  x\n").tolist() == [17464, 1843, 403, 207, 16, 17, 207, 1376, 185]


@pytest.mark.parametrize("text", list(SpecialTokens().by_role().values()))
def test_special_token_strings_in_text_stay_text(tokenizer, text):
    for ids in (tokenizer.encode(f"a{text}b").tolist(), tokenizer.library_column(column(f"a{text}b"))[0].as_py()):
        assert max(ids) < 100000
        assert tokenizer.text(ids) == f"a{text}b"


def test_a_text_column_keeps_rows_slices_and_nulls(tokenizer):
    texts = column("dropped", "a b", None, "", "日本語\n").slice(1)
    expected = [tokenizer.encode(text).tolist() for text in ("a b", "", "", "日本語\n")]
    assert tokenizer.encode_column(texts).to_pylist() == expected
    assert tokenizer.library_column(texts).to_pylist() == expected
    assert tokenizer.encode_column(texts.slice(0, 0)).to_pylist() == []


def test_ids_give_back_text_and_its_number_of_characters(tokenizer):
    text = "größe = '日本語 😀'\r\n\x00\u2028"
    ids = tokenizer.encode(text)
    assert tokenizer.text(ids) == text
    assert tokenizer.characters[ids].sum() == len(text)


def test_deepseek_is_line_additive_and_a_vocabulary_with_merged_newlines_is_not(tokenizer, other_spec):
    other = load(tokenizer_at(other_spec, extend=True))
    assert tokenizer.line_additive
    assert not other.line_additive
    assert other.encode("ab\nx").tolist() == [257, 256]
    assert other.begin == 258


def test_a_file_with_other_bytes_is_refused(other_spec):
    with pytest.raises(ValueError, match="SHA-256"):
        load(TokenizerConfig(name=other_spec, sha256=hashlib.sha256(b"").hexdigest()))


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match="no/such"):
        load(TokenizerConfig(name="no/such/tokenizer.json"))


def test_a_vocabulary_that_loses_text_is_refused(other_spec):
    with open(other_spec, encoding="utf-8") as file:
        spec = json.load(file)
    for change in ({"decoder": None}, {"normalizer": {"type": "NFC"}}):
        with pytest.raises(ValueError, match=r"byte-level|normalizer"):
            Tokenizer(json.dumps(spec | change).encode(), SpecialTokens())


def test_special_tokens_must_differ():
    with pytest.raises(ValueError, match="different strings"):
        SpecialTokens(begin="<x>", end="<x>")


def test_fim_asked_of_a_vocabulary_without_its_tokens_is_refused_by_name(other_spec):
    cfg = tokenizer_at(other_spec)
    with pytest.raises(ValueError, match=r"FIM is asked, but .*tokenizer\.json has no token <｜fim▁hole｜>"):
        refuse_without_fim(cfg)
    refuse_without_fim(tokenizer_at(other_spec, extend=True))
    with pytest.raises(ValueError, match="no token '<｜end▁of▁sentence｜>'"):
        load(cfg)


def test_an_added_token_marked_ordinary_is_not_found_in_text(other_spec):
    """Qwen2.5 marks its FIM tokens so: the library alone would make them of a file that quotes them."""
    spec = json.loads(Path(other_spec).read_text(encoding="utf-8"))
    token = {"id": 258, "content": "<|fim_prefix|>", "special": False, "normalized": False, "single_word": False,
             "lstrip": False, "rstrip": False}  # fmt: skip
    made = Tokenizer(json.dumps(spec | {"added_tokens": [token]}).encode(), SpecialTokens())
    assert 258 not in made.encode("a<|fim_prefix|>b").tolist()
    assert made.text(made.encode("a<|fim_prefix|>b")) == "a<|fim_prefix|>b"


@pytest.mark.parametrize("name", ["/nowhere/tokenizer.json", "owner/name"])
def test_a_name_of_the_hub_is_told_from_a_path_by_its_prefix(name):
    with pytest.raises(FileNotFoundError, match=f"no tokenizer.json at {name}: give its path, hub:OWNER/NAME"):
        tokenizer_at(name)


def test_a_vocabulary_of_the_hub_is_fetched_once_and_hashed(tmp_path, monkeypatch, other_spec):
    files = {"tokenizer.json": Path(other_spec).read_bytes(), "weights.bin": b"never asked for"}
    with hub_server({("model", "owner/vocabulary"): files}) as (address, asked):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setenv("HF_ENDPOINT", address)
        cfg = tokenizer_at("hub:owner/vocabulary")
    assert cfg.sha256 == hashlib.sha256(files["tokenizer.json"]).hexdigest()
    assert not [path for path in asked if "weights" in path]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert tokenizer_at("hub:owner/vocabulary") == cfg


def test_the_saved_file_has_the_added_tokens_where_rows_have_them(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer.saved())
    again = load(tokenizer_at(str(path)))
    assert (again.n_ids, again.special) == (tokenizer.n_ids, tokenizer.special)
    text = "def f(x):\n    return x <｜fim▁hole｜>\n"
    assert again.encode(text).tolist() == tokenizer.encode(text).tolist()
