"""The card of exported rows, for people: Markdown, for Hugging Face with the front matter of the Hub's data set cards.

Comes in: a format's name and the facts that `pipelines.card` has counted. Goes out: text; every number in it is one of
the facts, or a sum or a share of them. Knows no stores.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tokenization.exporters.datatrove import token_size
from tokenization.fim import LAYOUTS
from tokenization.packing import DOMAINS, PADDING

SUMS: Final = "B2SUMS"
_SHOWN: Final = 30  # values of one table; the others are summed in its last line
_OF_WORDS: Final = ("removed, by reason", "string", "hash of its files")  # columns that are not of numbers
_SIZES: Final = (
    ("n<1K", 10**3), ("1K<n<10K", 10**4), ("10K<n<100K", 10**5), ("100K<n<1M", 10**6), ("1M<n<10M", 10**7),
    ("10M<n<100M", 10**8), ("100M<n<1B", 10**9), ("1B<n<10B", 10**10), ("10B<n<100B", 10**11),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one format's card is called, and how the files are read: code that stands in their folder."""

    title: str
    file: str
    code: str
    note: str


_KINDS: Final = {
    "huggingface": _Kind(
        "Hugging Face datasets",
        "README.md",
        'from datasets import load_from_disk\n\nrows = load_from_disk(".")\nids = rows[0]["input_ids"]',
        "`segments` says of each part of a row which sample and document it is, its layout ({layouts}) and its domain "
        "({domains}). Tokens of the domain `padding` bear no loss.",
    ),
    "megatron": _Kind(
        "Megatron",
        "CARD.md",
        "from megatron.core.datasets.indexed_dataset import IndexedDataset\n\n"
        'samples = IndexedDataset("00000_rows")\nids = samples[0]',
        "One prefix a pair of files, as `--data-path` takes them. A sequence is a sample, and there is no filling: the "
        "files hold {unfilled} ids, which Megatron packs anew, in its own lengths.",
    ),
    "datatrove": _Kind(
        "datatrove and nanotron",
        "CARD.md",
        "from datatrove.utils.dataset import DatatroveFolderDataset\n\n"
        'rows = DatatroveFolderDataset(".", seq_len={before}, filename_pattern="*.ds", token_size={token_size})\n'
        'ids = rows[0]["input_ids"]',
        "With `seq_len` {before} a window is a row. The ends in `.ds.index` are those of samples. The format has no "
        "place for a loss mask: filling is end tokens.",
    ),
    "mds": _Kind(
        "MosaicML streaming (MDS)",
        "CARD.md",
        'from streaming import StreamingDataset\n\nrows = StreamingDataset(local=".", batch_size=1, shuffle=False)\n'
        'ids = rows[0]["input_ids"]',
        "`cu_seqlens` is where a row's samples begin and end, `masked` which of them bear no loss.",
    ),
    "litdata": _Kind(
        "LitData",
        "CARD.md",
        "from litdata import StreamingDataset, TokensLoader\n\n"
        'rows = StreamingDataset(".", item_loader=TokensLoader(block_size={length}))\nids = rows[0]',
        "With `block_size` {length} a block is a row. The format has no place for a loss mask: filling is end tokens.",
    ),
}


def file_name(name: str) -> str:
    """Where a format's users look for its card."""
    return _KINDS[name].file


