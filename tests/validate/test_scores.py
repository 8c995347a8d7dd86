import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.source_scan import comment_bytes
from tests.validate.probes.text import TEXT
from validate.infilling import Span
from validate.probes import data, model
from validate.scores import (
    Document,
    bits_per_byte,
    chosen_by_likelihood,
    comment_bits,
    completion_prompt,
    continuation_bits,
    document_bits,
    excerpt,
    generate,
    infill_prompt,
    infilling,
    other_order,
)

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def vocabulary():
    return data.small_vocabulary(data.train_vocabulary(TEXT, 512))


@pytest.fixture(scope="module")
def net(vocabulary):
    return model.build("tiny", vocabulary.size, 64, seed=0)


def plain_bits(net, ids, first):
    with torch.no_grad():
        logits = net(input_ids=torch.tensor([ids]), use_cache=False).logits[0].log_softmax(-1)
    return -sum(logits[i - 1, ids[i]].item() for i in range(first, len(ids))) / math.log(2)


def test_bits_of_documents_scored_together_are_those_of_each_alone(net, vocabulary):
    texts = [TEXT[0], TEXT[1] * 5, "x"]
    ids = [vocabulary.encode(text) for text in texts]
    plain = [sum(plain_bits(net, [0, *row[start : start + 7]], 1) for start in range(0, len(row), 7)) for row in ids]
    assert document_bits(net, vocabulary, texts, 8) == pytest.approx(plain, rel=1e-4)


def test_a_continuation_costs_its_own_tokens_only(net, vocabulary):
    prompt = completion_prompt(vocabulary, TEXT[0])
    ids = [*prompt, *vocabulary.encode(TEXT[1])]
    found = continuation_bits(net, vocabulary, [(prompt, TEXT[1])])
    assert found == pytest.approx([plain_bits(net, ids, len(prompt))], rel=1e-4)


def test_bits_per_byte_are_over_all_bytes_of_a_domain(net, vocabulary):
    made = bits_per_byte(net, vocabulary, [("code", TEXT[0]), ("code", "x"), ("math", TEXT[1]), ("math", "")], 16)
    assert (made["code"]["bytes"], made["code"]["documents"], made["math"]["documents"]) == (len(TEXT[0]) + 1, 2, 1)
    bits = document_bits(net, vocabulary, [TEXT[0], "x"], 16)
    assert made["code"]["bits_per_byte"] == pytest.approx(sum(bits) / (len(TEXT[0]) + 1))


def test_an_excerpt_begins_with_a_line_drawn_by_the_document():
    text = "".join(f"line {i}\n" for i in range(400))
    made = {text[excerpt(text, bytes([key]) * 16, 100)] for key in range(20)}
    assert len(made) > 10
    assert all(one.startswith("line ") and len(one) == 100 for one in made)
    assert excerpt("short", bytes(16), 100) == slice(0, 5)


@given(text=st.text("aé\U0001f600\n", max_size=60), key=st.binary(min_size=16, max_size=16), n=st.integers(8, 40))
def test_an_excerpt_is_whole_characters(text, key, n):
    raw, part = text.encode(), excerpt(text, key, n)
    assert raw[part].decode() in text
    assert part == slice(0, len(raw)) if len(raw) <= n else n - 6 <= part.stop - part.start <= n


def document(text, language="Python"):
    return Document("00", "code", language, text, comment_bytes(text, language))


def test_comments_cost_the_bits_of_their_own_tokens(vocabulary, net):
    text = "a = 1\n# one two three\nb = 2\n"
    whole, inside = comment_bits(net, vocabulary, [document(text)], 64)
    ids = vocabulary.encode(text)
    plain, at = 0.0, 0
    for place, token in enumerate(ids):
        span = range(at, at + len(vocabulary.decode([token]).encode()))
        cost = plain_bits(net, [0, *ids[: place + 1]], place + 1)
        plain += cost * sum(text.index("#") <= byte < text.index("\nb") for byte in span) / len(span)
        at = span.stop
    assert at == len(text)
    assert inside == pytest.approx([plain], rel=1e-4)
    assert whole == pytest.approx(document_bits(net, vocabulary, [text], 64))


def test_a_text_of_comments_costs_all_its_bits_in_them_and_one_without_none(vocabulary, net):
    whole, inside = comment_bits(net, vocabulary, [document("# é" * 30), document("x = 1\n"), document("")], 16)
    assert inside == [pytest.approx(whole[0]), 0.0, 0.0]


def test_another_order_holds_the_same_lines():
    text = "".join(f"line {i}\n" for i in range(40)) + "last"
    made = other_order(text, bytes(16))
    assert made != text and sorted(made.splitlines()) == sorted(text.splitlines())
    assert made == other_order(text, bytes(16)) != other_order(text, bytes([1]) * 16)
    assert other_order("", bytes(16)) == ""


def test_prompts_are_the_model_cards():
    words = data.Vocabulary(9, 100, 101, 102, 103, 104, encode=lambda text: [ord(c) for c in text], decode=str)
    assert completion_prompt(words, "ab") == [100, 97, 98]
    assert infill_prompt(words, Span("single-line", "a", "b", "c")) == [103, 97, 102, 99, 104]


def test_the_rows_own_vocabulary_gives_the_published_strings():
    from tokenization.tokenizer import TokenizerConfig, load

    rows = load(TokenizerConfig())
    special = (rows.begin, rows.end, rows.fim_hole, rows.fim_begin, rows.fim_end)
    words = data.Vocabulary(rows.n_ids, *special, lambda text: rows.encode(text).tolist(), rows.text)
    span = Span("multi-line", "right = []", "x", "if arr[i] < pivot:")
    told = "<｜fim▁begin｜>right = []<｜fim▁hole｜>if arr[i] < pivot:<｜fim▁end｜>"
    assert rows.text(infill_prompt(words, span)) == told


def test_an_answer_ends_at_the_end_token(net, vocabulary):
    assert generate(net, vocabulary, [0], 3)
    ending = model.build("tiny", vocabulary.size, 64, seed=0)
    with torch.no_grad():
        ending.lm_head.weight.zero_()
        ending.lm_head.weight[1] = ending.model(input_ids=torch.tensor([[0]])).last_hidden_state[0, 0]
    assert generate(ending, vocabulary, [0], 3) == ""


def test_infilling_counts_spans_bytes_and_written_ones(net, vocabulary):
    spans = [
        Span("single-line", "a\n", "b = 1", "\nc"),
        Span("single-line", "", "d", ""),
        Span("random-span", "", "e", ""),
    ]
    made = infilling(net, vocabulary, spans, generated=1)
    assert (made["single-line"]["spans"], made["single-line"]["bytes"], made["single-line"]["generated"]) == (2, 6, 1)
    assert made["random-span"]["bits_per_byte"] > 0


def test_the_likelier_choice_is_chosen(net, vocabulary):
    costs = continuation_bits(net, vocabulary, [(completion_prompt(vocabulary, "q"), c) for c in ("a", "def add")])
    expected = 0 if costs[0] < costs[1] else 1
    assert chosen_by_likelihood(net, vocabulary, "q", ["a", "def add"], per_byte=False) == expected
    per_byte = 0 if costs[0] / 1 < costs[1] / 7 else 1
    assert chosen_by_likelihood(net, vocabulary, "q", ["a", "def add"], per_byte=True) == per_byte
