from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from corpus.exact import exact_key
from corpus.minhash import MinHashConfig
from corpus.schema import DOCUMENTS, SURVIVORS
from filters.drop_rates import DropRates
from filters.survivors import DedupConfig
from pipelines import clustering, dedup
from tests.pipelines.aligned import write
from tests.pipelines.corpora import Corpus, OneAfterTheOther, document, words

MINHASH = MinHashConfig(group_bytes=9_000)
FILE = DedupConfig(unit="file", minhash=MINHASH)
INLINE = OneAfterTheOther()


def changed(seed, at=150):
    some = words(seed)
    return " ".join([*some[:at], "changed", *some[at + 1 :]])


def same(seed):
    return " ".join(words(seed))


def reasons(tmp_path, shards, cfg=FILE, cluster=INLINE, **more):
    corpus = Corpus(tmp_path, cluster, shards, cfg.minhash)
    result = dedup.run(corpus.work, cfg, **corpus.inputs(), **more)
    return corpus.reasons(result.outputs["survivors"]), result


FIVE = [
    [document("a", same("a")), document("b", same("b")), document("near a", changed("a")), document("c", same("c"))],
    [document("a again", same("a").replace(" ", "\n")), document("nothing", "+ - *"), document("nothing more", "+ -*")],
]


def test_one_of_each_cluster_survives(tmp_path):
    found, result = reasons(tmp_path, FIVE)
    lost = sorted(reason for reason in found.values() if reason)
    assert lost == sorted(["exact_duplicate", "near_duplicate", "exact_duplicate"]) or lost == [
        "exact_duplicate",
        "near_duplicate",
        "near_duplicate",
    ]
    assert found["b"] is found["c"] is None
    assert sum(found[name] is None for name in ("a", "near a", "a again")) == 1
    assert sum(found[name] is None for name in ("nothing", "nothing more")) == 1
    assert result.counts["clusters"] == 2
    assert result.counts["seen"] == 7 and result.counts["kept"] == 4


def test_the_preferred_member_is_kept_and_named(tmp_path):
    rows = [[document("a", same("a"), stars=3), document("b", changed("a"), stars=9)], [document("c", same("a"))]]
    found, result = reasons(tmp_path, rows)
    assert found == {"a": "near_duplicate", "b": None, "c": "near_duplicate"}
    corpus_rows = [pa.table(dedup.Store(str(tmp_path)).table(s)).to_pylist() for s in result.outputs["survivors"]]
    assert {row["kept_id"] for rows in corpus_rows for row in rows} == {exact_key(b"b")}


def test_a_licence_and_a_measure_can_decide_which_member_is_kept(tmp_path):
    rows = [[document(name, same("a"), stars=9 - i) for i, name in enumerate("abc")]]
    corpus = Corpus(tmp_path, INLINE, rows, FILE.minhash)
    aligned = {
        "licenses": [{"license": None}, {"license": "GPL-3.0-only"}, {"license": "MIT"}],
        "basic": [{"letters": 0.1}, {"letters": 0.7}, {"letters": None}],
    }
    schemas = {"licenses": pa.schema([("license", pa.string())]), "basic": pa.schema([("letters", pa.float64())])}
    more = {name: write(corpus.work, name, schemas[name], [aligned[name]]) for name in aligned}
    kept = {}
    for name, quality in (("stars", None), ("license", None), ("quality", "letters")):
        result = dedup.run(
            corpus.work, replace(FILE, prefer=((name, "high"),), quality=quality), **corpus.inputs(), **more
        )
        found = corpus.reasons(result.outputs["survivors"])
        kept[name] = [one for one, reason in found.items() if reason is None]
    assert kept == {"stars": ["a"], "license": ["c"], "quality": ["b"]}


def test_of_a_vendored_file_and_its_original_the_original_is_kept(tmp_path):
    rows = [[document("copy", same("a"), stars=9, vendored=True), document("original", same("a"), stars=1)]]
    found, _ = reasons(tmp_path, rows, FILE)
    assert [name for name, reason in found.items() if reason is None] == ["original"]