def text(name: str, facts: Mapping[str, Any]) -> str:
    """The whole card of one format."""
    kind, recipe = _KINDS[name], facts["recipe"] or "a recipe without a name"
    rows, packed = facts["rows"], facts["documents"]
    n = sum(sums[0] for sums in packed["domain"].values())
    parts = [
        f"# {_safe(recipe)}: packed pre-training rows\n\n"
        f"{rows['tokens']:,} token ids in {rows['rows']:,} rows of {facts['settings']['pack']['length']:,}, made of "
        f"{n:,} documents, for training a language model; in the format of {kind.title}. Made by the recipe "
        f"{_code(recipe)}, whose settings up to the rows have the hash `{facts['identity']}`.",
        _load(kind, facts),
        _check(facts),
        _documents(packed),
        _rows(facts),
        _stages(facts),
        _contamination(facts),
        _duplicates(facts["settings"]["dedup"]),
        _vocabulary(facts["vocabulary"], rows),
        _licences(packed["license"]),
    ]
    head = _front_matter(recipe, facts) if kind.file == "README.md" else ""
    return head + "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(recipe: str, facts: Mapping[str, Any]) -> str:
    """What the Hub reads: JSON's strings are YAML's too."""
    documents, rows = facts["documents"], facts["rows"]["rows"]
    spoken = [code for code in sorted(documents["natural"]) if len(code) in (2, 3) and code.isascii()]
    tags = [
        *sorted(documents["domain"]),
        "pretraining",
        *(["fill-in-the-middle"] if facts["settings"]["fim"]["rate"] else []),
    ]
    made = {
        "pretty_name": f"{recipe}: packed pre-training rows",
        "language": [*spoken, *(["code"] if "code" in documents["domain"] else [])],
        "license": "other",
        "license_name": "by-document",
        "license_link": "README.md",
        "task_categories": ["text-generation"],
        "size_categories": [next((name for name, size in _SIZES if rows < size), "100B<n<1T")],
        "tags": tags,
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "data-*.arrow"}]}],
    }
    return (
        "---\n"
        + "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in made.items())
        + "---\n\n"
    )


def _load(kind: _Kind, facts: Mapping[str, Any]) -> str:
    length, n_ids = facts["settings"]["pack"]["length"], facts["vocabulary"]["n_ids"]
    unfilled = facts["rows"]["tokens"] - facts["rows"].get("filling", 0)
    known = {"length": length, "before": length - 1, "token_size": token_size(n_ids), "unfilled": f"{unfilled:,}"}
    names = {"layouts": _codes(LAYOUTS), "domains": _codes(DOMAINS)}
    code = kind.code.format(**known)
    return (
        f"## Read it\n\nIn this folder:\n\n```python\n{code}\n\n"
        "from transformers import AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained(".")\nprint(tokenizer.decode(ids))\n```\n\n'
        + kind.note.format(**known, **names)
    )


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"{code} {name}" for code, name in enumerate(names))


def _check(facts: Mapping[str, Any]) -> str:
    files, reports = facts["files"], facts["read_back"]
    readers = sorted({f"{one['reader']} {one['version'] or ''}".strip() for one in reports})
    read = sum(one["read_back"] for one in reports)
    return (
        f"## Check it\n\n`b2sum -c {SUMS}` in this folder compares every file with its hash (BLAKE2b of 128 bits): "
        f"{len(files):,} files of the format, {sum(files.values()):,} bytes, and those that describe them. Before they "
        f"were published, {read:,} rows or samples were read back by {', '.join(readers)} and compared with what had "
        "been packed."
    )


def _documents(packed: Mapping[str, Mapping[str, Sequence[int]]]) -> str:
    ways = {
        "domain": "By domain",
        "kind": "By kind of document",
        "source": "By source",
        "language": "By programming language or text format",
        "natural": "By natural language, where there is prose",
    }
    tables = [
        f"### {title}\n\n" + _sums(way, {name: sums for name, sums in packed[way].items() if name or way != "natural"})
        for way, title in ways.items()
        if any(packed[way])
    ]
    return (
        "## What is in it\n\nTokens are of the documents' text as it was encoded, once and as often as the mixture "
        "repeats it; what rows hold beside them is told below.\n\n" + "\n\n".join(tables)
    )


