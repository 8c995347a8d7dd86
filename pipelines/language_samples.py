"""Command: source packages -> labelled files for `pipelines.train_languages`, from names that leave no doubt.

    python -m pipelines.language_samples --out more.jsonl.zst PACKAGE_OR_FOLDER ...

In come archives as registries give them (sdist, wheel, npm's .tgz, Debian's .deb by `dpkg-deb`, any tar or zip) or
folders; out goes one line of JSON per file: path, label (null for a language outside the list, which then stands in
`outside_language`), source and content. A file is taken where its name alone, or a rule for an ambiguous extension,
says what it is: the content model never labels its own training data. Generated and minified files are left out. The
caps keep one large package from deciding what a language looks like. docs/languages.md lists the packages that the
shipped model was trained on.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path, PurePosixPath

import pyarrow as pa
import zstandard

from corpus.decode import decode
from corpus.language_table import by_path, load_table, rule_head, rules_for
from corpus.languages import ClassifyConfig, classify
from corpus.sources.members import DamagedError, Limits, contents, members
from pipelines.console import end

HEAD = 64 << 10  # bytes of a file that are kept: the model reads the first 16 KiB
BATCH = 512  # files classified at once
PER_PACKAGE = 12  # files of one language from one package
PER_LANGUAGE = 48


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled file; `name` is a language of the list or one outside it."""

    source: str
    path: str
    name: str
    text: str


def files(package: str) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every readable member that is no larger than a source file is."""
    limits = Limits(max_file=1 << 20)
    listed = []
    try:
        for member in members(package, limits):
            if member.refused is None and 0 < member.size <= limits.max_file:
                listed.append(member)
    except DamagedError as error:
        print(f"{package}: {error}; what was before is used", file=sys.stderr)
    indices, sizes = [m.index for m in listed], [m.size for m in listed]
    for member, (data, refused) in zip(listed, contents(package, indices, sizes, limits), strict=False):
        if refused is None:
            yield member.path, data


def unpacked(package: Path, scratch: str) -> str:
    """A package that `members` reads: of a .deb its data, as a tar file."""
    if package.suffix != ".deb":
        return str(package)
    target = Path(scratch, package.stem + ".tar")
    with target.open("wb") as file:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=file, check=True)
    return str(target)


def by_default(path: str, text: bytes) -> bool:
    """Whether only the last of an extension's rules holds, which asks for nothing: it labels what it does not know."""
    rules = rules_for(by_path(path)[1])
    head = rule_head(text)
    first = next((rule for rule in rules if rule.matches(head)), None)
    return bool(rules) and (first is None or not first.wanted)


def labelled(source: str, found: Sequence[tuple[str, bytes]]) -> Iterator[Sample]:
    """Those whose name or a rule decides."""
    rows = []
    for path, data in found:
        made = decode(data)
        if made.refused is None and len(made.text) >= 32 and not by_default(path, made.text):
            rows.append((path, made.text[:HEAD].decode("utf-8", "ignore")))
    if not rows:
        return
    none = pa.nulls(len(rows), pa.string())
    paths, texts = pa.array([p for p, _ in rows]), pa.array([t for _, t in rows], pa.large_string())
    batch = pa.record_batch([pa.array(["file"] * len(rows)), paths, none, texts], ["kind", "path", "declared", "text"])
    answers = classify(ClassifyConfig(natural="none"), batch).to_pylist()
    for (path, text), answer in zip(rows, answers, strict=True):
        name = answer["language"] or answer["outside"] or answer["text_format"]
        if name and answer["how"] in ("name", "heuristic") and not (answer["generated"] or answer["minified"]):
            yield Sample(source, path, name, text)


def drawn(sample: Sample) -> bytes:
    """The order in which files of one language are taken: by content, so that it depends on nothing else."""
    return blake2b(sample.text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def chosen(samples: Iterator[Sample], per_package: int) -> list[Sample]:
    """At most so many of each language from one package; the same content once."""
    by_name: dict[str, dict[bytes, Sample]] = {}
    for sample in samples:
        kept = by_name.setdefault(sample.name, {})
        kept[drawn(sample)] = sample
        if len(kept) > 4 * per_package:  # bounded: only the first of the order can be taken
            by_name[sample.name] = dict(sorted(kept.items())[:per_package])
    return [sample for _, kept in sorted(by_name.items()) for _, sample in sorted(kept.items())[:per_package]]


def collect(packages: Sequence[Path], per_package: int, per_language: int) -> list[Sample]:
    """The packages' files under both caps, each package giving its share in turn."""
    made: list[list[Sample]] = []
    for package in packages:
        with tempfile.TemporaryDirectory() as scratch:
            found = files(unpacked(package, scratch))
            made.append(chosen(_in_batches(package.name, found), per_package))
    turns = [(turn, index, sample) for index, part in enumerate(made) for turn, sample in _turns(part)]
    taken: Counter[str] = Counter()
    kept, seen = [], set()
    for _, _, sample in sorted(turns, key=lambda entry: entry[:2]):
        if taken[sample.name] < per_language and drawn(sample) not in seen:
            taken[sample.name] += 1
            seen.add(drawn(sample))
            kept.append(sample)
    return kept


def _turns(part: list[Sample]) -> Iterator[tuple[int, Sample]]:
    nth: Counter[str] = Counter()
    for sample in part:
        yield nth[sample.name], sample
        nth[sample.name] += 1


def _in_batches(source: str, found: Iterator[tuple[str, bytes]]) -> Iterator[Sample]:
    held: list[tuple[str, bytes]] = []
    for entry in found:
        held.append(entry)
        if len(held) == BATCH:
            yield from labelled(source, held)
            held = []
    yield from labelled(source, held)


def line(sample: Sample) -> str:
    """As `pipelines.train_languages` reads it."""
    listed = sample.name in load_table().names
    label, outside = (sample.name, None) if listed else (None, sample.name)
    row = {"path": PurePosixPath(sample.path).name, "label": label, "outside_language": outside}
    return json.dumps({**row, "source": sample.source, "content": sample.text}) + "\n"


def main(arguments: list[str]) -> int:
    """Exit status 0, or 2 where a package does not exist."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.language_samples", description="Label source packages.")
    parser.add_argument("packages", type=Path, nargs="+", help="archives or folders")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl.zst")
    parser.add_argument("--per-package", type=int, default=PER_PACKAGE, help="files of one language from one package")
    parser.add_argument("--per-language", type=int, default=PER_LANGUAGE, help="files of one language in all")
    options = parser.parse_args(arguments)
    missing = [str(path) for path in options.packages if not path.exists()]
    if missing:
        print(f"error: no such file or folder: {', '.join(missing)}", file=sys.stderr)
        return 2
    samples = collect(sorted(options.packages), options.per_package, options.per_language)
    with options.out.open("wb") as raw, zstandard.ZstdCompressor(level=10).stream_writer(raw) as packed:
        for sample in samples:
            packed.write(line(sample).encode("utf-8", "surrogatepass"))
    names = {sample.name for sample in samples}
    listed = len(names & load_table().names)
    print(f"{options.out}: {len(samples)} files, {listed} languages of the list, {len(names) - listed} outside it")
    return 0


if __name__ == "__main__":
    end(partial(main, sys.argv[1:]))
