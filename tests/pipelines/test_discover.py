"""The command that lists candidates. From hours it is run in tests/test_crawl_github.py."""

import pyarrow as pa
import pytest

from corpus.sources.candidates import known, names
from pipelines import discover
from tests.corpus.sources.servers import Server
from tests.corpus.sources.test_github import item


@pytest.fixture
def server():
    late = item("o/late", "2023-12-01T00:00:00Z")
    fork = {**item("o/fork"), "fork": True}
    pages = {"/orgs/o/repos?type=public&per_page=100&page=1": [item("o/b", stars=9), late, fork, item("o/a", stars=1)]}
    with Server(pages=pages) as running:
        yield running


def run(tmp_path, server, *words):
    out = str(tmp_path / "list.arrow")
    common = ("--api", server.url, "--allow-network", "127.0.0.0/8", "--out", out)
    return discover.main([*words, *common]), out


def test_an_organisation_is_listed_by_name_without_forks_and_later_ones(tmp_path, server, capsys):
    server.faults.extend([(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"})])
    status, out = run(tmp_path, server, "--organisation", "o")
    assert (status, names(out)) == (0, ["o/a", "o/b"])
    assert (known(out, "o/b").stars, known(out, "o/b").forks, known(out, "o/c").stars) == (9, 1, None)
    assert capsys.readouterr().out == f"{out}: 2 of 4 repositories\n"


def test_the_choice_is_the_users(tmp_path, server):
    words = ("--organisation", "o", "--with-forks", "--min-stars", "2", "--created-before", "2024-01-01")
    assert names(run(tmp_path, server, *words)[1]) == ["o/b", "o/fork", "o/late"]


def test_a_plain_list_of_names_gets_stars_and_forks(tmp_path, server, capsys):
    (tmp_path / "mine.txt").write_text("# mine\no/a\nold/name\no/gone # was there\no/late\n")
    server.pages |= {f"/repos/{name}": item(name, stars=stars) for name, stars in (("o/a", 1), ("o/b", 9))}
    server.pages |= {"/repos/o/late": item("o/late", "2023-12-01T00:00:00Z"), "/repos/old/name": item("o/b", stars=9)}
    status, out = run(tmp_path, server, "--names", str(tmp_path / "mine.txt"))
    assert (status, names(out), known(out, "o/b").stars) == (0, ["o/a", "o/b"], 9)
    assert capsys.readouterr().out == f"{out}: 2 of 3 repositories, gone 1\n"


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("--names", "nowhere.txt"), 2, "no list of repositories nowhere.txt"),
        (("--organisation", "unknown"), 1, "HTTP status 404"),
        (("--search", "x", "then", "2023-11-01"), 2, "--search takes a day such as 2023-10-01, not 'then'"),
        (("--organisation", "o", "--created-before", "now"), 2, "--created-before takes a day"),
        (("--hours", "2023-10-02-0", "2023-10-01-0"), 2, "comes after the last"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path, server, capsys, words, status, message):
    assert run(tmp_path, server, *words)[0] == status
    told = capsys.readouterr().err
    assert message in told and told.startswith("error: ") and told.count("\n") == 1


def test_of_what_a_repository_said_of_itself_the_last_counts():
    rows = [
        {"name": "o/a", "created": None, "stars": 5, "forks": 2, "new_stars": 1, "new_forks": 0, "fork": False},
        {"name": "o/a", "created": 9, "stars": 6, "forks": 2, "new_stars": 1, "new_forks": 1, "fork": False},
        {"name": "o/a", "created": None, "stars": None, "forks": None, "new_stars": 1, "new_forks": 0, "fork": True},
    ]
    [row] = discover.merged([pa.Table.from_pylist([row], discover.SEEN) for row in rows]).to_pylist()
    assert row == {"name": "o/a", "created": 9, "stars": 6, "forks": 2, "new_stars": 3, "new_forks": 1, "fork": True}
