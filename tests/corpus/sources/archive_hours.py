"""GH Archive's files for tests: events written as the archive writes them."""

import gzip
import json


def user(name, kind="User"):
    return {"login": name, "type": kind}


def issue(number, author, title="Title", body="Body", created="2023-10-01T00:10:00Z", **more):
    return {"number": number, "title": title, "body": body, "user": author, "created_at": created, **more}


def opened(repo, what):
    event = {"id": "1", "type": "IssuesEvent", "actor": {}, "repo": {"id": 1, "name": repo}}
    return {**event, "payload": {"action": "opened", "issue": what}, "created_at": what["created_at"]}


def commented(repo, what, comment, author, body, created="2023-10-01T01:00:00Z"):
    event = {"id": "2", "type": "IssueCommentEvent", "repo": {"id": 1, "name": repo}}
    written = {"id": comment, "user": author, "body": body, "created_at": created}
    return {**event, "payload": {"action": "created", "issue": what, "comment": written}, "created_at": created}


def closed(repo, what, number, created="2023-10-01T01:00:00Z", action="closed"):
    event = {"id": str(number), "type": "IssuesEvent", "actor": {"login": "someone"}, "repo": {"id": 1, "name": repo}}
    return {**event, "payload": {"action": action, "issue": what}, "created_at": created}


def discussed(repo, what):
    """As GitHub's documentation gives it: what was done, and the discussion."""
    event = {"id": "4", "type": "DiscussionEvent", "actor": {}, "repo": {"id": 1, "name": repo}}
    return {**event, "payload": {"action": "created", "discussion": what}, "created_at": what["created_at"]}


def event(kind, repo, payload, created="2023-10-01T00:00:00Z"):
    return {"id": "3", "type": kind, "repo": {"name": repo}, "payload": payload, "created_at": created}


def packed(events):
    lines = (e if isinstance(e, bytes) else json.dumps(e, separators=(",", ":")).encode() for e in events)
    return gzip.compress(b"".join(line + b"\n" for line in lines))


def write(folder, hour, events):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{hour}.json.gz").write_bytes(packed(events))
