"""GitHub's REST interface, on a server that counts and limits."""

import time
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from corpus.http import Fetcher, HttpConfig, RefusedError
from corpus.sources.github import created_between, of_organisation
from corpus.transport import FakeTransport, SocketTransport
from tests.corpus.sources.servers import Server

HTTP = HttpConfig(networks=("127.0.0.0/8",), first_wait=0.01, attempts=3)


def item(name, created="2023-10-01T00:00:00Z", stars=3):
    return {"full_name": name, "created_at": created, "stargazers_count": stars, "forks_count": 1, "fork": False}


def web(http=HTTP):
    return Fetcher(http, SocketTransport(http.networks))


def test_every_page_of_an_organisation_is_read_in_spite_of_limits(monkeypatch):
    items = [item(f"o/{n:03}") for n in range(150)]
    path = "/orgs/o/repos?type=public&per_page=100&page="
    pages = {f"{path}1": items[:100], f"{path}2": items[100:]}
    with Server(pages=pages) as server:
        soon = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()))}
        server.faults.extend([(403, soon), None, (429, {"Retry-After": "1"}), "cut", 502])
        http = HttpConfig(
            networks=("127.0.0.0/8",), first_wait=0.01, token_origins=(server.url,), token_variable="TOKEN"
        )
        monkeypatch.setenv("TOKEN", "secret")
        found = list(of_organisation(web(http), server.url, "o"))
    assert [row["name"] for row in found] == [f"o/{n:03}" for n in range(150)]
    assert found[0] == {"name": "o/000", "created": 1696118400, "stars": 3, "forks": 1, "fork": False}
    assert {headers["Authorization"] for _, headers in server.requests} == {"Bearer secret"}


class Search(FakeTransport):
    """A search over repositories that were created one a second; gives no more than 1,000 answers to a question."""

    def send(self, request):
        asked = parse_qs(urlsplit(request.url).query)
        self.questions.append(asked["q"][0])
        times = asked["q"][0].partition("created:")[2].split("..")
        first, last = (int(datetime.fromisoformat(time).timestamp()) for time in times)
        inside = [second for second in self.seconds if first <= second <= last]
        page = int(asked["page"][0])
        assert page <= 10
        made = [item(f"o/{n}", datetime.utcfromtimestamp(n).isoformat() + "Z") for n in inside]
        answer = {"total_count": len(inside), "items": made[(page - 1) * 100 : page * 100]}
        import json

        self.answers = {request.url: [(200, {}, json.dumps(answer).encode())]}
        return super().send(request)


@pytest.mark.parametrize("n", [0, 1, 100, 101, 1000, 1001, 2500])
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp")
def test_a_search_with_too_many_answers_is_halved_until_none_is_lost(n):
    transport = Search({})
    transport.questions, transport.seconds = [], range(1696118400, 1696118400 + n)
    counts = {}
    found = created_between(Fetcher(HTTP, transport), "https://api", "stars:>1", 1696118400, 1696118400 + 5000, counts)
    assert [row["created"] for row in found] == list(transport.seconds)
    assert counts["lost"] == 0 and all(question.startswith("stars:>1 created:") for question in transport.questions)


def test_an_answer_that_is_no_json_is_named():
    fake = FakeTransport({"https://api/orgs/o/repos?type=public&per_page=100&page=1": [(200, {}, b"<html>")]})
    with pytest.raises(RefusedError, match="gave no JSON"):
        list(of_organisation(Fetcher(HTTP, fake), "https://api", "o"))
