from decimal import Decimal

import pytest

from validate.answers import final_number, question


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


def test_an_answer_matches_by_value_not_by_spelling():
    one = question({"question": "?", "answer": "2 * 9 = 18\n#### 18"}, "f:0")
    assert one.matches("The answer is 18.00")
    assert not one.matches("18 and then 19")


def test_choices_are_read_with_the_right_one():
    one = question({"question": "?", "choices": ["a", "b"], "answer": 1}, "f:0")
    assert (one.choices, one.right, one.solution) == (("a", "b"), 1, "b")


def test_a_question_is_named_by_its_id_else_by_its_place():
    assert question({"question": "?", "answer": "1", "id": "x7"}, "f:0").name == "x7"
    assert question({"question": "?", "answer": "1"}, "f:0").name == "f:0"


def test_worked_examples_stand_before_the_question():
    one, two = (question({"question": f"q{i}", "answer": f"so {i}"}, "f") for i in (1, 2))
    assert two.prompt([one]) == "Question: q1\nAnswer: so 1\n\nQuestion: q2\nAnswer:"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"question": "?"}, r"f:3 has \['question'\]"),
        ({"question": "?", "choices": ["a"], "answer": 1}, "no index into 1 choices"),
        ({"question": "?", "answer": "none"}, "holds no number"),
    ],
)
def test_a_line_of_another_form_is_named(row, told):
    with pytest.raises(ValueError, match=told):
        question(row, "f:3")