def _sums(way: str, values: Mapping[str, Sequence[int]], none: str = "none") -> str:
    """Documents, tokens once and packed, per value; the largest first, the rest and all in the last lines."""
    total = sum(sums[2] for sums in values.values())
    ordered = sorted(values.items(), key=lambda item: (-item[1][2], item[0]))
    shown, rest = ordered[:_SHOWN], ordered[_SHOWN:]
    lines = [(name or none, sums) for name, sums in shown]
    if rest:
        lines.append((f"{len(rest):,} others", [sum(sums[i] for _, sums in rest) for i in range(3)]))
    lines.append(("**all**", [sum(sums[i] for sums in values.values()) for i in range(3)]))
    cells = [
        [name if name == "**all**" else _safe(name), *(f"{n:,}" for n in sums), _share(sums[2], total)]
        for name, sums in lines
    ]
    return _table([way, "documents", "tokens, once", "tokens, in the rows", "share"], cells)


def _rows(facts: Mapping[str, Any]) -> str:
    rows, pack = facts["rows"], facts["settings"]["pack"]
    names = DOMAINS[:PADDING]
    with_loss = sum(rows.get(f"domain.{name}", 0) for name in names)
    lines = [(f"{name}, with its special tokens", rows.get(f"domain.{name}", 0)) for name in names]
    lines.append(("filling (end tokens, masked)", rows.get("filling", 0)))
    if rows.get("taken_down"):
        lines.append(("taken down since (end tokens, masked)", rows["taken_down"]))
    table = _table(["ids", "number", "share"], [[name, f"{n:,}", _share(n, rows["tokens"])] for name, n in lines])
    return (
        f"## Rows\n\nRows of {pack['length']:,} ids, packed by the method `{pack['method']}` in a shuffle of seed "
        f"{pack['seed']}. {with_loss:,} of {rows['tokens']:,} ids bear loss.\n\n{table}\n\n{_infilling(facts)}"
    )


def _infilling(facts: Mapping[str, Any]) -> str:
    fim = facts["settings"]["fim"]
    if not fim["rate"]:
        return "No document is cut for fill-in-the-middle."
    layouts = [(*key.split(".")[1:], n) for key, n in facts["rows"].items() if key.startswith("layout.")]
    asked = sum(n for domain, _, n in layouts if domain in fim["domains"])
    cut = sum(n for _, layout, n in layouts if layout != "plain")
    domains = ", ".join(fim["domains"])
    return (
        f"Fill-in-the-middle was drawn per document and repeat at rate {fim['rate']:g}, layout `{fim['layout']}`, in "
        f"{domains}, where a text has {fim['min_chars']:,} characters or more. In these rows {cut:,} of {asked:,} "
        f"documents of {domains} are cut ({_share(cut, asked)}), repeats counted."
    )


def _stages(facts: Mapping[str, Any]) -> str:
    lines = [
        [
            one["stage"],
            f"{one['in']:,}",
            f"{one['out']:,}",
            ", ".join(f"{_safe(why)} {n:,}" for why, n in one["reasons"]),
        ]
        for one in facts["stages"]
    ]
    said = [
        f"- {name}: " + ", ".join(f"{_safe(key)} {n:,}" for key, n in sorted(counts.items()))
        for name, counts in facts["later"].items()
        if counts
    ]
    pool = (
        f"`crawl` put {facts['pool']:,} of what it kept into a pool of pages, from which `recall` selects; what is "
        "selected joins the other documents before `filter`. "
        if facts["pool"]
        else ""
    )
    table = _table(["stage", "documents in", "out", "removed, by reason"], lines)
    return (
        f"## How it was made\n\n{table}\n\n{pool}What is `held_out` is kept for scoring and is in no row. Counters of "
        "the other stages:\n\n" + "\n".join(said)
    )


