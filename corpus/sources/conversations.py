"""Comments to conversations, by the rules of StarCoder and StarCoder2; pure.

Comes in: the comments of one issue, oldest first. Goes out: one text with its people, or why it is none. Quoted e-mail
and its boilerplate go, long comments lose their middle, bots' comments are left out. A comment begins with "@name:", so
that `scrub` finds every name, however short. This file refuses to know events and files.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# The lists of BigCode's filter for StarCoder (github.com/bigcode-project/bigcode-dataset at 0812614, file
# preprocessing/utils/utils_issues.py), in lower case; accounts of which the service itself says "Bot" come on top.
BOT_PARTS: Final = ("[bot]", "botmanager", "bors-", "jenkins", "k8s-", "-test-", "travis")
BOT_ENDINGS: Final = (
    *("bot", "-automaton", "-automation", "-benchmark", "-build", "-ci", "-cloud", "-deployer", "-linter"),
    *("-service-account", "-teamcity", "-test", "-testing"),
)
BOT_NAMES: Final = (
    *("apache-hbase", "autorestci", "claassistant", "claassistantio", "cmsbuild", "codecov-commenter", "codecov-io"),
    *("coveralls", "danger-public", "dnfclas", "karma-pr-reporter", "msftclas", "probot-stale", "pydocteur", "sparkqa"),
)
# What a mail program puts before the text it quotes; everything from there on is somebody else's.
_QUOTED: Final = re.compile(
    r"^(?:On (?=.*(?:\d:\d\d|\b20\d\d)).{5,200}?(?:\n.{0,120})?\bwrote:|-{3,} ?Original Message ?-{3,}"
    r"|From: .*<notifications@github\.com>.*|From: .*\nSent: .*"
    r"|\d+/\d+/\d+,? \d\d?:\d\d(?::\d\d)? [AP]M.{0,120}wrote:"
    r"|Le .{5,120} a écrit :|Am .{5,120} schrieb .{1,120}:)[ \t]*$",
    re.M,
)
_BOILERPLATE: Final = re.compile(
    r"^[> \t]*(?:[—–-]{1,3}[ \t]*\n[> \t]*)?(?:Reply to this email directly|You are receiving this because"
    r"|Sent from my |Get Outlook for |Signed-off-by: [^<\n]{1,200}<[^>\n]{1,200}>|_{20,}[ \t]*$).*\n?",
    re.M,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Which conversations are taken; the defaults are BigCode's."""

    min_chars: int = 200
    max_lines: int = 80  # of a comment; a longer one keeps its beginning and its last `keep_last`
    keep_last: int = 20
    max_alone_chars: int = 7_000  # of a conversation of one person with himself
    max_alone_events: int = 10  # its opening, comments, and that it was closed or opened again
    bot_parts: tuple[str, ...] = BOT_PARTS  # of a name, in lower case
    bot_endings: tuple[str, ...] = BOT_ENDINGS
    bot_names: tuple[str, ...] = BOT_NAMES

    def __post_init__(self) -> None:
        if not 0 <= self.keep_last < self.max_lines or min(self.min_chars, self.max_alone_events) < 1:
            raise ValueError(f"Rules: keep_last must be below max_lines, the others at least 1: {self}")


@dataclass(frozen=True, slots=True)
class Comment:
    """What one person wrote; `bot` is what the service says of the account."""

    author: str
    text: str
    bot: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """A text with its people, or a reason."""

    text: str = ""
    people: tuple[str, ...] = ()
    refused: str | None = None


def is_bot(name: str, rules: Rules) -> bool:
    """Whether an account is named like a machine's."""
    low = name.lower()
    return low in rules.bot_names or low.endswith(rules.bot_endings) or any(part in low for part in rules.bot_parts)


def conversation(title: str, comments: Sequence[Comment], rules: Rules, acts: int = 0) -> Conversation:
    """The whole; the first comment opens it. `acts`: events without a text, such as closing it."""
    said = _of_people(comments, rules)
    if not said or said[0] is not comments[0]:
        return Conversation(refused="bot")
    texts = [(c.author, shortened(without_mail(c.text), rules)) for c in said]
    texts = [(author, text) for author, text in texts if text]
    n_chars = len(title) + sum(len(text) for _, text in texts)
    if n_chars < rules.min_chars:
        return Conversation(refused="too_short")
    people = tuple(sorted({author for author, _ in texts}))
    if len(people) < 2 and (n_chars > rules.max_alone_chars or len(texts) + acts > rules.max_alone_events):
        return Conversation(refused="one_sided")
    parts = [f"# {title.strip()}", *(f"@{author}:\n{text}" for author, text in texts)]
    return Conversation("\n\n".join(parts) + "\n", people)


def _of_people(comments: Sequence[Comment], rules: Rules) -> list[Comment]:
    """Comments of people, but for those that only call the bot which answers next."""
    kept: list[Comment] = []
    for number, comment in enumerate(comments):
        if not comment.bot and not is_bot(comment.author, rules):
            kept.append(comment)
        elif number > 1 and kept and kept[-1] is comments[number - 1] and _calls(kept[-1].text, comment.author):
            kept.pop()
    return kept


def _calls(text: str, bot: str) -> bool:
    return text.startswith("/") or bot.removesuffix("[bot]") in text


def without_mail(text: str) -> str:
    """What the author wrote: without quoted mail at the end and the lines that services add."""
    text = text.replace("\r\n", "\n").replace("\0", "")
    quoted = _QUOTED.search(text)
    return _BOILERPLATE.sub("", text[: quoted.start()] if quoted else text).strip()


def shortened(text: str, rules: Rules) -> str:
    """A long comment without its middle, mostly logs."""
    lines = text.split("\n")
    if len(lines) <= rules.max_lines:
        return text
    first = rules.max_lines - rules.keep_last
    last = lines[len(lines) - rules.keep_last :]
    return "\n".join([*lines[:first], "[...]", *last])
