import pytest

from filters.dependencies import BY_LANGUAGE
from filters.path_comments import SYNTAX, path_comment


@pytest.mark.parametrize(
    ("path", "language", "comment"),
    [
        ("a/utils.py", "Python", "# a/utils.py\n"),
        ("main.c", "C", "// main.c\n"),
        ("x.css", "CSS", "/* x.css */\n"),
        ("x.html", "HTML", "<!-- x.html -->\n"),
        ("x.php", "PHP", "<?php // x.php ?>\n"),
        ("x.json", "JSON", ""),
        ("README.md", None, ""),
        ("x", "no such language", ""),
        ("a\nb.py", "Python", "# a\ufffdb.py\n"),
        ("a*/b.css", "CSS", ""),
    ],
    ids=["hash", "slashes", "block", "markup", "php", "none", "text format", "unknown", "newline", "closing mark"],
)
def test_a_path_is_a_comment_of_its_language(path, language, comment):
    assert path_comment(path, language) == comment


def test_every_language_whose_imports_are_resolved_has_a_comment():
    assert set(BY_LANGUAGE) <= set(SYNTAX)


def test_every_syntax_gives_one_line_that_holds_the_path():
    for language in SYNTAX:
        comment = path_comment("src/über x.y", language)
        assert "src/über x.y" in comment
        assert comment.count("\n") == 1 and comment.endswith("\n")
        assert comment.isprintable() or comment[:-1].isprintable()
