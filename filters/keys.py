"""Keys, tokens and passwords in a text: detect-secrets' detectors on the few windows where one could be.

Comes in: a text's bytes and the positions of `filters.anchors`. Goes out: byte spans. The detectors are the library's
own (1.5.0), run on a window around each position instead of on every line. Left out, as BigCode left it out for its
false hits: KeywordDetector; and IPPublicDetector, which `filters.addresses` replaces. What a detector names stays where
it is an example, a placeholder, a digest or not random; `DOUBTS` says which words speak against it. Refuses to verify
a key by asking its issuer.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

BEFORE: Final = 256  # bytes of the line that a window shows before the position,
AFTER: Final = 2048  # and after it: a JWT of three parts is rarely longer

Positions = npt.NDArray[np.int64]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Detector(NamedTuple):
    """A class of the library, and which part of its match is the secret."""

    module: str
    name: str
    part: str = "match"  # or "group": the match's first group that is not empty; or "entropy"


DETECTORS: Final = (
    Detector("artifactory", "ArtifactoryDetector"),
    Detector("aws", "AWSKeyDetector", "group"),
    Detector("azure_storage_key", "AzureStorageKeyDetector"),
    Detector("basic_auth", "BasicAuthDetector", "group"),
    Detector("cloudant", "CloudantDetector", "group"),
    Detector("discord", "DiscordBotTokenDetector"),
    Detector("github_token", "GitHubTokenDetector"),
    Detector("gitlab_token", "GitLabTokenDetector"),
    Detector("ibm_cloud_iam", "IbmCloudIamDetector", "group"),
    Detector("ibm_cos_hmac", "IbmCosHmacDetector", "group"),
    Detector("jwt", "JwtTokenDetector"),
    Detector("mailchimp", "MailchimpDetector"),
    Detector("npm", "NpmDetector", "group"),
    Detector("openai", "OpenAIDetector"),
    Detector("pypi_token", "PypiTokenDetector"),
    Detector("sendgrid", "SendGridDetector"),
    Detector("slack", "SlackDetector"),
    Detector("softlayer", "SoftlayerDetector", "group"),
    Detector("square_oauth", "SquareOAuthDetector"),
    Detector("stripe", "StripeDetector"),
    Detector("telegram_token", "TelegramBotTokenDetector"),
    Detector("twilio", "TwilioKeyDetector"),
    Detector("high_entropy_strings", "Base64HighEntropyString", "entropy"),
    Detector("high_entropy_strings", "HexHighEntropyString", "entropy"),
)

# Not a key: the value itself says so. An alphabet or a counting sequence is somebody's example too.
_PLACEHOLDER: Final = re.compile(
    r"example|sample|placeholder|change.?me|your[-_a-z]|dummy|fake|xxxx|\*\*\*|\.\.\.|abcdef|bcdefg|12345678|01234567"
    r"|deadbeef|insert|replace|redacted|foobar|lorem|(.)\1{5}|(..+)\2{3}",
    re.I,
)
_PASSWORDS: Final = _words("""
    pass passwd password pwd passw0rd secret user username token guest admin root postgres mysql mongo redis
    rabbitmq test testing foo bar baz foobar qwerty 123456 hunter2 login x xx xxx pw p a b key apikey api_key