def _contamination(facts: Mapping[str, Any]) -> str:
    record, hits, gram = facts["checked"], facts["hits"], facts["settings"]["decontaminate"]
    lines = [
        [
            _safe(name),
            f"`{one['hash']}`",
            f"{one['strings']:,}",
            f"{one['used']:,}",
            f"{hits.get(f'documents_hit.{name}', 0):,}",
        ]
        for name, one in sorted(record["checked"].items())
    ]
    unchecked = ", ".join(_safe(name) for name in record["unchecked"])
    table = _table(["benchmark", "hash of its files", "strings", "used", "documents hit"], lines)
    return (
        f"## Decontamination\n\nDocuments were compared by grams of {gram['gram']} words (shorter strings by all of "
        f"theirs, {gram['min_gram']} words at least) with these benchmarks; `decontamination.json` has the record.\n\n"
        + (table if lines else "None.")
        + (f"\n\n**Not checked against:** {unchecked}." if unchecked else "")
    )


def _duplicates(dedup: Mapping[str, Any]) -> str:
    if dedup["unit"] == "none":
        return "## Deduplication\n\nOf equal texts one is kept; near-duplicates are not looked for."
    units = {"repository": "repositories", "file": "files", "both": "repositories, then files"}[dedup["unit"]]
    bare = " without files' licence headers" if dedup["drop_headers"] else ""
    verified = (
        "a shared band is enough"
        if dedup["verify"] is None
        else f"a pair is kept as one at {dedup['verify']:g} by {dedup['verify_by']}"
    )
    largest = (
        ""
        if dedup["largest_cluster"] is None
        else f" Clusters above {dedup['largest_cluster']:,} units keep all but equal texts."
    )
    return (
        "## Deduplication\n\nOf equal texts one is kept; of near-duplicates one as well: MinHash of "
        f"{dedup['shingle']} {dedup['n']}-grams{bare}, {dedup['bands']} bands of {dedup['rows']} rows, between {units} "
        f"(scope `{dedup['scope']}`); {verified}.{largest} How many went is told above."
    )


def _vocabulary(about: Mapping[str, Any], rows: Mapping[str, int]) -> str:
    lines = [
        [role, f"`{string}`", str(token), f"{rows.get(f'special.{role}', 0):,}"]
        for role, (string, token) in sorted(about["special"].items(), key=lambda item: item[1][1])
    ]
    end, _ = about["special"]["end"]
    table = _table(["role", "string", "id", "in the rows"], lines)
    return (
        f"## Vocabulary\n\n{_code(about['name'])}, a file of SHA-256 `{about['sha256']}`; {about['n_ids']:,} ids "
        f"with the special tokens. `tokenizer.json` here (SHA-256 `{about['file_sha256']}`) is that vocabulary with "
        "every special token at its id; `tokenizers.Tokenizer.from_file` and "
        "`transformers.AutoTokenizer.from_pretrained` read it, and neither "
        f"puts tokens around a text.\n\n{table}\n\n"
        "**A special token's string inside a text.** The documents here were encoded as plain text: where one of them "
        f"holds the characters `{end}`, they became ordinary ids. Both libraries make them the special token instead, "
        "as a prompt needs. To encode a text as documents were encoded: `tokenizer(text, split_special_tokens=True)` "
        "with transformers, `encode_special_tokens = True` with tokenizers. `decode` gives the characters back from "
        "either."
    )


def _licences(values: Mapping[str, Sequence[int]]) -> str:
    return (
        "## Licences\n\nEvery document stays under its own licence: that of its file's header, else of the nearest "
        "licence file of its repository, else what the nearest manifest (package.json, METADATA, ...) declares, in "
        "SPDX's terms. Of web pages and prose none was looked for. No licence is given for the whole.\n\n"
        + _sums("licence", values, none="none found")
    )


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---" if at == 0 or head in _OF_WORDS else "---:" for at, head in enumerate(heads)]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in (heads, rule, *lines))
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _safe(name: str) -> str:
    """A name from data, on one line and without HTML."""
    return " ".join(name.split()).replace("&", "&amp;").replace("<", "&lt;")


def _code(name: str) -> str:
    """A name from data as code, in which HTML is text."""
    return f"`{' '.join(name.split()).replace('`', '')}`"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else ""
