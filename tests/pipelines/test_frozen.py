from dataclasses import replace

import pytest

from corpus.minhash import MinHashConfig
from corpus.shards import Shard
from pipelines.build import plan
from pipelines.frozen import Frozen, set_hash
from pipelines.identity import canonical
from pipelines.recipes import demo

SHARD = Shard("objects/dedup/scoring/a.arrow", "c1", 3, 9)
KEYS = Shard("objects/dedup/scoring_keys/a.arrow", "c2", 3, 9)


def frozen(**changes):
    settings = {
        "hash": set_hash([SHARD], [KEYS]),
        "minhash": MinHashConfig(),
        "scoring": (SHARD,),
        "signatures": (KEYS,),
    }
    return Frozen(**{**settings, **changes})


def test_a_set_is_named_by_the_hash_of_what_it_holds():
    with pytest.raises(ValueError, match="name the set of one base build"):
        frozen(scoring=(replace(SHARD, content="other"),))


def test_where_the_set_lies_is_no_part_of_what_it_is():
    assert canonical(frozen()) == canonical(frozen(scoring=(replace(SHARD, path="elsewhere"),)))


def test_a_variants_dedup_reads_the_bases_set():
    stages = {stage.name: stage for stage in plan(replace(demo(), frozen=frozen()))}
    assert {"frozen", "frozen_signatures"} < stages["dedup"].inputs.keys()
    assert "held_minhash" not in stages


def test_other_minhash_settings_sign_documents_once_more_with_the_sets():
    keys = MinHashConfig(bands=9, rows=13)
    recipe = replace(demo(), minhash=keys, dedup=replace(demo().dedup, minhash=keys), frozen=frozen())
    stages = {stage.name: stage for stage in plan(recipe)}
    assert stages["held_minhash"].config == MinHashConfig()
    assert stages["dedup"].inputs["held_signatures"] == stages["held_minhash"]["signatures"]


def test_a_build_without_a_frozen_set_has_the_stages_it_always_had():
    assert "frozen" not in {stage.name for stage in plan(demo())}
