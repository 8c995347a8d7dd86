"""Decontamination against its plain definition, and on leaks put in by hand."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.schema import CONTAMINATION
from filters.benchmarks import HUMAN_EVAL, Item, strings_of
from filters.contamination import TRIVIAL, ContaminationConfig, build_index, contaminated_spans, contamination
from filters.edits import edited
from filters.gram_index import load
from filters.word_hashes import words
from pipelines.benchmark_files import Digest, records
from validate import leaks

PLAIN = ContaminationConfig(required=(), unchecked=(), whitelist=(), min_lettered=0.0)


def built(cfg, items, hashes):
    return b"".join(bytes(chunk) for chunk in build_index(cfg, items, hashes))


def index_of(*texts, cfg=PLAIN):
    items = [Item("Set", f"item/{i}", text) for i, text in enumerate(texts)]
    return load(np.frombuffer(built(cfg, items, {"Set": "abc"}), np.uint8))


def column(*texts):
    return pa.array(texts, pa.large_string())


def found(index, text):
    batch, _ = contamination(index, column(text))
    return [
        (hit["item"], text.encode()[hit["start"] : hit["end"]].decode(), hit["grams"])
        for hit in batch["hits"][0].as_py()
    ]


def plain_is_hit(test_strings, text, gram=10, min_gram=3):
    have = words(text)
    for test in test_strings:
        wanted = words(test)
        size = min(gram, len(wanted))
        if size < min_gram:
            continue
        grams = {tuple(wanted[i : i + size]) for i in range(len(wanted) - size + 1)}
        if any(tuple(have[i : i + size]) in grams for i in range(len(have) - size + 1)):
            return True
    return False


VOCABULARY = st.lists(st.sampled_from(["a", "B", "return", "x1", "中", "文字", "é"]), max_size=16).map(" ".join)


@settings(deadline=None)  # the first example compiles
@given(
    tests=st.lists(VOCABULARY, min_size=1, max_size=3),
    texts=st.lists(VOCABULARY, min_size=1, max_size=4),
    skip=st.integers(0, 3),
)
def test_hits_agree_with_the_plain_rule(tests, texts, skip):
    skip = min(skip, len(texts) - 1)
    batch, counts = contamination(index_of(*tests), column(*texts).slice(skip))
    expected = [plain_is_hit(tests, text) for text in texts[skip:]]
    assert [n > 0 for n in batch["n_hits"].to_pylist()] == expected
    assert counts["documents_hit"] == sum(expected)
    assert batch.schema == CONTAMINATION


@pytest.mark.parametrize(
    ("words_in_test", "words_in_text", "hit"),
    [
        (2, 9, False),
        (3, 3, True),
        (3, 2, False),
        (9, 9, True),
        (9, 8, False),
        (10, 10, True),
        (10, 9, False),
        (12, 10, True),
        (12, 9, False),
    ],
)
def test_ten_grams_or_the_whole_of_a_string_of_three_to_nine(words_in_test, words_in_text, hit):
    names = [f"w{i}" for i in range(12)]
    assert bool(found(index_of(" ".join(names[:words_in_test])), "- " + " ".join(names[:words_in_text]))) is hit


def test_a_hit_has_its_item_and_its_exact_place_and_length():
    index = index_of("one two three four", "a b c d e f g h i j k l")
    assert found(index, "é: One_two\n  THREE, four!") == [("item/0", "One_two\n  THREE, four", 4)]
    assert found(index, "x a b c d e f g h i j k y") == [("item/1", "a b c d e f g h i j k", 10)]
    twice = "a b c d e f g h i j / a b c d e f g h i j"
    assert [hit[1] for hit in found(index, twice)] == [twice]
    apart = twice.replace("/", "and")
    assert [hit[1] for hit in found(index, apart)] == ["a b c d e f g h i j"] * 2


def test_chinese_is_compared_by_ten_characters_whatever_stands_between():
    question = "小明有3个苹果，妈妈又给他买了5个，请问他现在一共有几个苹果？"
    index = index_of(question, "鸡兔同笼问题", cfg=ContaminationConfig())
    assert found(index, f"例1. {question}答：8个。") == [("item/0", question.rstrip("？"), 10)]
    assert found(index, "小明有 3 个苹果,\n妈妈又") == [("item/0", "小明有 3 个苹果,\n妈妈又", 10)]
    assert found(index, "小明有3个苹果，妈妈") == []  # nine
    assert found(index, "第五章：鸡兔同笼问题") == [("item/1", "鸡兔同笼问题", 6)]  # whole, for it has fewer than ten


def test_the_same_words_in_other_documents_of_the_column_do_not_join():
    batch, _ = contamination(
        index_of("one two three four"), column("one two", "three four", "two three", "one two three four")
    )
    assert batch["n_hits"].to_pylist() == [0, 0, 0, 1]


def test_a_hash_collision_is_no_hit():
    index = index_of("one two three")
    other = replace(index, stream=index.stream + np.array([1] + [0] * (len(index.stream) - 1), np.uint8))
    assert found(index, "one two three") != []
    assert found(other, "one two three") == []  # the same hash, other words behind it


def test_spans_of_hits_are_taken_out_of_the_text():
    index = index_of("one two three four")
    text = column("before (one two three four) after", "clean")
    batch, _ = contamination(index, text)
    assert edited(text, contaminated_spans(batch["hits"])).to_pylist() == ["before () after", "clean"]


def test_what_anybody_writes_is_no_evidence():
    cfg = ContaminationConfig()
    tests = [
        "return x + y",
        "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
        "for i in range(n):\n  for j in range(n):\n    total += i",
    ]
    index = index_of(*tests, cfg=cfg)
    for text in (*tests[:2], "for i in range(n): for j in range(n): pass"):
        assert found(index, f"# {text}\n") == []
    assert found(index, f"# {tests[2]}\n") != []
    assert all(not found(index, text) for text in TRIVIAL)


@pytest.fixture(scope="module")
def human_eval():
    """The index, and every problem's code with its name."""
    problems = [record for _, record in records(HUMAN_EVAL, Digest())]
    items = [item for problem in problems for item in strings_of(HUMAN_EVAL, problem, "")]
    index = load(np.frombuffer(built(ContaminationConfig(), items, {"HumanEval": "x"}), np.uint8))
    return index, [(problem["task_id"], problem["prompt"] + problem["canonical_solution"]) for problem in problems]