""")
_PASSWORD_WORD: Final = re.compile(r"pass|pwd|secret|token|user|repo", re.I)
_TEMPLATE: Final = re.compile(r"^[$%{<\[(#]|[{}<>|]|\$\(|%[sdr(]|\*\*")
_LOCAL_HOST: Final = re.compile(
    r"@(?:localhost|127\.|0\.0\.0\.0|\[?::1|(?:[\w-]+\.)*example\.|host\b|hostname\b|server\b)"
)
# Words close before a random string that make it a digest, an identifier or a test vector; and those of a key.
DOUBTS: Final = re.compile(
    r"iVBORw0|R0lGOD|/9j/4AA|sha|md5|crc|hash|digest|checksum|commit|revision|\brev\b|\bref\b|integrity|uuid|guid|fingerprint|etag|vector|expect"
    r"|assert|alphabet|charset|base64|characters|pubkey|public.?key|certificate|thumbprint|nonce|image|png|jpe?g|svg|font|data:|\bid\b|_id\b|\boid\b",
    re.I,
)
_CREDENTIAL: Final = re.compile(
    r"(?:key|token|secret|passw|pwd|auth(?!or)|credential|private|bearer|api)\w*[\"'\]]{0,2}\s{0,8}(?:[:=]|=>)[^:=]{0,8}$",
    re.I,
)
# Names that end in a word of credentials and are none: a type of some cloud, an identifier of a key, the public numbers
# of a JSON Web Key; and NAME=digest where the quotes are around both.
_NO_CREDENTIAL: Final = re.compile(
    r"(?:::\w*|(?:key|token)_?id\w{0,8}|[\"'](?:x|y|n|e|kid|x5t|x5c|alg))[\"'\]]{0,2}\s{0,8}(?:[:=]|=>)[^:=]{0,8}$",
    re.I,
)
_DIGEST_INSIDE: Final = re.compile(r"(?:sha_?\d|md5|hash|digest|checksum)\w{0,8}=", re.I)
_LONGEST_NAMELESS: Final = 100  # characters: longer, and called nothing that tells, it is data
_CONTEXT: Final = 64  # characters before the value in which those words count
_LOCK_FILES: Final = _words("""
    Brewfile.lock.json Cartfile.resolved composer.lock Gemfile.lock Package.resolved package-lock.json
    Podfile.lock yarn.lock Pipfile.lock poetry.lock Cargo.lock packages.lock.json pnpm-lock.yaml go.sum
