"""The runs of an ablation as tasks, and what differs between its builds; `pipelines.ablate` is the command.

Comes in: a base build and its variants in one store. Goes out: results per build and seed, each a stored artefact of
its own, so that another variant or another seed trains only what is new.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from corpus.shards import Store
from pipelines.frozen import Frozen, set_hash
from pipelines.identity import canonical
from pipelines.manifest import Found
from pipelines.probe import choose_kernels, train_seed, train_vocabulary
from pipelines.recipes import Recipe
from pipelines.stage import Job, Shards, StageError, Work
from validate.ablation import AblationConfig
from validate.measures import measures
from validate.probes.config import ProbeConfig


@dataclass(frozen=True)
class Build:
    """One finished build: its name, settings, and what the store holds of it."""

    name: str
    recipe: Recipe
    found: dict[str, Found]

    def shards(self, stage: str, output: str) -> Shards:
        result = self.found[stage].result
        assert result is not None, f"{self.name}: {stage} has not run"
        return result.outputs[output]

    def counts(self, stage: str) -> dict[str, int]:
        result = self.found[stage].result if stage in self.found else None
        return result.counts if result else {}


@dataclass(frozen=True)
class Run:
    """What one seed of one build gave."""

    build: str
    seed: int
    scores: dict[str, float]  # bits per byte by measure
    infilling: dict[str, dict[str, float]]
    log: list[dict[str, float]]
    documents: list[dict[str, Any]]
    parameters: int
    tokens: int
    cpu_seconds: float
    kernels: dict[str, str]  # of experts and attention
    model: str | None = None  # its folder in the store, where models are kept


def frozen_set(base: Build) -> Frozen:
    """The base's scoring set, as a variant names it."""
    scoring, keys = base.shards("dedup", "scoring"), base.shards("dedup", "scoring_signatures")
    return Frozen(
        hash=set_hash(scoring, keys), minhash=base.recipe.minhash, scoring=tuple(scoring), signatures=tuple(keys)
    )


def check_variant(name: str, variant: Recipe, base: Recipe) -> None:
    """Raises ValueError where the variant would hold out other documents than the base; before anything is built."""
    for setting, of_base, own in (
        ("filter.split_seed", base.filter.split_seed, variant.filter.split_seed),
        ("filter.held_out", base.filter.held_out, variant.filter.held_out),
        ("dedup.held_out_threshold", base.dedup.held_out_threshold, variant.dedup.held_out_threshold),
    ):
        if of_base != own:
            raise ValueError(
                f"variant {name}: {setting} is {own}, the base's is {of_base}: both are scored on what it held out"
            )


def as_variant(variant: Recipe, base: Recipe, frozen: Frozen) -> Recipe:
    """The variant with the base's scoring set filled in, and the base's way to train and to judge."""
    return replace(variant, frozen=frozen, ablation=base.ablation)


def train_all(work: Work, cfg: AblationConfig, base: Build, builds: Sequence[Build], seeds: Sequence[int]) -> list[Run]:
    """Every seed of every build, the base's first; with the base's vocabulary and on the base's scoring set."""
    scoring = base.shards("dedup", "scoring")
    vocabulary = work.map(
        train_vocabulary, cfg.probe, [Job((base.shards("pack", "rows"),))], step="vocabulary", schema=None
    )
    kernels = work.map(choose_kernels, cfg.probe, [Job(())], step="kernels", schema=None)
    wanted = [(build, seed) for build in (base, *builds) for seed in seeds]
    jobs = [Job((build.shards("pack", "rows"), vocabulary, scoring, kernels), params=seed) for build, seed in wanted]
    try:
        made = work.map(train_seed, cfg.probe, jobs, step="run", schema=None)
    except StageError as error:
        raise _of_build(error, (base, *builds)) from error
    return [_run(work.store, cfg, build.name, seed, shard) for (build, seed), shard in zip(wanted, made, strict=True)]