def test_a_preference_for_what_the_stage_is_not_handed_is_refused(tmp_path):
    with pytest.raises(ValueError, match="prefer names 'license'"):
        reasons(tmp_path, FIVE, replace(FILE, prefer=(("license", "high"),)))


def test_a_cluster_whose_best_member_failed_a_rule_keeps_another(tmp_path):
    best = document("a", same("a"), stars=9, kept=False, reason="too_long")
    found, _ = reasons(tmp_path, [[best, document("b", same("a"), stars=1), document("c", changed("a"))]])
    assert found == {"a": "too_long", "b": None, "c": "near_duplicate"}


def file(repo, path, text, **more):
    return document(f"{repo}/{path}", text, kind="file", repo=repo, **more)


def test_a_repository_is_kept_or_dropped_as_a_whole(tmp_path):
    one = [file("x/one", str(i), same(f"s{i}"), stars=1) for i in range(4)]
    fork = [file("y/fork", str(i), same(f"s{i}"), stars=2) for i in range(4)]
    other = [file("z/other", "0", same("s0"), stars=5), *(file("z/other", str(i), same(f"t{i}")) for i in range(1, 4))]
    found, result = reasons(tmp_path, [one[:2], one[2:] + fork, other], replace(FILE, unit="repository"))
    assert {name for name, reason in found.items() if reason} == {row["origin"] for row in one}
    assert result.counts["clusters"] == 1


def test_a_shared_vendored_tree_does_not_join_two_repositories(tmp_path):
    tree = [(f"vendor/{i}", same(f"v{i}")) for i in range(20)]
    rows = [
        [*(file(repo, path, text, vendored=True) for path, text in tree), file(repo, "own", same(repo[0]))]
        for repo in ("a/one", "b/two")
    ]
    found, _ = reasons(tmp_path, rows, replace(FILE, unit="repository"))
    assert set(found.values()) == {None}


def test_both_passes_drop_the_repository_first_and_then_single_files(tmp_path):
    one = [file("x/one", str(i), same(f"s{i}"), stars=1) for i in range(4)]
    fork = [file("y/fork", str(i), same(f"s{i}"), stars=2) for i in range(4)]
    other = [file("z/other", "0", same("s0")), *(file("z/other", str(i), same(f"t{i}")) for i in range(1, 4))]
    found, _ = reasons(tmp_path, [one, fork, other], replace(FILE, unit="both"))
    assert {name for name, reason in found.items() if reason} == {*(row["origin"] for row in one), "z/other/0"}
    assert found["x/one/0"] == "near_duplicate" and found["z/other/0"] == "exact_duplicate"


def test_within_a_source_leaves_copies_in_another(tmp_path):
    rows = [[document("a", same("a")), document("b", same("a"))], [document("c", same("a"), source="second")]]
    found, _ = reasons(tmp_path, rows, replace(FILE, scope="source"))
    assert found["c"] is None and sum(reason is None for reason in found.values()) == 2


@pytest.mark.parametrize("unit", ["file", "repository", "both"])
def test_within_a_dump_leaves_pages_of_another_and_not_what_is_no_page(tmp_path, unit):
    pages = [document(f"{i} of {dump}", same("a"), snapshot=dump) for dump in ("one", "two") for i in range(2)]
    code = [document(f"code {i}", same("b"), snapshot=f"commit {i}", kind="file") for i in range(2)]
    for range_bytes in (1 << 10, 1 << 28):
        cfg = replace(FILE, unit=unit, scope="dump", range_bytes=range_bytes)
        found, _ = reasons(tmp_path, [pages[:3], [pages[3], *code]], cfg)
        kept = [name for name, reason in found.items() if reason is None]
        assert sorted(name.split(" ")[-1] for name in kept if "of" in name) == ["one", "two"] and len(kept) == 3


HELD = [
    [document("kept", same("a"), stars=9), document("held", changed("a"), held_out=True)],
    [
        document("held twin", changed("a", 20), held_out=True),
        document("far", same("b")),
        document("loose", same("a")[:1300]),
    ],
]


