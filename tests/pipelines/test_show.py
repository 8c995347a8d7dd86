import pytest

from pipelines import show
from pipelines.show import Asked, shown

ROW = {
    "id": bytes(16), "source": "repos", "kind": "file", "repo": "x/one", "path": "a.py", "url": None,
    "encoding": "utf-8",
    "language": "Python", "how": "name", "license": "MIT", "domain": "code", "subdomain": "source", "failed": [],
    "edits": [{"start": 8, "end": 18, "kind": "email"}], "survives": True, "reason": None,
}  # fmt: skip
TEXT = b"# mail: jo@firm.de\n" + "größer\n".encode() * 9
GONE = {**ROW, "survives": False, "reason": "n_chars", "failed": ["n_chars", "xml_header"]}


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        (Asked(), [ROW]), (Asked(fate="dropped"), [GONE]), (Asked(fate="all"), [ROW, GONE]),
        (Asked(fate="dropped", reason="xml_header"), [GONE]), (Asked(fate="dropped", reason="held_out"), []),
        (Asked(domain="code/source"), [ROW]), (Asked(domain="code"), [ROW]), (Asked(domain="math"), []),
        (Asked(language="Python"), [ROW]), (Asked(language="C"), []),
        (Asked(source="repos"), [ROW]), (Asked(source="x"), []),
    ],
)  # fmt: skip
def test_only_what_is_asked_for_is_drawn_from(asked, rows):
    assert [row for row in (ROW, GONE) if asked.takes(row)] == rows


def test_a_document_without_edits_is_no_example_of_them():
    assert Asked(edited=True).takes(ROW) and not Asked(edited=True).takes({**ROW, "edits": []})


def test_a_text_is_shown_as_training_sees_it():
    head, decided, text = shown(ROW, TEXT, edited=False, chars=30)
    assert head == f"=== x/one/a.py  [{'0' * 32}]"
    assert decided.strip().startswith("kept · code/source · Python by name · MIT · utf-8 · 100 bytes · 1 edits")
    assert text == "# mail: <email>\ngrößer\ngrößer\n […]"


def test_an_edit_is_shown_as_it_stood():
    assert (
        list(shown(ROW, TEXT, edited=True, chars=30))[2]
        == "    email: # mail:  >>>jo@firm.de<<< \\ngrößer\\ngrößer\\ngrößer\\ngr"
    )


def test_of_a_dropped_document_every_reason_is_told_once():
    assert "dropped: n_chars, xml_header ·" in list(shown({**GONE, "edits": []}, TEXT, edited=False, chars=9))[1]


def test_the_command_draws_the_same_documents_again_and_names_their_reason(base, capsys):
    arguments = ["--recipe", "small", "--root", str(base), "--reason", "no_domain", "--documents", "3"]
    assert show.main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.count("===") == printed.count("dropped: no_domain") == 3
    assert show.main(arguments) == 0 and capsys.readouterr().out == printed
    assert show.main([*arguments, "--seed", "1"]) == 0 and capsys.readouterr().out != printed


def test_what_is_not_there_is_status_1_and_a_wrong_number_2(base, capsys):
    arguments = ["--recipe", "small", "--root", str(base)]
    assert show.main([*arguments, "--language", "COBOL"]) == 1
    assert show.main([*arguments, "--documents", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err
