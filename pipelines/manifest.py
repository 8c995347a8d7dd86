"""Manifests: what a stage of a build made, written last, and how far one got that did not finish.

A stage is found by its identity (name, settings, the contents it reads) and its code. Recipe and store come in; states
and outputs go out. Nothing here runs a stage.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from corpus.shards import Shard, Store
from pipelines.identity import USER_MODULE, canonical, digest, module_code
from pipelines.stage import Result, Shards, Stage

OLDER_CODE = "made by older code, accepted"


@dataclass(frozen=True)
class Found:
    """One stage of a build as the store knows it. `state` is done, older code, partial n/m, failed or todo."""

    stage: Stage
    state: str
    path: str | None  # of the manifest, made or to be made; None while inputs are missing
    result: Result | None
    note: str = ""

    @property
    def folder(self) -> str:
        return f"objects/{self.stage.name}"


def survey(store: Store, stages: Sequence[Stage], accept_code: bool) -> dict[str, Found]:
    """State of every stage, in plan order; an identity needs the manifests of the stages before it."""
    found: dict[str, Found] = {}
    for stage in stages:
        found[stage.name] = look_up(store, stage, found, accept_code)
    return found


def look_up(store: Store, stage: Stage, before: dict[str, Found], accept_code: bool) -> Found:
    """This stage's state, given the stages before it."""
    inputs = resolve(stage, before)
    if inputs is None:
        return Found(stage, "todo", None, None)
    codes = [module_code(stage.run.__module__)]
    config = without_code(canonical(stage.config), codes)
    settings = [stage.name, config, {n: [s.content for s in shards] for n, shards in inputs.items()}]
    stem = f"manifests/{stage.name}/{digest(settings)}"
    path = f"{stem}.{codes[0] if len(codes) == 1 else digest(codes)}.json"
    text = store.read_text(path)
    if text is not None:
        return Found(stage, "done", path, _result(text), _elsewhere(text, stage.config))
    others = [p for p in store.list(f"manifests/{stage.name}") if p.startswith(f"{stem}.") and p.endswith(".json")]
    if others and accept_code:
        text = store.read_text(others[-1])
        assert text is not None
        return Found(stage, "done", others[-1], _result(text), OLDER_CODE)
    for kind in ("failed", "partial"):
        note = store.read_text(f"{path}.{kind}")
        if note is not None:
            state = "failed" if kind == "failed" else f"partial {note}"
            return Found(stage, state, path, None, note if kind == "failed" else "")
    return Found(stage, "older code" if others else "todo", path, None)


def without_code(settings: Any, codes: list[str]) -> Any:
    """Canonical settings without the code of functions of ours, which goes to `codes`.

    An extractor that changed is older code, not another setting. A user's function is: to edit it is to choose anew.
    """
    if isinstance(settings, list):
        return [without_code(item, codes) for item in settings]
    if not isinstance(settings, dict):
        return settings
    if set(settings) == {"name", "code"} and not settings["name"].startswith(USER_MODULE):
        codes.append(settings["code"])
        return {"name": settings["name"]}
    return {name: without_code(value, codes) for name, value in settings.items()}


def resolve(stage: Stage, before: dict[str, Found]) -> dict[str, Shards] | None:
    """The shards behind each input, or None while a stage before has not run."""
    inputs: dict[str, Shards] = {}
    for name, refs in stage.inputs.items():
        inputs[name] = []
        for ref in refs:
            result = before[ref.stage].result
            if result is None:
                return None
            if ref.output not in result.outputs:
                raise AssertionError(
                    f"plan: {stage.name} reads {ref.output} of {ref.stage}, which has {list(result.outputs)}"
                )
            inputs[name] += result.outputs[ref.output]
    return inputs


def commit(
    store: Store,
    found: Found,
    result: Result,
    files: Sequence[str],
    inputs: Mapping[str, Shards] | None = None,
    older: Sequence[str] = (),
) -> Found:
    """Write the manifest: from now on the stage exists. `older`: stages it read that older code had made."""
    assert found.path is not None
    outputs = {name: [asdict(shard) for shard in shards] for name, shards in result.outputs.items()}
    manifest = {
        "stage": found.stage.name,
        "settings": canonical(found.stage.config),
        "places": sorted(_places(found.stage.config)),
        "inputs": {name: [f"{ref.stage}/{ref.output}" for ref in refs] for name, refs in found.stage.inputs.items()},
        # What was read, shard by shard: a takedown finds by it which outputs are aligned with which documents.
        "reads": {name: [shard.path for shard in shards] for name, shards in (inputs or {}).items()},
        "accepted": list(older),
        "counts": result.counts,
        "outputs": outputs,
        "files": sorted(set(files)),  # of every step, so that --prune keeps what the next batch builds on
    }
    store.write_text(found.path, json.dumps(manifest, sort_keys=True, indent=1))
    return Found(found.stage, "done", found.path, result)


def _elsewhere(text: str, config: object) -> str:
    """Says so where the stage is done by its settings, but the data now lie in other places than those it read.

    A folder that was moved is read no second time; a folder with other data needs a batch of another name.
    """
    before, now = json.loads(text).get("places"), sorted(_places(config))
    if before is None or before == now:
        return ""
    gone = [place for place in before if place not in now]
    return f"read from {', '.join(gone) or 'fewer places'}; other data needs a batch of another name"


def _places(value: object) -> Iterator[str]:
    """Where the settings say that data lie: what is marked as a place (`LOCATION` in corpus/sources/raw.py)."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _places(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            inner = getattr(value, field.name)
            if isinstance(inner, str) and field.metadata.get("place"):
                yield inner
            elif field.metadata.get("identity", True):
                yield from _places(inner)


def _result(text: str) -> Result:
    manifest = json.loads(text)
    outputs = {
        name: [Shard(**{**shard, "notes": tuple(shard["notes"])}) for shard in shards]
        for name, shards in manifest["outputs"].items()
    }
    return Result(outputs, manifest["counts"])
