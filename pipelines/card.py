"""Steps of `export`: what the packed rows hold, counted, and everything that their card says, as one set of facts.

Comes in: the shards of the stages before, with the counters that their manifests keep, and the rows. Goes out: tallies,
one per rows shard and one per group of documents, and the card of each format. Narrow columns are read, never text.
What a takedown has emptied is counted no more, since it has no tokens.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.shards import Shard, Store
from filters.contamination import ContaminationConfig
from filters.survivors import DedupConfig
from pipelines.stage import Job, Shards, Work, groups, tally
from tokenization.exporters import card, vocabulary
from tokenization.packing import DOMAINS, NO_ID, PADDING, PackConfig
from tokenization.tokenizer import TokenizerConfig, load

_PASSES_ON: Final = {"dedup": "filter", "recall": "pool_dedup"}  # keeps, and counts, the reasons of the stage before
_REFUSING: Final = ("crawl", "pool_dedup", "recall", "filter", "dedup")  # in the order of the plan
_COLUMNS: Final = (("source", "kind"), ("language", "text_format", "outside", "natural"), ("license",), ("n_tokens",))


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What a card says of the settings: the recipe, and how it compares, checks and packs."""

    recipe: str  # its name; "" where it was not loaded by one
    identity: str  # hash of the settings of every stage up to `pack`
    pack: PackConfig
    dedup: DedupConfig
    decontaminate: ContaminationConfig


def facts_of(work: Work, about: About, rows: Shards, made: Mapping[str, Shards]) -> tuple[dict[str, Any], Shards]:
    """What every format's card says alike, as far as counters tell it; and the tallies, for `write_card`.

    `made`: outputs of the stages before, as `pipelines.build.plan` names them.
    """
    of_rows = work.map(
        tally_rows, about.pack.tokenizer, [Job(([shard],)) for shard in rows], step="of_rows", schema=None
    )
    cuts = groups(made["documents"], about.pack.group_bytes)
    aligned = [made[name] for name in ("documents", "languages", "licenses", "tokens")]
    jobs = [
        Job(([samples], [mix], *(shards[cut] for shards in aligned)), batch=samples.batch)
        for samples, mix, cut in zip(made["samples"], made["mix"], cuts, strict=True)
    ]
    of_groups = work.map(tally_group, None, jobs, step="of_groups", schema=None)
    counted = {name: tally(shards) for name, shards in made.items()}
    crawl = Counter(counted["crawled"])
    crawl.update(counted["pool"])
    by_stage = {"crawl": crawl, "pool_dedup": counted["pool_survivors"], "recall": counted["recalled"]}
    by_stage |= {"filter": counted["verdicts"], "dedup": counted["survivors"]}
    later = {"scrub": counted["spans"], "repeats": counted.get("edits", {}), "assemble": counted["samples"]}
    later |= {"encode": counted["tokens"], "mix": counted["mix"]}
    facts = {
        "recipe": about.recipe,
        "identity": about.identity,
        "stages": funnel(by_stage),
        "pool": sum(shard.rows for shard in made["pool"]),
        "later": {name: dict(counts) for name, counts in later.items()},
        "hits": {name: n for name, n in counted["contamination"].items() if name.startswith("documents_hit")},
        "settings": _settings(about),
    }
    return facts, [*of_rows, *of_groups]


def _settings(about: About) -> dict[str, Any]:
    dedup, pack, gram = about.dedup, about.pack, about.decontaminate
    return {
        "dedup": {
            **{name: getattr(dedup, name) for name in ("unit", "scope", "verify", "verify_by", "largest_cluster")},
            **{name: getattr(dedup.minhash, name) for name in ("bands", "rows", "shingle", "n", "drop_headers")},
        },
        "pack": {name: getattr(pack, name) for name in ("length", "method", "seed")},
        "fim": {name: getattr(pack.fim, name) for name in ("rate", "layout", "domains", "min_chars")},
        "decontaminate": {"gram": gram.gram, "min_gram": gram.min_gram},
    }