def test_a_cluster_with_a_held_out_member_keeps_no_training_member(tmp_path):
    found, result = reasons(tmp_path, HELD)
    assert found == {
        "kept": "near_held_out",
        "held": "held_out",
        "held twin": "held_out",
        "far": None,
        "loose": "near_held_out",
    }
    store = dedup.Store(str(tmp_path))
    scored = [row for shard in result.outputs["scoring"] for row in store.table(shard).to_pylist()]
    signed = [row for shard in result.outputs["scoring_signatures"] for row in store.table(shard).to_pylist()]
    assert len(scored) == len(signed) == 1 and scored[0]["origin"] in ("held", "held twin")
    assert signed[0]["exact"] == exact_key(scored[0]["text"].encode())


def test_without_deduplication_only_the_scoring_set_is_kept_apart(tmp_path):
    found, result = reasons(tmp_path, [*HELD, [document("far again", same("b"))]], replace(FILE, unit="none"))
    assert [name for name, reason in found.items() if reason is None] == ["far", "far again"]
    assert result.outputs["clusters"] == []


def test_the_scoring_set_holds_edited_text(tmp_path):
    text = same("a")
    edits = [{"start": 0, "end": 2, "kind": "email"}]
    _, result = reasons(tmp_path, [[document("held", text, held_out=True, edits=edits)]])
    table = dedup.Store(str(tmp_path)).table(result.outputs["scoring"][0])
    assert table["text"].to_pylist() == ["<email>" + text[2:]]


def test_a_frozen_scoring_set_replaces_the_builds_own(tmp_path):
    base = reasons(tmp_path / "one", [[document("held", same("a"), held_out=True)]])[1].outputs
    store, other = dedup.Store(str(tmp_path / "one")), [[document("copy", changed("a")), document("far", same("b"))]]
    corpus = Corpus(tmp_path / "one", INLINE, other, MINHASH)
    frozen = {"frozen": base["scoring"], "frozen_signatures": base["scoring_signatures"]}
    made = dedup.run(corpus.work, replace(FILE, unit="none"), **corpus.inputs(), **frozen)
    assert corpus.reasons(made.outputs["survivors"]) == {"copy": "near_held_out", "far": None}
    assert made.outputs["scoring"] == base["scoring"] and store.root


def test_verified_pairs_are_joined_and_others_are_not(tmp_path):
    loose = MinHashConfig(bands=125, rows=2, group_bytes=9_000)  # proposes pairs at Jaccard 0.1
    rows = [
        [
            document("a", same("a")),
            document("b", changed("a")),
            document("half", " ".join(words("a")[:150] + words("b")[:150])),
        ]
    ]
    joined, _ = reasons(tmp_path / "1", rows, replace(FILE, minhash=loose))
    verified, _ = reasons(tmp_path / "2", rows, replace(FILE, minhash=loose, verify=0.8))
    assert sum(reason is None for reason in joined.values()) == 1
    assert verified["half"] is None and sum(reason is None for reason in verified.values()) == 2


def test_verification_reads_the_signatures_of_repositories(tmp_path):
    one = [file("x/one", str(i), same(f"s{i}"), stars=1) for i in range(4)]
    fork = [file("y/fork", str(i), same(f"s{i}"), stars=2) for i in range(4)]
    page = [document("page", same("p"))]
    found, _ = reasons(tmp_path, [page, one, fork, page], replace(FILE, unit="repository", verify=0.9))
    assert {name for name, reason in found.items() if reason == "near_duplicate"} == {row["origin"] for row in one}


def test_the_same_bytes_with_two_workers_and_small_ranges(tmp_path, cluster):
    rows = [*FIVE, *HELD]
    one = reasons(tmp_path / "one", rows)[1].outputs
    two = reasons(tmp_path / "two", rows, cluster=cluster)[1].outputs
    small = reasons(tmp_path / "small", rows, replace(FILE, range_bytes=1 << 10))[1].outputs
    rows_of = [rows_in(tmp_path / name, made["clusters"]) for name, made in (("one", one), ("small", small))]
    assert rows_of[0] == rows_of[1] and len(small["clusters"]) > 1
    for name, shards in one.items():
        contents = [shard.content for shard in shards]
        assert contents == [shard.content for shard in two[name]], name
        assert name == "clusters" or contents == [shard.content for shard in small[name]], name


