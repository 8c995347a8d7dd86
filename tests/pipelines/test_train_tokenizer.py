import json

import pytest

from pipelines import train_tokenizer
from tokenization.tokenizer import Tokenizer, TokenizerConfig, load, refuse_without_fim, tokenizer_at

TEXTS = ["def f(x):\n    return x + 1\n" * 5, "größe <｜end▁of▁sentence｜> 日本 123\r\n" * 5]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "tokenizer.json"
    path.write_bytes(train_tokenizer.train(TEXTS, 290, TokenizerConfig()))
    return str(path)


def test_it_has_the_size_asked_and_the_special_tokens_at_its_end(made):
    tokenizer = load(tokenizer_at(made))
    assert tokenizer.n_ids == 290
    assert sorted(tokenizer.special.values()) == list(range(285, 290))
    refuse_without_fim(tokenizer_at(made))


def test_it_is_encoded_by_the_fast_path_and_keeps_lines_apart(made):
    tokenizer = load(tokenizer_at(made))
    assert tokenizer.line_additive
    assert tokenizer._fast is not None
    for text in TEXTS:
        ids = tokenizer.encode(text)
        assert tokenizer.text(ids) == text
        assert max(ids) < 285 and len(ids) < len(text.encode())


def test_the_same_texts_give_the_same_file(made):
    with open(made, "rb") as file:
        assert train_tokenizer.train(TEXTS, 290, TokenizerConfig()) == file.read()


def test_a_build_gives_the_text_of_its_survivors(base, tmp_path, capsys):
    out = tmp_path / "tokenizer.json"
    arguments = [str(out), "--recipe", "small", "--root", str(base), "--vocabulary", "600", "--bytes", "200000"]
    assert train_tokenizer.main(arguments) == 0
    assert "600 ids" in capsys.readouterr().out
    assert Tokenizer(out.read_bytes(), TokenizerConfig().special, extend=False).n_ids == 600
    assert json.loads(out.read_text(encoding="utf-8"))["model"]["merges"]


@pytest.mark.parametrize(("more", "told"), [([], "no survivors"), (["--vocabulary", "9"], "no survivors")])
def test_a_root_without_a_build_is_told(tmp_path, capsys, more, told):
    assert train_tokenizer.main([str(tmp_path / "t.json"), "--recipe", "small", "--root", str(tmp_path), *more]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("out", "more", "told"),
    [
        ("t.json", ["--bytes", "0"], "--bytes 0"),
        ("t.json", ["--vocabulary", "9"], "--vocabulary 9"),
        ("no/t.json", [], "no folder"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_trained(base, tmp_path, capsys, out, more, told):
    arguments = [str(tmp_path / out), "--recipe", "small", "--root", str(base), *more]
    assert train_tokenizer.main(arguments) == 2
    assert told in capsys.readouterr().err
