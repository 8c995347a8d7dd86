"""WARC records for tests, written byte by byte."""

import gzip


def record(
    url, body, *, status="200 OK", media="text/html; charset=utf-8", http="", date="2023-05-01T00:00:00Z", **more
):
    """One response record, compressed by itself; `more` are WARC headers with _ for -, or `kind`."""
    kind = more.pop("kind", "response")
    content = f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\n{http}\r\n".encode() + body
    headers = "".join(f"WARC-{name.replace('_', '-')}: {value}\r\n" for name, value in more.items())
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}\r\n{headers}"
        f"WARC-Record-ID: <urn:uuid:1>\r\nContent-Type: application/http; msgtype={kind}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + content + b"\r\n\r\n", mtime=0)
