import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.commented import commented_characters
from filters.path_comments import SYNTAX


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("", "Python", ""),
        ("# a\nx = 1  # not a whole line\n", "Python", "# a"),
        ('def f():\n    """Why."""\n', "Python", '    """Why."""'.strip()),
        ('x = """open', "Python", ""),
        ('"""\n# x\n"""', "Python", '"""\n# x\n"""'),
        ("// a\nint x; /* b\nc */\n", "C", "// a/* b\nc */"),
        ("/* // a */\n// b", "C", "/* // a */// b"),
        ("-- a\nx {- b -}\n", "Haskell", "-- a{- b -}"),
        ("<p><!-- a --></p>", "HTML", "<!-- a -->"),
        ("a /* b", "CSS", ""),
        ("(* a *) let", "OCaml", "(* a *)"),
        ("=begin\nx\n=end\n# y", "Ruby", "=begin\nx\n=end# y"),
        ('{"#": 1}', "JSON", ""),
        ("# a", None, ""),
    ],
)  # fmt: skip
def test_comments_are_counted_by_the_languages_marks(text, language, found):
    assert commented_characters(text, language) == len(found)


@given(st.text(alphabet="#/*-{}()<!\"' \nab"), st.sampled_from(sorted(SYNTAX)))
def test_no_more_is_comment_than_there_is(text, language):
    assert 0 <= commented_characters(text, language) <= len(text)


def test_a_file_of_opening_marks_takes_one_pass():
    assert commented_characters("/* " * 500_000, "C") == 0
