"""GitHub's REST interface: the repositories of an organisation, those created in a period, or those of a list.

Comes in: a question. Goes out: candidates. Politeness is the fetcher's. A search gives at most 1,000 answers, so a
period with more is halved until it has fewer; one second with more than that loses the rest, and is counted.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from corpus.http import Fetcher, RefusedError

API: Final = "https://api.github.com"
_SEARCH_LIMIT: Final = 1_000
_PER_PAGE: Final = 100
_HEADERS: Final = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


def of_organisation(web: Fetcher, api: str, name: str) -> Iterator[dict[str, Any]]:
    """Its public repositories, as rows of CANDIDATES."""
    page = 1
    while True:
        url = f"{api.rstrip('/')}/orgs/{quote(name, safe='')}/repos?type=public&per_page={_PER_PAGE}&page={page}"
        found = _json(web, url)
        yield from (_row(item) for item in found)
        if len(found) < _PER_PAGE:
            return
        page += 1


def created_between(
    web: Fetcher, api: str, query: str, first: int, last: int, counts: dict[str, int]
) -> Iterator[dict[str, Any]]:
    """Those that match the query (`stars:>=10 language:rust`) and were created from `first` to `last`, both inside."""
    times = "..".join(f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}" for second in (first, last))
    question = quote(f"{query} created:{times}".strip(), safe="")
    url = f"{api.rstrip('/')}/search/repositories?q={question}&sort=updated&per_page={_PER_PAGE}"
    answer = _json(web, f"{url}&page=1")
    total = int(answer["total_count"])
    if (total > _SEARCH_LIMIT or answer.get("incomplete_results")) and first < last:
        middle = (first + last) // 2
        yield from created_between(web, api, query, first, middle, counts)
        yield from created_between(web, api, query, middle + 1, last, counts)
        return
    counts["lost"] = counts.get("lost", 0) + max(0, total - _SEARCH_LIMIT)
    pages = -(-min(total, _SEARCH_LIMIT) // _PER_PAGE)
    for page in range(1, pages + 1):
        found = answer if page == 1 else _json(web, f"{url}&page={page}")
        yield from (_row(item) for item in found["items"])


def of_names(web: Fetcher, api: str, names: Sequence[str], counts: dict[str, int]) -> Iterator[dict[str, Any]]:
    """What is known of each, under its present name; one that cannot be had is counted by reason. A request each."""
    for name in names:
        try:
            yield _row(_json(web, f"{api.rstrip('/')}/repos/{quote(name)}"))
        except RefusedError as error:
            counts[error.reason] = counts.get(error.reason, 0) + 1


def _json(web: Fetcher, url: str) -> Any:
    page = web.page(url, headers=_HEADERS)
    try:
        return json.loads(page.data)
    except ValueError as error:
        raise RefusedError("bad_protocol", f"{url} gave no JSON") from error


def _row(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": item["full_name"],
        "created": int(datetime.fromisoformat(item["created_at"]).timestamp()),
        "stars": item["stargazers_count"],
        "forks": item["forks_count"],
        "fork": item["fork"],
    }