@pytest.mark.parametrize(
    ("leak", "recall"),
    [
        (leaks.verbatim, 1.0), (leaks.reindented, 1.0), (leaks.reformatted, 1.0), (leaks.renamed, 1.0),
        (leaks.translated, 0.98), (leaks.solution_only, 0.96), (leaks.docstring_only, 0.99),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_leaks_of_human_eval_are_found_and_named(human_eval, leak, recall):
    """Two items share a solution, and a gram is known by the first item that has it: so a few bear another's name."""
    index, problems = human_eval
    batch, _ = contamination(index, column(*(leak(code) for _, code in problems)))
    pairs = list(zip(problems, batch["hits"].to_pylist(), strict=True))
    missed = [name for (name, _), hits in pairs if not hits]
    assert len(missed) <= (1 - recall) * len(problems), missed
    named = [name in {hit["item"] for hit in hits} for (name, _), hits in pairs]
    assert sum(named) >= (recall - 0.01) * len(problems)


def test_the_index_is_the_same_bytes_every_time():
    items = [Item("Set", "1", "a b c d"), Item("Set", "2", "x y z")]
    assert built(PLAIN, items, {"Set": "1"}) == built(PLAIN, items, {"Set": "1"})


def test_what_was_checked_is_part_of_the_index():
    cfg = ContaminationConfig()
    items = [Item("Set", "1", "a b"), Item("Set", "2", "p q r s")]
    assert load(np.frombuffer(built(cfg, items, {"Set": "1f"}), np.uint8)).checked == {
        "Set": {"hash": "1f", "strings": 2, "used": 1}
    }


def test_an_empty_index_and_empty_texts():
    assert contamination(index_of(), column("a b c", None, ""))[0]["n_hits"].to_pylist() == [0, 0, 0]
    assert contamination(index_of("a b c"), column(""))[0]["n_hits"].to_pylist() == [0]
    assert contamination(index_of("a b c"), column())[0].num_rows == 0


def test_one_line_of_a_megabyte_that_repeats_a_leak_is_one_hit():
    batch, _ = contamination(index_of("a b c"), column("a b c " * 170_000))
    assert batch["n_hits"].to_pylist() == [1]


def test_a_required_set_that_is_missing_says_where_to_get_it():
    with pytest.raises(ValueError, match=r"benchmark MBPP is required.*google-research.*or list it as unchecked"):
        ContaminationConfig(unchecked=())
    with pytest.raises(ValueError, match="both in"):
        ContaminationConfig(unchecked=("HumanEval",), required=())


@pytest.mark.parametrize(
    "wrong", [{"gram": 2}, {"min_gram": 0}, {"min_lettered": 1.5}, {"benchmarks": (HUMAN_EVAL,) * 2}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="ContaminationConfig"):
        ContaminationConfig(**wrong)


def test_a_leak_that_lies_across_two_blocks_of_words_is_one_hit():
    """The kernel takes 4,096 words at a time."""
    test = " ".join(f"t{i}" for i in range(30))
    filler = [f"w{i % 977}" for i in range(8300)]
    places = [0, 1, *range(4050, 4110), 8159, 8175, 8300]
    texts = [" ".join([*filler[:at], test, *filler[at:]]) for at in places]
    batch, _ = contamination(index_of(test), column(*texts))
    assert [[hit["end"] - hit["start"] for hit in hits] for hits in batch["hits"].to_pylist()] == [[len(test)]] * len(
        places
    )


def test_bytes_that_are_no_utf8_do_no_harm():
    raw = b"one two\xff three \xed\xa0\x80 four \0 one\0two three four"
    offsets = pa.py_buffer(np.array([0, len(raw)], np.int64))
    texts = pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(raw))
    batch, _ = contamination(index_of("one two three four"), texts)
    assert [(hit["start"], hit["end"]) for hit in batch["hits"][0].as_py()] == [(26, 44)]


def test_a_lone_surrogate_in_a_benchmark_is_a_separator():
    assert found(index_of("one \ud800 two three"), "one two three") == [("item/0", "one two three", 3)]
