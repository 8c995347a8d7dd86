"""git's smart protocol, version 2, over the polite fetcher: the default branch, and packs of chosen objects.

Comes in: the URL of a repository. Goes out: the commit behind HEAD, or a pack: commits alone (`tree:0`), one commit
with its trees (`blob:none`) or with its files up to a size (`blob:limit`), as far as the server filters. Nothing is
negotiated: every pack is complete in itself and is kept in the fetcher's cache under what was asked for.
Written here and not left to `git clone`, because then retries, rate limits, allowed addresses, the cache and the limit
of size are the fetcher's, and no configuration, hook, redirect or transport helper of git exists to take effect.
Protocol: git's own documents gitprotocol-v2 and gitprotocol-http.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from corpus.http import Fetcher, RefusedError

_VERSION: Final = {"Git-Protocol": "version=2"}
_POST: Final = {
    **_VERSION,
    "Content-Type": "application/x-git-upload-pack-request",
    "Accept": "application/x-git-upload-pack-result",
}
_FLUSH, _DELIMITER, _RESPONSE_END = b"0000", b"0001", b"0002"
_AGENT: Final = b"agent=coder-corpus\n"
_HEAD: Final = re.compile(rb"([0-9a-f]{40}) HEAD(?: .*)?\n?")
_REFS: Final = b"/info/refs?service=git-upload-pack"


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository that answered: where it is after redirects, and what its server can do."""

    url: str
    filters: bool
    shallow: bool


def remote(web: Fetcher, url: str) -> Remote:
    """Ask the server what it can do. The answer holds no refs, so it may come from the cache."""
    page = web.page(url.rstrip("/") + _REFS.decode(), headers=_VERSION)
    said = [packet.strip() for packet in packets(io.BytesIO(page.data)) if packet is not None]
    lines = {line.partition(b"=")[0]: line.partition(b"=")[2].split() for line in said}
    if b"version 2" not in lines or b"fetch" not in lines:
        raise RefusedError("no_protocol_2", f"{url} does not speak version 2 of git's smart protocol")
    if lines.get(b"object-format", [b"sha1"]) != [b"sha1"]:
        raise RefusedError("not_sha1", f"{url} names its objects by {lines[b'object-format']}")
    base = page.url.removesuffix(_REFS.decode())
    return Remote(base, filters=b"filter" in lines[b"fetch"], shallow=b"shallow" in lines[b"fetch"])


def head(web: Fetcher, at: Remote) -> bytes | None:
    """Commit behind HEAD; None in a repository without commits. Never from the cache: this is what changes."""
    command = [_line(b"command=ls-refs\n"), _line(_AGENT), _DELIMITER, _line(b"ref-prefix HEAD\n"), _FLUSH]
    with web.open(f"{at.url}/git-upload-pack", body=b"".join(command), headers=_POST, cached=False) as answer:
        for packet in packets(answer):
            found = None if packet is None else _HEAD.fullmatch(packet)
            if found:
                return found[1]
    return None


def pack(web: Fetcher, at: Remote, commit: bytes, keep: str, alone: bool, sink: IO[bytes]) -> None:
    """The pack of this commit, filtered by `keep`, `alone` or with its history, into the sink."""
    options = [b"no-progress\n", b"ofs-delta\n"]
    options += [f"filter {keep}\n".encode()] if at.filters else []
    options += [b"deepen 1\n"] if alone and at.shallow else []
    lines = [*options, b"want " + commit + b"\n", b"done\n"]
    command = [_line(b"command=fetch\n"), _line(_AGENT), _DELIMITER, *map(_line, lines), _FLUSH]
    with web.open(f"{at.url}/git-upload-pack", body=b"".join(command), headers=_POST) as answer:
        inside = False
        for packet in packets(answer):
            if packet is None:
                continue
            if not inside:
                if packet.startswith(b"ERR "):
                    raise _broken(at, packet[4:])
                inside = packet == b"packfile\n"
            elif packet[:1] == b"\x01":
                sink.write(packet[1:])
            elif packet[:1] == b"\x03":
                raise _broken(at, packet[1:])
        if not inside:
            raise _broken(at, b"the answer holds no pack")


def packets(answer: IO[bytes]) -> Iterator[bytes | None]:
    """Payloads of the pkt-lines; None for flush and delimiter. Raises RefusedError where a line is cut or no line."""
    while size := answer.read(4):
        if size in (_FLUSH, _DELIMITER, _RESPONSE_END):
            yield None
            continue
        try:
            length = int(size, 16) - 4
        except ValueError as error:
            raise RefusedError("bad_protocol", f"{size!r} is no length of a git packet") from error
        payload = answer.read(max(length, 0))
        if length < 0 or len(payload) < length:
            raise RefusedError("bad_protocol", "a git packet ends early")
        yield payload


def _line(payload: bytes) -> bytes:
    return b"%04x" % (len(payload) + 4) + payload


def _broken(at: Remote, said: bytes) -> RefusedError:
    return RefusedError("bad_protocol", f"{at.url}: {said.strip().decode('utf-8', 'replace')}")
