"""StarCoder's rules for issues."""

import pytest

from corpus.sources.conversations import Comment, Rules, conversation, is_bot, shortened, without_mail

RULES = Rules(min_chars=20, max_lines=5, keep_last=2, max_alone_chars=50, max_alone_events=2)


def said(author, text, bot=False):
    return Comment(author, text, bot)


@pytest.mark.parametrize(
    ("comments", "refused"),
    [
        ([("a", "x" * 19)], "too_short"),
        ([("a", "x" * 20)], None),
        ([("a", "x" * 50)], None),
        ([("a", "x" * 51)], "one_sided"),
        ([("a", "x" * 51), ("b", "y")], None),
        ([("a", "x" * 12)] * 2, None),
        ([("a", "x" * 12)] * 3, "one_sided"),
        ([("a", "x" * 51), ("ci-bot", "y")], "one_sided"),
        ([("a-bot", "x" * 30), ("b", "y")], "bot"),
    ],
)
def test_short_and_one_sided_ones_are_refused(comments, refused):
    assert conversation("", [said(*comment) for comment in comments], RULES).refused == refused


@pytest.mark.parametrize(("acts", "refused"), [(1, None), (2, "one_sided")])
def test_closing_it_is_an_event_of_a_conversation_with_oneself(acts, refused):
    assert conversation("", [said("a", "x" * 20)], RULES, acts=acts).refused == refused
    assert conversation("", [said("a", "x" * 20), said("b", "y")], RULES, acts=acts).refused is None


@pytest.mark.parametrize(
    ("call", "stays"), [("/retest", False), ("@my-ci please", False), ("is it /retest?", True), ("no", True)]
)
def test_a_comment_that_only_calls_a_bot_goes_with_its_answer(call, stays):
    made = conversation("T", [said("a", "x" * 30), said("b", call), said("my-ci", "done")], RULES)
    assert (call in made.text) is stays


def test_an_opening_stays_though_a_bot_answers_it():
    assert conversation("T", [said("a", "/retest" + "x" * 30), said("my-ci", "done")], RULES).refused is None


def test_comments_of_bots_are_left_out():
    made = conversation("T", [said("a", "x" * 30), said("b", "bot", bot=True), said("c", "yes")], RULES)
    assert made.text == f"# T\n\n@a:\n{'x' * 30}\n\n@c:\nyes\n" and made.people == ("a", "c")


@pytest.mark.parametrize(
    ("name", "bot"),
    [
        ("dependabot[bot]", True),
        ("K8s-ci-robot", True),
        ("my-ci", True),
        ("CLAassistant", True),
        ("abbot-smith", False),
        ("ann", False),
    ],
)
def test_bots_are_told_by_their_names(name, bot):
    assert is_bot(name, RULES) is bot


@pytest.mark.parametrize(("lines", "kept"), [(5, "0 1 2 3 4"), (6, "0 1 2 [...] 4 5")])
def test_a_long_comment_keeps_its_beginning_and_its_end(lines, kept):
    assert shortened("\n".join(map(str, range(lines))), RULES).split("\n") == kept.split()


@pytest.mark.parametrize(
    ("mail", "text"),
    [
        ("Yes.\r\n\r\nOn Mon, Oct 2, 2023 at 10:00 AM ann <notifications@github.com>\r\nwrote:\r\n\r\n> No.", "Yes."),
        ("Yes.\n\n-----Original Message-----\nFrom: ann\n\nNo.", "Yes."),
        ("Yes.\n\n—\nReply to this email directly or view it on GitHub\n<https://x>.", "Yes.\n\n<https://x>."),
        ("On Mondays I wrote:\n\n> a quotation is fine", "On Mondays I wrote:\n\n> a quotation is fine"),
        ("Yes.\n\n10/2/2023 10:00 AM, ann wrote:\n\n> No.", "Yes."),
        ("Yes.\n\nFrom: ann <notifications@github.com>\nTo: me\n\nNo.", "Yes."),
        ("Yes.\n____________________\nSigned-off-by: Ann <a@b.c>\nNo.", "Yes.\nNo."),
        ("a\n> b", "a\n> b"),
    ],
)
def test_quoted_mail_goes(mail, text):
    assert without_mail(mail) == text