def funnel(by_stage: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Documents in and out of each stage that refuses some, and its own reasons."""
    told = []
    refused = refusals(by_stage)
    for name in _REFUSING:
        counts, before = by_stage[name], refused.get(_PASSES_ON.get(name, ""), [])
        if counts.get("seen"):
            seen = counts["seen"] - sum(n for _, n in before)
            reasons = [list(reason) for reason in refused[name]]
            told.append({"stage": name, "in": seen, "out": counts.get("kept", 0), "reasons": reasons})
    return told


def refusals(by_stage: Mapping[str, Mapping[str, int]]) -> dict[str, list[tuple[str, int]]]:
    """Each stage's own refusals by reason, the most frequent first, without those it passes on."""
    refused = {
        name: Counter({key.removeprefix("refused."): n for key, n in counts.items() if key.startswith("refused.")})
        for name, counts in by_stage.items()
    }
    own = {name: every - refused.get(_PASSES_ON.get(name, ""), Counter()) for name, every in refused.items()}
    return {name: sorted(few.items(), key=lambda item: (-item[1], item[0])) for name, few in own.items()}


def tally_rows(store: Store, cfg: TokenizerConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """What the tokens of one rows shard are: by domain, by special token; and how its documents are laid out."""
    ((rows,),) = job.inputs
    special = load(cfg).special
    found: Counter[str] = Counter(rows=rows.rows)
    layouts = json.loads((store.schema(rows.path).metadata or {})[b"layouts"])
    for batch in store.batches(rows):
        segments = batch["segments"].flatten()
        domain, length = (np.asarray(segments.field(name), np.int64) for name in ("domain", "length"))
        filling = np.asarray(pc.equal(segments.field("sample"), pa.scalar(NO_ID, pa.binary(16))))
        bare = domain == PADDING
        found["tokens"] += len(batch["input_ids"].flatten())
        found["filling"] += int(length[bare & filling].sum())
        found["taken_down"] += int(length[bare & ~filling].sum())
        for code, name in enumerate(DOMAINS[:PADDING]):
            found[f"domain.{name}"] += int(length[domain == code].sum())
        ids = np.asarray(batch["input_ids"].flatten())[np.repeat(~bare, length)]
        for role, token in special.items():
            found[f"special.{role}"] += int(np.count_nonzero(ids == token))
        first = ~bare & (np.asarray(segments.field("document_start")) == 0)
        pairs = Counter(zip(domain[first].tolist(), np.asarray(segments.field("layout"))[first].tolist(), strict=True))
        for (code, layout), n in pairs.items():
            found[f"layout.{DOMAINS[code]}.{layouts[layout]}"] += n
    yield json.dumps({"rows": +found}, sort_keys=True).encode()


def tally_group(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Of one group, by each way of sorting documents: how many are in the rows, their tokens once, and as repeated."""
    (samples,), (mix,), *aligned = job.inputs
    columns = [
        pa.concat_tables([store.table(shard, names) for shard in shards]).combine_chunks()
        for shards, names in zip(aligned, _COLUMNS, strict=True)
    ]
    about, languages, licenses, tokens = columns
    first = np.cumsum([0, *(shard.rows for shard in aligned[0])])
    chosen, drawn = store.table(samples, ["domain", "documents"]), store.table(mix, ["repeats"])
    lists = chosen["documents"].combine_chunks()
    member, parent = lists.flatten(), np.asarray(pc.list_parent_indices(lists))
    row = first[np.asarray(member.field("shard"))] + np.asarray(member.field("row"))
    repeats = np.asarray(drawn["repeats"], np.int64)[parent]
    once = np.asarray(pc.fill_null(tokens["n_tokens"], 0), np.int64)[row]
    there = pa.array((repeats > 0) & (once > 0))
    at = pa.array(row).filter(there)
    names = pc.coalesce(languages["language"], languages["text_format"], languages["outside"])
    told = {
        "domain": chosen["domain"].take(pa.array(parent).filter(there)),
        "kind": about["kind"].take(at),
        "source": about["source"].take(at),
        "language": names.take(at),
        "natural": languages["natural"].take(at),
        "license": licenses["license"].take(at),
    }
    numbers = {"once": pa.array(once).filter(there), "packed": pa.array(once * repeats).filter(there)}
    yield json.dumps({"documents": {name: _sums(column, numbers) for name, column in told.items()}}).encode()


def _sums(column: pa.ChunkedArray, numbers: dict[str, pa.Array]) -> dict[str, list[int]]:
    """Per value, "" for none: documents, tokens once, tokens as repeated."""
    table = pa.table({"value": pc.fill_null(column, ""), **numbers})
    made = table.group_by("value").aggregate([("once", "count"), ("once", "sum"), ("packed", "sum")]).sort_by("value")
    sums = (made[name].to_pylist() for name in ("once_count", "once_sum", "packed_sum"))
    return {name: list(row) for name, *row in zip(made["value"].to_pylist(), *sums, strict=True)}


def write_card(store: Store, cfg: TokenizerConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One format's card: `params` has its name, the facts, and the names and bytes of its files."""
    tallies, (checked, spec), reports, files = job.inputs
    params: Any = job.params
    name, facts, named = params
    tokenizer = load(cfg)
    texts = vocabulary.named_tokens(tokenizer)
    facts = {
        **facts,
        **_merged([json.loads(store.read_bytes(shard)) for shard in tallies]),
        "checked": json.loads(store.read_bytes(checked)),
        "read_back": [json.loads(store.read_bytes(shard)) for shard in reports],
        "files": {path: file.bytes for path, file in zip(named, files, strict=True)},
        "vocabulary": {
            "name": cfg.name,
            "sha256": cfg.sha256,
            "n_ids": tokenizer.n_ids,
            "special": {role: [texts[role], token] for role, token in tokenizer.special.items()},
            "file_sha256": hashlib.sha256(store.read_bytes(spec)).hexdigest(),
        },
    }
    yield card.text(name, facts).encode()


def _merged(tallies: list[dict[str, Any]]) -> dict[str, Any]:
    rows: Counter[str] = Counter()
    documents: dict[str, dict[str, list[int]]] = {}
    for one in tallies:
        rows.update(one.get("rows", {}))
        for way, values in one.get("documents", {}).items():
            known = documents.setdefault(way, {})
            for value, sums in values.items():
                known[value] = [a + b for a, b in zip(known.get(value, [0, 0, 0]), sums, strict=True)]
    return {"rows": dict(rows), "documents": documents}


def write_spec(store: Store, cfg: TokenizerConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """`tokenizer.json`."""
    yield vocabulary.spec(load(cfg))


def write_settings(store: Store, cfg: TokenizerConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """`tokenizer_config.json`."""
    yield vocabulary.settings(load(cfg))


def write_sums(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Hash and name of every other file of the folder, as `b2sum -c` reads them: the store has the hashes already."""
    (files,) = job.inputs
    names: Any = job.params
    listed = sorted(zip(names, files, strict=True))
    yield "".join(f"{file.content}  {name}\n" for name, file in listed).encode()


def beside(work: Work, tokenizer: TokenizerConfig) -> dict[str, Shard]:
    """The vocabulary's two files, the same for every format."""
    made = {
        vocabulary.FILE: work.map(write_spec, tokenizer, [Job(())], step="tokenizer", schema=None),
        vocabulary.SETTINGS: work.map(write_settings, tokenizer, [Job(())], step="tokenizer_config", schema=None),
    }
    return {name: shard for name, [shard] in made.items()}