def rows_in(root, shards):
    return [row for shard in shards for row in dedup.Store(str(root)).table(shard).to_pylist()]


def test_another_batch_leaves_the_survivors_of_the_first_byte_for_byte(tmp_path):
    first = reasons(tmp_path, FIVE)[1].outputs["survivors"]
    more = [[document("z", same("z"), source="second")]]
    for order in (FIVE + more, more + FIVE):
        again = reasons(tmp_path, order)[1].outputs["survivors"]
        assert {shard.content for shard in first} <= {shard.content for shard in again}


def test_a_new_batch_reads_no_old_text_and_changes_no_old_survivor(tmp_path):
    first = Corpus(tmp_path, INLINE, FIVE, MINHASH)
    cfg = replace(FILE, prefer=(("place", "low"), ("stars", "high")))
    before = dedup.run(first.work, cfg, **first.inputs()).outputs["survivors"]
    for shard in first.documents:
        first.work.store.delete(shard.path)  # whatever reads the old text again fails
    more = [[document("twin", changed("a"), stars=99, source="second"), document("z", same("z"), source="second")]]
    grown = Corpus(tmp_path, INLINE, more, MINHASH)
    inputs = {name: [*old, *grown.inputs()[name]] for name, old in first.inputs().items()}
    narrow = [keep_narrow(first, i) for i in range(len(first.documents))]
    made = dedup.run(first.work, cfg, **{**inputs, "documents": [*narrow, *grown.documents]}).outputs["survivors"]
    assert [shard.content for shard in made[:2]] == [shard.content for shard in before]
    assert grown.reasons(made[2:]) == {"twin": "near_duplicate", "z": None}


def keep_narrow(corpus, index):
    """The shard again without its text."""
    return corpus._write("documents", index, DOCUMENTS, [{**row, "text": ""} for row in corpus.rows[index]])


@pytest.mark.parametrize(("most", "kept"), [(None, 1), (4, 3), (5, 1)])
def test_of_a_giant_cluster_only_equal_members_stay_together(tmp_path, most, kept):
    chain = [words("a")[i * 3 : i * 3 + 240] for i in range(3)]
    texts = [" ".join(chain[0]), " ".join(chain[0]), " ".join(chain[1]), " ".join(chain[2]), "\n".join(chain[2])]
    rows = [[document(f"{i}", text)] for i, text in enumerate(texts)]
    for range_bytes in (1 << 10, 1 << 28):
        found, _ = reasons(tmp_path, rows, replace(FILE, largest_cluster=most, range_bytes=range_bytes))
        assert sum(reason is None for reason in found.values()) == kept


LICENCE = "// Copyright 2020 A. Person\n// Licensed under the terms of " + " ".join(words("licence")) + "\n"
ONE = LICENCE + "int first(void) { return one + two * three; }"
OTHER = LICENCE + "double second(double x) { while (x > 1) x /= 2; return x; }"
ELSEWHERE = "// (c) 1999 B. Person\n" + " ".join(words("a"))


def source(name, text):
    return document(name, text, kind="file", repo="o/r", path=f"{name}.x")


@pytest.mark.parametrize("drop", [True, False])
@pytest.mark.parametrize("how", [{}, {"verify": 0.7}, {"verify": 0.7, "verify_by": "jaccard"}])
def test_short_files_below_one_header_are_no_duplicates_and_copies_below_two_are(tmp_path, drop, how):
    keys = replace(MINHASH, drop_headers=drop)
    texts = {"one": ONE, "other": OTHER, "mine": LICENCE + " ".join(words("a")), "theirs": ELSEWHERE}
    rows = [[source(name, text) for name, text in texts.items()]]
    found, _ = reasons(tmp_path, rows, replace(FILE, minhash=keys, **how))
    alone = [name for name, reason in found.items() if reason is None]
    assert len({"one", "other"} & set(alone)) == (2 if drop else 1)
    assert len({"mine", "theirs"} & set(alone)) == (1 if drop else 2)


