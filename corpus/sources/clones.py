"""Bare clones of git URLs in a cache folder.

Comes in: a URL and a folder. Goes out: the folder of a bare clone, made once and visible in one step, or None where the
repository is gone or cannot be had. Nothing of the user's or the server's configuration takes effect: no system or user
settings, no hooks, no templates, no credential helper, no prompt, no redirect, and no protocol but https and file.
"""

import base64
import os
import shutil
import subprocess
import sys
import time
from hashlib import blake2b
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

_PROTOCOLS: Final = ("https", "file")
_ATTEMPTS: Final = 3
_TIMEOUT: Final = 3600  # seconds for one clone
_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "credential.helper=",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",  # bytes a second, over a minute: a server that stalls costs its own repository only
    "http.lowSpeedTime=60",
    "transfer.fsckObjects=false",  # old repositories with small faults are data; the reader checks what it needs
)
_CLONE: Final = ("clone", "--bare", "--quiet", "--single-branch", "--no-tags", "--template=", "--no-local")
_GONE: Final = (
    "not found",
    "does not exist",
    "does not appear to be a git repository",
    "Authentication failed",
    "could not read Username",
)


def repository_name(root: str) -> str:
    """Name of a repository: owner/name on GitHub, host/path elsewhere, the last two folders of a file URL."""
    parts = urlsplit(root)
    if parts.scheme not in _PROTOCOLS:
        return root
    path = parts.path.strip("/").removesuffix(".git")
    if parts.scheme == "file":
        return "/".join(path.split("/")[-2:])
    return path if parts.hostname == "github.com" else f"{parts.hostname}/{path}"


def cloned(url: str, cache: str, token: str | None) -> str | None:
    """The bare clone of `url`, from the cache or fetched now; None where there is none to be had."""
    if urlsplit(url).scheme not in _PROTOCOLS:
        raise ValueError(f"{url!r} is not cloned: only {' and '.join(_PROTOCOLS)} URLs are")
    folder = os.path.join(cache, f"{blake2b(url.encode(), digest_size=16).hexdigest()}.git")
    for attempt in range(_ATTEMPTS):
        if os.path.isdir(folder):
            return folder
        partial = f"{folder}.{uuid4().hex}.partial"
        os.makedirs(cache, exist_ok=True)
        try:
            said = _clone(url, partial, token)
            if not said and not os.path.isdir(folder):
                os.rename(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        if any(sign in said for sign in _GONE):
            return None
        if said:
            print(f"git clone {url}: {said.strip().splitlines()[-1]}", file=sys.stderr)
            time.sleep(2**attempt)
    return folder if os.path.isdir(folder) else None


def _clone(url: str, target: str, token: str | None) -> str:
    """Run git; empty when it succeeded, else what it said."""
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    try:
        done = subprocess.run(
            ["git", *settings, *_CLONE, "--", url, target],
            env=environment(url, token),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {_TIMEOUT} s"
    return "" if done.returncode == 0 else done.stderr.decode("utf-8", "replace") or f"status {done.returncode}"


def environment(url: str, token: str | None) -> dict[str, str]:
    """A clean environment; the token travels in it, because other users can read a command line."""
    kept = ("PATH", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env |= {
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": ":".join(_PROTOCOLS),
    }
    host = urlsplit(url)
    if token and host.scheme == "https" and host.hostname == "github.com":
        secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        header = ("http.https://github.com/.extraHeader", f"Authorization: Basic {secret}")
        env |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": header[0], "GIT_CONFIG_VALUE_0": header[1]}
    return env