""")

_SIGNATURE: Final = re.compile(r"[A-Za-z0-9_-]*")
_PEM: Final = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END: Final = re.compile(rb"-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BYTES: Final = 16_384  # an RSA key of 16,384 bits has 12,700
_PEM_BODY: Final = re.compile(rb"[A-Za-z0-9+/=]{40}")
_PUTTY: Final = re.compile(rb"Private-Lines: \d{1,4}\r?\n(?:[A-Za-z0-9+/=]{1,80}\r?\n?){1,400}")
# Forms that their issuers document and the library does not know, each with a prefix of `filters.anchors`.
FORMS: Final = re.compile(
    rb"(?<![A-Za-z0-9_-])(?:github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}|npm_[A-Za-z0-9]{36}|AIza[\w-]{35}|GOCSPX-[\w-]{28}"
    rb"|do[opr]_v1_[0-9a-f]{64}|hvs\.[\w-]{24,200}|hf_[A-Za-z0-9]{34}|sk-ant-[a-z0-9]{3,8}-[\w-]{80,120}|dapi[0-9a-f]{32}"
    rb"|shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}|key-[0-9a-f]{32}|sq0atp-[\w-]{22}|ya29\.[\w-]{60,400}|lin_api_[A-Za-z0-9]{40}"
    rb"|rubygems_[0-9a-f]{48}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|NRAK-[A-Z0-9]{27}|dckr_pat_[\w-]{27}"
    rb"|glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|sbp_[0-9a-f]{40}|gsk_[A-Za-z0-9]{52}|xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}"
    rb"|ATATT3xFfGF0[\w=-]{60,300}|AGE-SECRET-KEY-1[0-9A-Z]{58}|AKCp[A-Za-z0-9]{69}"
    rb"|sk-(?:proj|svcacct|admin)-[\w-]{20,100}T3BlbkFJ[\w-]{20,100})(?![A-Za-z0-9])"
)
# What a name that speaks of a key is set to, quoted or not, and nothing behind it that would make it code.
_ASSIGNED: Final = re.compile(
    r"(?P<name>[\w.-]{0,40}(?:key|token|secret|passw(?:or)?d|passwd|pwd|auth|credential)s?(?:[_-]?base)?)[\"'\]]{0,2}\s{0,8}"
    r"(?:=>|:=|[:=])\s{0,4}(?:[\"'`](?P<quoted>[A-Za-z0-9+/=_-]{24,256})[\"'`]|(?P<bare>[A-Za-z0-9+/_-]{24,256}={0,2})(?=[\s,;&<]|$))",
    re.I,
)
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
_API_KEY: Final = re.compile(r"(?:api|access|auth|secret)[_-]?(?:key|token)$", re.I)
_HEX: Final = re.compile(r"[0-9a-f]+", re.I)
_NOT_SECRET_NAME: Final = re.compile(
    r"public|pub_?key|hash|digest|sha\d|md5|checksum|cache[_-]?key|site[_-]?key|fingerprint", re.I
)


def key_spans(
    text: bytes, positions: Positions, path: str, limits: tuple[int, int]
) -> tuple[list[tuple[int, int]], bool]:
    """Byte spans of the keys at the given positions of one text, ascending, possibly overlapping; and if all was read.

    `limits`: characters of a key, and bytes of windows. After so many the search ends, and from there to the text's end
    is one span.
    """
    spans: set[tuple[int, int]] = set()
    locked = path.rsplit("/", 1)[-1] in _LOCK_FILES  # nothing but digests in there
    max_chars, most = limits
    read = 0
    for start, end in windows(text, positions):
        if read > most:
            return sorted([*spans, (start, len(text))]), False
        read += end - start
        spans.update(block_spans(text, start, end))
        window = text[start:end].decode("utf-8", "replace")
        for low, high, detector in library_matches(window):
            if detector.name == "NpmDetector":  # it takes the rest of the line
                high = low + len(window[low:high].split(None, 1)[0].rstrip("\"',;"))
            if detector.name == "JwtTokenDetector":  # the library stops before the signature
                high = _SIGNATURE.match(window, high).end()  # type: ignore[union-attr]  # it matches the empty string
            if _is_key(window, low, high, detector, max_chars) and not (locked and detector.part == "entropy"):
                spans.add((start + _bytes(window[:low]), start + _bytes(window[:high])))
        for low, high in () if locked else assigned(window, max_chars):
            spans.add((start + _bytes(window[:low]), start + _bytes(window[:high])))
    return sorted(spans), True


def windows(text: bytes, positions: Positions) -> Iterator[tuple[int, int]]:
    """Byte ranges around ascending positions, inside their lines, in order, between characters; neighbours may overlap.

    A position inside a range is skipped by search: a line may hold millions.
    """
    at = 0
    while at < len(positions):
        first = int(positions[at])
        low = _between(text, max(text.rfind(b"\n", max(0, first - BEFORE), first) + 1, first - BEFORE, 0))
        high = _reach(text, first)
        while True:
            last = int(np.searchsorted(positions, high, "right")) - 1
            further, at = _reach(text, int(positions[last])), last + 1
            if further <= high:
                break
            high = further
        while low < high:  # a range that is long is cut, each piece with the beginning of the next
            cut = _between(text, min(low + 2 * AFTER, high))
            yield low, _between(text, min(cut + BEFORE, high))
            low = cut


def _reach(text: bytes, position: int) -> int:
    newline = text.find(b"\n", position, position + AFTER)
    return _between(text, min(len(text), position + AFTER)) if newline < 0 else newline


def _between(text: bytes, at: int) -> int:
    """The next place between two characters."""
    while at < len(text) and text[at] & 0xC0 == 0x80:
        at += 1
    return at


def library_matches(line: str) -> list[tuple[int, int, Detector]]:
    """What the library's detectors find in a line, as character spans."""
    found = []
    for detector, plugin in _plugins():
        if detector.part == "entropy":
            for match in plugin.regex.finditer(line):
                if plugin.calculate_shannon_entropy(match.group(2)) > plugin.entropy_limit:
                    found.append((*match.span(2), detector))
            continue
        named = set(plugin.analyze_string(line))
        for pattern in plugin.denylist if named else ():
            for match in pattern.finditer(line):
                group = next((i for i, value in enumerate(match.groups(), 1) if value), 0)
                if (match.group(group) if group else match.group()) in named:
                    found.append((*match.span(group if detector.part == "group" else 0), detector))
    return found


