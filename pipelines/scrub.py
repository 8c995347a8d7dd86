"""Stage: documents -> spans of secrets and personal data, licence headers; then, on narrow columns, file licences.

The second step opens no text: the first has written what each licence file's text is and each manifest declares. Per
group of shards these become one small shard of (repository, folder, licence, whether a manifest says so), which a job
per document shard reads: linear in files, however large a repository is.
"""

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa

from corpus.license_names import side_by_side
from corpus.licenses import is_licence_file, nearest, nearest_licence
from corpus.manifests import folder_described
from corpus.schema import LICENSES, SCRUB
from corpus.shards import Store
from filters.secrets import COLUMNS, ScrubConfig, scrub
from pipelines.stage import Job, Result, Shards, Work, groups, tally

LICENCE_FILES = pa.schema(
    [("repo", pa.string()), ("folder", pa.string()), ("license", pa.string()), ("manifest", pa.bool_())]
)
_PLACE = ("kind", "repo", "path")  # of DOCUMENTS
_STATED = ("header_license", "manifest_license")  # of SCRUB


def run(work: Work, cfg: ScrubConfig, documents: Shards) -> Result:
    """Languages are not read: the detectors are the same for all, so a new classifier scrubs nothing again."""
    spans = work.annotate(scrub, cfg, documents, step="spans", schema=SCRUB, columns=[COLUMNS])
    jobs, readers = [], []
    for group in groups(documents, cfg.group_bytes):
        jobs.append(Job((documents[group], spans[group]), batch=documents[group.start].batch))
        readers += [len(jobs) - 1] * (group.stop - group.start)
    found = work.map(write_licence_files, None, jobs, step="licence_files", schema=LICENCE_FILES)
    jobs = [
        Job(([shard], [spanned], [found[group]]), batch=shard.batch)
        for shard, spanned, group in zip(documents, spans, readers, strict=True)
    ]
    licenses = work.map(write_licenses, None, jobs, step="licenses", schema=LICENSES)
    return Result({"spans": spans, "licenses": licenses}, tally(spans) | tally(found) | tally(licenses))


def write_licence_files(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The group's recognised licence files and declaring manifests: what each says, and of which folder."""
    documents, spans = job.inputs
    for shard, spanned in zip(documents, spans, strict=True):
        rows = zip(store.batches(shard, _PLACE), store.batches(spanned, _STATED), strict=True)
        for places, stated in rows:
            found = []
            columns = (*(places[name].to_pylist() for name in _PLACE), *(stated[name].to_pylist() for name in _STATED))
            for kind, repo, path, licence, declared in zip(*columns, strict=True):
                if kind != "file" or not repo or not path:
                    continue
                if licence and is_licence_file(path):
                    found.append((repo, path.rpartition("/")[0], licence, False))
                if declared:
                    found.append((repo, folder_described(path), declared, True))
            counts["manifests"] += sum(row[-1] for row in found)
            counts["licence_files"] += sum(not row[-1] for row in found)
            if found:
                yield pa.RecordBatch.from_pylist(
                    [dict(zip(LICENCE_FILES.names, row, strict=True)) for row in found], LICENCE_FILES
                )


def write_licenses(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Per file the licence of its own header, else of the nearest licence file up its repository's tree, else manifest.

    A nearer manifest does not outdo a licence file above it: where the two differ it is most often an example's.
    """
    (shard,), (spanned,), (found,) = job.inputs
    files: dict[str, dict[str, list[str]]] = {}
    declared: dict[str, dict[str, list[str]]] = {}
    for row in store.table(found).to_pylist():
        known = declared if row["manifest"] else files
        known.setdefault(row["repo"], {}).setdefault(row["folder"], []).append(row["license"])
    # Once a folder and not once a file below it: a folder may hold ten thousand of them.
    manifests = {
        repo: {folder: [said] if (said := side_by_side(told)) else [] for folder, told in folders.items()}
        for repo, folders in declared.items()
    }
    rows = zip(store.batches(shard, ("repo", "path")), store.batches(spanned, ["header_license"]), strict=True)
    for places, stated in rows:
        sources, licenses = [], []
        columns = (places["repo"].to_pylist(), places["path"].to_pylist(), stated["header_license"].to_pylist())
        for repo, path, header in zip(*columns, strict=True):
            by_file = header or nearest_licence(files.get(repo or "", {}), path or "")
            licence = by_file or next(iter(nearest(manifests.get(repo or "", {}), path or "")), None)
            sources.append("header" if header else "file" if by_file else "manifest" if licence else "none")
            licenses.append(licence)
        counts.update(f"licenses.{source}" for source in sources)
        yield pa.RecordBatch.from_arrays([pa.array(sources), pa.array(licenses, pa.string())], schema=LICENSES)
