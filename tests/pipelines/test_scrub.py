"""The stage: spans beside their documents, and each file's licence from its header or up its repository's tree."""

import pyarrow as pa
import pytest

from corpus.schema import DOCUMENTS
from corpus.shards import Record, Store
from filters.secrets import ScrubConfig
from pipelines.progress import RunProgress
from pipelines.scrub import run
from pipelines.stage import Work

MIT = "The MIT License\n\nThis is under the MIT license."
ISC = "Permission to distribute this software for any purpose with or without fee is hereby granted,"
ISC += " provided that the above copyright notice and this permission notice appear in all copies."


def document(repo, path, text, kind="file"):
    return {"id": bytes(16), "kind": kind, "repo": repo, "path": path, "people": [], "text": text}


def documents_in(store, *shards, continues=()):
    made = []
    for index, rows in enumerate(shards):
        batches = [pa.RecordBatch.from_pylist(group, DOCUMENTS) for group in rows]
        record = Record("one", {"bytes": 100, "continues": int(index in continues)})
        made.append(store.write_shard(f"objects/crawl/{index}", DOCUMENTS, batches, record))
    return made


@pytest.fixture
def work(tmp_path, cluster):
    store = Store(str(tmp_path))
    progress = RunProgress(store, "logs/run.jsonl")
    progress.manifest = "manifests/test/x"
    return Work(store, cluster, "scrub", progress)


def test_a_file_has_the_licence_of_its_header_or_of_the_nearest_licence_file(work):
    first = [
        [document("o/a", "LICENSE", MIT), document("o/a", "src/x.py", "x = 1  # jo@firm.de\n")],
        [document("o/a", "src/y.c", "/* SPDX-License-Identifier: Zlib */\nint y;\n")],
    ]
    second = [
        [document("o/a", "vendor/z/COPYING", ISC), document("o/a", "vendor/z/z.c", "int z;")],
        [document("o/b", "main.go", "package main"), document(None, None, "prose", "prose")],
    ]
    documents = documents_in(work.store, first, second)
    result = run(work, ScrubConfig(), documents)
    spans, licenses = (pa.concat_tables(map(work.store.table, result.outputs[name])) for name in ("spans", "licenses"))
    assert spans["n_spans"].to_pylist() == [0, 1, 0, 0, 0, 0, 0]
    assert licenses["license_from"].to_pylist() == ["header", "file", "header", "header", "file", "none", "none"]
    assert licenses["license"].to_pylist() == ["MIT", "MIT", "Zlib", "ISC", "ISC", None, None]
    for shard, made in zip(documents, result.outputs["licenses"], strict=True):
        assert [b.num_rows for b in work.store.batches(made)] == [b.num_rows for b in work.store.batches(shard)]
    assert result.counts["licence_files"] == 2
    assert result.counts["licenses.file"] == 2


def test_where_no_licence_file_is_recognised_the_nearest_manifest_decides(work):
    package, wheel = '{"license": "GPL-3.0"}', "Metadata-Version: 2.1\nLicense: Apache 2.0\n"
    rows = [
        document("o/a", "LICENSE", "All rights are somebody's."),  # not recognised
        document("o/a", "package.json", '{"license": "MIT"}'),
        document("o/a", "src/x.js", "x"),
        document("o/a", "sub/package.json", package),
        document("o/a", "sub/deep/y.js", "y"),
        document("o/a", "sub/z.c", "/* SPDX-License-Identifier: Zlib */\nint z;\n"),
        document("o/b", "LICENSE", MIT),
        document("o/b", "example/package.json", package),
        document("o/b", "example/x.js", "x"),
        document("wheel", "x-1.0.dist-info/METADATA", wheel),
        document("wheel", "x/a.py", "a = 1\n"),
        document("two", "setup.py", "setup(license='BSD')"),
        document("two", "Cargo.toml", '[package]\nlicense = "BSD-3-Clause"'),
        document("two", "package.json", package),
        document("two", "a.py", "a = 1\n"),
        document("none", "package.json", '{"type": "module"}'),
        *[document("many", f"{n}.gemspec", f"s.license = 'Own {n}'") for n in range(101)],
    ]
    result = run(work, ScrubConfig(), documents_in(work.store, [rows]))
    licenses = work.store.table(result.outputs["licenses"][0])
    assert list(zip(licenses["license_from"].to_pylist(), licenses["license"].to_pylist(), strict=True)) == [
        *[("manifest", "MIT")] * 3, *[("manifest", "GPL-3.0-only")] * 2, ("header", "Zlib"),
        ("header", "MIT"), *[("file", "MIT")] * 2, *[("manifest", "Apache-2.0")] * 2,
        *[("manifest", "BSD-3-Clause AND GPL-3.0-only")] * 4, *[("none", None)] * 102,
    ]  # fmt: skip
    assert result.counts["licenses.manifest"] == 11
    assert result.counts["manifests"] == 7 + 101
    assert result.counts["licence_files"] == 1


def test_licence_files_of_another_group_are_not_seen_but_a_repository_is_never_split(work):
    made = [document("o/a", "LICENSE", MIT), document("o/d", "package.json", '{"license": "MIT"}')]
    shards = [[made], [[document("o/a", "x.py", "x")]], [[document("o/c", "y.py", "y")]]]
    documents = documents_in(work.store, *shards, continues={1})
    licenses = run(work, ScrubConfig(group_bytes=1), documents).outputs["licenses"]
    assert [work.store.table(shard)["license"][0].as_py() for shard in licenses] == ["MIT", "MIT", None]


def test_another_size_of_group_gives_the_same_shards(work):
    manifest = document("o/a", "package.json", '{"license": "ISC"}')
    documents = documents_in(
        work.store, [[document("o/a", "LICENSE", MIT), manifest]], [[document("o/b", "x.py", "x")]]
    )
    one = run(work, ScrubConfig(), documents)
    many = run(work, ScrubConfig(group_bytes=1), documents)
    assert [s.content for s in one.outputs["licenses"]] == [s.content for s in many.outputs["licenses"]]
    assert one.outputs["spans"] == many.outputs["spans"]
