"""The natural language of prose and comments."""

import pytest

from corpus.natural import comments, identify

PROSE = {
    "en": "This function returns the number of elements in the list and raises an error where there are none.",
    "fr": "Bonjour tout le monde, ceci est un texte écrit en français pour vérifier la langue.",
    "de": "Dies ist ein deutscher Satz, damit die Sprache erkannt wird.\nUnd noch eine Zeile.",
    "zh": "这个函数返回列表中的元素数量，如果列表为空则抛出错误。请不要在循环中调用它。",
    "ru": "Эта функция возвращает количество элементов списка.",
}


@pytest.mark.parametrize("code", PROSE)
def test_sentences_are_recognized(code):
    assert identify(PROSE[code].encode()) == code


@pytest.mark.parametrize("text", [b"", b"ok", b"1234567890 " * 20, b"\xff\xfe" * 50, b"\n" * 100, b"= - + * /" * 30])
def test_too_few_letters_say_nothing(text):
    assert identify(text) is None


def test_newlines_are_no_error():
    assert identify(PROSE["en"].replace(" ", "\n").encode()) == "en"


@pytest.mark.parametrize(
    ("language", "code", "expected"),
    [
        ("C", "int a; // one\n/* two */", b" one\n two "),
        ("Python", "#!/bin/x\n# one\nx = 1\n", b" one"),
        ("SQL", "-- one\nselect 1", b" one"),
        ("TeX", "% one\nx", b" one"),
        ("HTML", "<p>x</p><!-- one -->", b" one "),
        ("Brainfuck", "+ one", b""),
    ],
)
def test_comments_are_found_in_each_family(language, code, expected):
    assert comments(code.encode(), language) == expected
