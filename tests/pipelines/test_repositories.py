from dataclasses import replace

import pyarrow as pa

from corpus.minhash import MinHashConfig, signatures
from filters.survivors import DedupConfig
from pipelines import dedup
from pipelines.clustering import Layout
from pipelines.repositories import repository_keys
from tests.pipelines.corpora import Corpus, OneAfterTheOther, document, words

MINHASH = MinHashConfig(group_bytes=9_000)
INLINE = OneAfterTheOther()


def file(repo, path, seed, **more):
    return document(f"{repo}/{path}", " ".join(words(seed)), kind="file", repo=repo, **more)


def test_a_unit_has_one_signature_however_its_files_are_cut_into_row_groups(tmp_path):
    rows = [file("x/one", str(i), f"s{i}", vendored=i == 3, kept=i != 5) for i in range(11)]
    corpus = Corpus(tmp_path, INLINE, [[document("page", "a page"), *rows[:7]], rows[7:]], MINHASH)
    layout = Layout.of(corpus.bands, corpus.signatures)
    aligned = (corpus.documents, corpus.signatures, corpus.verdicts, corpus.languages, [], [])
    units = dedup.gather(corpus.work, DedupConfig(minhash=MINHASH), layout, aligned, by_repository=True)
    keys = repository_keys(corpus.work, replace(MINHASH, group_bytes=1), layout, units, corpus.signatures, [])
    table = corpus.work.store.table(keys.behind.shards[0][0])
    assert table["unit"].to_pylist() == [0, 1] and table["n_files"].to_pylist() == [1, 9]
    counted = [row["text"] for i, row in enumerate(rows) if i not in (3, 5)]
    _, values = signatures(MINHASH, pa.array(counted, pa.large_string()))
    assert table["signature"][1].as_py() == values.min(axis=0).tolist()
