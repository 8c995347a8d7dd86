import json
from decimal import Decimal

import pytest

from validate.answers import final_number, read


def written(tmp_path, *rows):
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("He has 3 + 4 = 7.\n#### 7", "7"),
        ("#### 1,234", "1234"),
        ("so it is $18.50 in all", "18.50"),
        (r"first 3, so \boxed{42}, of 50", "42"),
        ("-5 degrees", "-5"),
        ("none", None),
        ("5 and #### none", None),
    ],
)
def test_the_final_number_is_found(text, number):
    assert final_number(text) == (None if number is None else Decimal(number))


def test_an_answer_matches_by_value_not_by_spelling(tmp_path):
    (question,) = read(written(tmp_path, {"question": "?", "answer": "2 * 9 = 18\n#### 18"}))
    assert question.matches("The answer is 18.00")
    assert not question.matches("18 and then 19")


def test_choices_are_read_with_the_right_one(tmp_path):
    (question,) = read(written(tmp_path, {"question": "?", "choices": ["a", "b"], "answer": 1}))
    assert (question.choices, question.right) == (("a", "b"), 1)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"question": "?"}, r"line 1 has \['question'\]"),
        ({"question": "?", "choices": ["a"], "answer": 1}, "no index into 1 choices"),
        ({"question": "?", "answer": "none"}, "holds no number"),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path, row, told):
    with pytest.raises(ValueError, match=told):
        read(written(tmp_path, row))