@pytest.mark.parametrize("by", ["jaccard", "containment"])
def test_verification_by_text_has_no_false_positive_and_containment_finds_parts(tmp_path, by):
    loose = MinHashConfig(bands=125, rows=2, group_bytes=9_000)
    rows = [[document("a", same("a")), document("b", changed("a"))], [document("part", " ".join(words("a")[:150]))]]
    cfg = replace(FILE, minhash=loose, verify=0.9, verify_by=by)
    found, _ = reasons(tmp_path, rows, cfg)
    assert sum(reason is None for reason in found.values()) == {"jaccard": 2, "containment": 1}[by]
    assert found["part"] is None or by == "containment"


def test_an_implausible_rate_is_told_loudly(tmp_path, capsys):
    rows = [[document(f"{i}", same(f"t{i}"), language="Python") for i in range(12)]]
    cfg = replace(FILE, plausible=DropRates(judged_from=10))
    _, result = reasons(tmp_path, rows, cfg)
    told = capsys.readouterr().err
    assert "*** WARNING: deduplication dropped 0.0% of 12 documents in Python" in told
    assert result.counts["implausible"] == 2 and not any("Python" in name for name in result.counts)


def test_rows_in_quarantine_are_dropped_with_their_reason(tmp_path):
    corpus = Corpus(tmp_path, INLINE, [[document("a", same("a")), document("b", same("b"), kept=None)]], MINHASH)
    made = dedup.run(corpus.work, FILE, **corpus.inputs())
    assert corpus.reasons(made.outputs["survivors"]) == {"a": None, "b": "quarantined"}


def test_no_documents_make_no_survivors(tmp_path):
    assert reasons(tmp_path, [])[1].outputs["survivors"] == []


def test_signatures_of_other_settings_are_refused(tmp_path):
    with pytest.raises(Exception, match="signatures were made with bands=25"):
        reasons_with = Corpus(tmp_path, INLINE, FIVE, MINHASH)
        dedup.run(reasons_with.work, replace(FILE, minhash=MinHashConfig(seed=2)), **reasons_with.inputs())


def test_settings_that_cannot_find_duplicates_stop_the_stage(tmp_path):
    blind = MinHashConfig(bands=2, rows=128)
    with pytest.raises(Exception, match="planted near-duplicates"):
        reasons(tmp_path, FIVE, DedupConfig(unit="file", minhash=blind))


def test_survivors_have_the_row_groups_of_the_documents(tmp_path):
    corpus = Corpus(tmp_path, INLINE, FIVE, MINHASH)
    made = dedup.run(corpus.work, FILE, **corpus.inputs()).outputs["survivors"]
    for shard, document_shard in zip(made, corpus.documents, strict=True):
        lengths = [[b.num_rows for b in corpus.work.store.batches(s)] for s in (shard, document_shard)]
        assert lengths[0] == lengths[1]
        assert corpus.work.store.table(shard).schema.equals(SURVIVORS)
        assert np.all([shard.batch == document_shard.batch])


def test_a_step_that_loses_a_file_between_two_is_found_by_the_self_check(tmp_path, monkeypatch):
    corpus = Corpus(tmp_path, INLINE, FIVE, MINHASH)
    whole = clustering.runs
    monkeypatch.setattr(clustering, "runs", lambda *arguments: whole(*arguments)[:0])
    with pytest.raises(RuntimeError, match="of 16 families of planted near-duplicates 0 were found"):
        dedup.run(corpus.work, FILE, **corpus.inputs())


def test_the_self_check_runs_once_for_its_settings_and_tells_nothing(tmp_path):
    corpus = Corpus(tmp_path, INLINE, FIVE, MINHASH)
    dedup.run(corpus.work, FILE, **corpus.inputs())
    before = set(corpus.work.store.list("objects/dedup/check/planted"))
    dedup.run(corpus.work, replace(FILE, unit="none"), **corpus.inputs())
    assert set(corpus.work.store.list("objects/dedup/check/planted")) == before and len(before) == 3
    assert "planted" not in (corpus.work.store.read_text("logs/run.jsonl") or "")
