from benchmarks.clusters import measure


def test_a_limited_process_makes_scipys_clusters(tmp_path):
    figures = {row["what"]: row["ours"] for row in measure(str(tmp_path), 20_000, 1_000, 1 << 18, 256 << 20)}
    assert figures["0.02 million documents: share of nodes in SciPy's cluster"] == 1
    assert 3_000 < figures["0.02 million documents: clusters"] < 4_000
