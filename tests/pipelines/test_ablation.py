"""What a build says for itself: whether its rows last, and that a failed run was of it."""

import pytest

from corpus.shards import Shard
from pipelines.ablation import Build, _of_build, check_rows
from pipelines.manifest import Found
from pipelines.recipes import small
from pipelines.stage import Result, Stage, StageError
from validate.probes.config import ProbeConfig
from validate.probes.train import NotFinite, TrainConfig


def build(name, rows, **counts):
    stage = Stage(name="pack", run=print, config=None)
    outputs = {"rows": [Shard(path, "", 1, 1) for path in rows]}
    found = Found(stage=stage, state="done", path=None, result=Result(outputs, counts))
    return Build(name, small(), {"pack": found})


@pytest.mark.parametrize(
    ("vocabulary", "steps", "lasts"), [(None, 10, True), (None, 11, False), (512, 40, True), (512, 41, False)]
)
def test_rows_last_for_as_many_windows_as_their_tokens_could_fill(vocabulary, steps, lasts):
    made = build("mine", ["a"], **{"plain.code": 70, "plain.math": 90, "kept": 999})
    cfg = ProbeConfig(vocabulary=vocabulary, train=TrainConfig(steps=steps, batch=1, length=16))
    if lasts:
        check_rows(made, cfg)
        return
    with pytest.raises(ValueError, match=f"{steps} steps of 1 need {steps} windows .* mine packs 160 tokens"):
        check_rows(made, cfg)


def test_a_failed_run_is_told_by_its_build_and_not_by_its_files():
    cause = NotFinite("loss is nan: lower learning_rate")
    error = StageError("ablate (run) failed on rows/b, x/y: NotFinite: loss is nan")
    error.__cause__ = cause
    builds = [build("base", ["rows/a"]), build("base+b", ["rows/b"])]
    assert str(_of_build(error, builds)) == "a run of base+b stopped: NotFinite: loss is nan: lower learning_rate"
    other = StageError("ablate (run) failed on elsewhere")
    assert _of_build(other, builds) is other