def _of_build(error: StageError, builds: Sequence[Build]) -> StageError:
    """The error with the builds that hold the rows it names, instead of all files that the run reads."""
    of = [build.name for build in builds if any(shard.path in str(error) for shard in build.shards("pack", "rows"))]
    cause = error.__cause__
    if not of or cause is None:
        return error
    return StageError(f"a run of {' and '.join(of)} stopped: {type(cause).__name__}: {cause}")


def check_rows(build: Build, cfg: ProbeConfig) -> None:
    """Raises ValueError where the build's rows cannot last for the steps, before other builds are made.

    A token of the rows is some two of a small vocabulary's: taken as four, so that only the hopeless is refused here;
    a run counts its windows itself before it trains.
    """
    packed = sum(n for name, n in build.counts("pack").items() if name.startswith("plain."))
    most = packed * (1 if cfg.vocabulary is None else 4) // cfg.train.length
    if most < cfg.train.windows:
        raise ValueError(
            f"{cfg.train.steps:,} steps of {cfg.train.batch} need {cfg.train.windows:,} windows of {cfg.train.length} "
            f"tokens, and {build.name} packs {packed:,} tokens, {most:,} windows at the most: fewer steps, or more data"
        )


def _run(store: Store, cfg: AblationConfig, build: str, seed: int, shard: Any) -> Run:
    result = json.loads(store.read_bytes(shard))
    return Run(
        build=build,
        seed=seed,
        scores=measures(result["documents"], dict(cfg.weights)),
        infilling=result["infilling"],
        log=result["log"],
        documents=result["documents"],
        parameters=result["parameters"],
        tokens=shard.counts["tokens"],
        cpu_seconds=shard.counts["cpu_milliseconds"] / 1000,
        kernels=result["kernels"],
        model=result.get("model"),
    )


# what differs


def settings_changed(base: Recipe, variant: Recipe) -> list[tuple[str, str, str]]:
    """(path of the setting, the base's value, the variant's), leaving out the frozen set."""
    found: list[tuple[str, str, str]] = []
    _differences(canonical(base), canonical(replace(variant, frozen=None)), "", found)
    return found


def _differences(one: Any, two: Any, path: str, found: list[tuple[str, str, str]]) -> None:
    if one == two:
        return
    if (
        isinstance(one, dict)
        and isinstance(two, dict)
        and one.get("type") == two.get("type")
        and one.keys() == two.keys()
    ):
        for key in one:
            _differences(one[key], two[key], f"{path}.{key}" if path else key, found)
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for index, (a, b) in enumerate(zip(one, two, strict=True)):
            _differences(a, b, f"{path}[{a['name'] if isinstance(a, dict) and 'name' in a else index}]", found)
    else:
        found.append((path, _short(one), _short(two)))


def _short(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("name") or value.get("type") or value
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def shared_shards(base: Build, variant: Build) -> tuple[int, int]:
    """(files of the variant that the base has too, all files of the variant), over the stages both have."""
    shared = total = 0
    for stage, here in variant.found.items():
        if here.result is None or stage not in base.found or base.found[stage].result is None:
            continue
        of_base = base.found[stage].result
        assert of_base is not None
        known = {shard.path for shards in of_base.outputs.values() for shard in shards}
        own = [shard.path for shards in here.result.outputs.values() for shard in shards]
        shared += sum(path in known for path in own)
        total += len(own)
    return shared, total


def flow_counts(build: Build) -> dict[str, int]:
    """Documents and tokens at the places where builds part."""
    packed, kept = build.counts("pack"), build.counts("dedup")
    tokens = {f"{domain} tokens packed": packed.get(f"plain.{domain}", 0) for domain in ("code", "math", "natural")}
    return {
        "documents read": build.counts("crawl").get("kept", 0),
        "passed the rules": build.counts("filter").get("kept", 0),
        "dropped as duplicates": kept.get("refused.near_duplicate", 0) + kept.get("refused.exact_duplicate", 0),
        "dropped as near held-out": kept.get("refused.near_held_out", 0),
        "survive": kept.get("kept", 0),
        "in the mixture": build.counts("mix").get("in_mix", 0),
        **tokens,
    }
