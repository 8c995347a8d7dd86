from dataclasses import dataclass, field

import pytest

from corpus.decode import plain_text
from corpus.notebooks import source_text
from corpus.shards import Shard, Store
from corpus.sources.raw import LOCATION
from pipelines import identity, manifest
from pipelines.manifest import commit, look_up, survey
from pipelines.stage import Result, Stage


@dataclass(frozen=True)
class Config:
    size: int = 1


def first(work, cfg):
    raise NotImplementedError


STAGES = [Stage(name="one", run=first, config=Config())]
STAGES.append(Stage(name="two", run=first, config=Config(), inputs={"shards": STAGES[0]["out"]}))


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "module_code", lambda module: "code1")
    return Store(str(tmp_path))


def result(content="c"):
    return Result(
        {"out": [Shard("objects/one/x.c.arrow", content, 3, 9, "b", {"seen": 3, "kept": 3}, ("note",))]}, {"seen": 3}
    )


def test_a_stage_exists_when_its_manifest_does(store):
    before = survey(store, STAGES, accept_code=False)
    assert [here.state for here in before.values()] == ["todo", "todo"]
    commit(store, before["one"], result(), ["objects/one/x.c.arrow"])
    after = survey(store, STAGES, accept_code=False)
    assert (after["one"].state, after["one"].result) == ("done", result())
    assert after["two"].state == "todo" and after["two"].path is not None


def test_other_inputs_are_another_identity(store):
    paths = []
    for content in ("c", "d"):
        found = survey(store, STAGES[:1], accept_code=False)
        done = commit(store, found["one"], result(content), [])
        paths.append(look_up(store, STAGES[1], {"one": done}, accept_code=False).path)
    assert paths[0] != paths[1]


def test_older_code_is_told_and_reused_only_when_accepted(store, monkeypatch):
    commit(store, survey(store, STAGES, accept_code=False)["one"], result(), [])
    monkeypatch.setattr(manifest, "module_code", lambda module: "code2")
    assert survey(store, STAGES, accept_code=False)["one"].state == "older code"
    accepted = survey(store, STAGES, accept_code=True)["one"]
    assert (accepted.state, accepted.result) == ("done", result())
    assert "older code" in accepted.note


@pytest.mark.parametrize(("kind", "text", "state"), [("partial", "3/9", "partial 3/9"), ("failed", "why", "failed")])
def test_how_far_a_stage_got_is_told(store, kind, text, state):
    found = survey(store, STAGES, accept_code=False)["one"]
    store.write_text(f"{found.path}.{kind}", text)
    assert survey(store, STAGES, accept_code=False)["one"].state == state


@dataclass(frozen=True)
class Read:
    folder: str = field(metadata=LOCATION)
    name: str = "batch"


@dataclass(frozen=True)
class Sources:
    all: tuple[Read, ...]


def crawl(*folders):
    return Stage(name="one", run=first, config=Sources(tuple(Read(folder) for folder in folders)))


@pytest.mark.parametrize(
    ("now", "note"),
    [
        (("/a", "/b"), ""),
        (("/a", "/moved"), "read from /b; other data needs a batch of another name"),
    ],
)
def test_a_stage_that_read_other_places_is_done_and_says_so(store, now, note):
    commit(store, look_up(store, crawl("/a", "/b"), {}, False), result(), [])
    found = look_up(store, crawl(*now), {}, False)
    assert (found.state, found.note) == ("done", note)


def test_a_function_of_ours_that_changed_is_older_code_and_no_other_setting(store, monkeypatch):
    stage = Stage(name="one", run=first, config=(plain_text, source_text))
    commit(store, look_up(store, stage, {}, False), result(), [])
    monkeypatch.setattr(identity, "module_code", lambda module: f"{module} changed")
    assert look_up(store, stage, {}, False).state == "older code"
    assert look_up(store, stage, {}, True).note == "made by older code, accepted"
    other = Stage(name="one", run=first, config=(source_text, plain_text))
    assert look_up(store, other, {}, True).state == "todo"