def block_spans(text: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Keys that the library only announces, or does not know: PEM and PuTTY blocks, tokens of documented forms."""
    spans = [
        match.span() for match in FORMS.finditer(text, start, end) if not _PLACEHOLDER.search(match.group().decode())
    ]
    putty = _PUTTY.search(text, start, end + _PEM_BYTES)
    spans += [putty.span()] if putty and putty.start() < end else []
    endless = 0  # no block ends before this byte, so a line of a thousand beginnings is not searched a thousand times
    for match in _PEM.finditer(text, start, end):
        close = _PEM_END.search(text, max(match.end(), endless), match.end() + _PEM_BYTES)
        endless = match.end() + _PEM_BYTES if close is None else endless
        if close and _PEM_BODY.search(text, match.end(), close.start()):
            spans.append((match.start(), close.end()))
    return spans


def assigned(line: str, max_chars: int) -> list[tuple[int, int]]:
    """Random values that names such as API_TOKEN are set to, as character spans."""
    found = []
    for match in _ASSIGNED.finditer(line):
        part = "quoted" if match["quoted"] else "bare"
        value, name = match[part], match["name"]
        if len(value) > max_chars or _NOT_SECRET_NAME.search(name) or _PLACEHOLDER.search(value):
            continue
        if line[: match.start()].endswith("::") or _DIGEST_INSIDE.search(value):
            continue
        if _UUID.fullmatch(value):
            likely = _API_KEY.search(name) is not None
        elif _HEX.fullmatch(value):
            likely = len(value) >= 32 and is_random(value)
        else:
            likely = len(set(value)) >= 12 and is_random(value)
        if likely:
            found.append(match.span(part))
    return found


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


@lru_cache(maxsize=1)
def _plugins() -> list[tuple[Detector, Any]]:
    """The library's detectors, made once a process; its import loads requests, so not before they are needed."""
    from importlib import import_module

    return [(row, getattr(import_module(f"detect_secrets.plugins.{row.module}"), row.name)()) for row in DETECTORS]


def _is_key(line: str, start: int, end: int, detector: Detector, max_chars: int) -> bool:
    """Whether what a detector found is more than an example, a placeholder or a digest."""
    from detect_secrets.filters import heuristic

    value, context = line[start:end], line[max(0, start - _CONTEXT) : start]
    if detector.name == "BasicAuthDetector":
        user = context.rsplit(":", 1)[0].rsplit("/", 1)[-1]
        return not (
            len(value) < 5
            or (len(value) < 8 and value.isalpha() and value.islower())
            or value.lower() in _PASSWORDS
            or _PASSWORD_WORD.search(value)
            or value == user
            or _TEMPLATE.search(value)
            or _PLACEHOLDER.search(value)
            or _LOCAL_HOST.match(line, end)
        )
    if _PLACEHOLDER.search(value) or heuristic.is_not_alphanumeric_string(value) or len(set(value)) < 6:
        return False
    if detector.part != "entropy":  # a form that only keys have, but some words have it too
        digits = any(map(str.isdigit, value))
        return digits and (is_random(value) or detector.name not in ("DiscordBotTokenDetector", "ArtifactoryDetector"))
    if len(value) > max_chars or heuristic.is_sequential_string(value) or heuristic.is_potential_uuid(value):
        return False
    if _NO_CREDENTIAL.search(context) or _DIGEST_INSIDE.search(value):
        return False
    if heuristic.is_likely_id_string(value, line) or DOUBTS.search(context) or DOUBTS.search(value[:8]):
        return False
    if detector.name == "HexHighEntropyString":  # as likely a digest, a colour table or a test vector
        return len(value) >= 16 and _CREDENTIAL.search(context) is not None
    if len(value) > _LONGEST_NAMELESS and not _CREDENTIAL.search(context):
        return False  # a model, a picture, a font
    words = [part for part in re.split(r"[/_+=-]", value) if len(part) > 3 and part.isalpha() and part[1:].islower()]
    return len(words) < 2 and is_random(value)


def is_random(value: str) -> bool:
    """Whether a string looks drawn by lot, by how often it changes between capitals, small letters, digits and signs.

    Random base64 changes at 65 of 100 places, random base36 at 40, identifiers and paths at fewer than 25.
    """
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" if c.islower() else "s" for c in value]
    changes = sum(a != b for a, b in pairwise(kinds))
    digit_runs = sum(b == "d" and a != "d" for a, b in pairwise(["s", *kinds]))
    return changes >= 0.35 * (len(value) - 1) and digit_runs >= max(1, len(value) // 16)
