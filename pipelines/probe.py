"""Stage: packed rows and the held-out scoring set -> loss curve and scores of one short run.

The tasks of an ablation's runs (`pipelines.ablate`) are these same functions, with seeds and the base's vocabulary.
"""

import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain, islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.shards import Shard, Store
from corpus.sources.hub import model_folder
from filters.source_scan import comment_bytes
from pipelines.identity import canonical, digest
from pipelines.stage import Job, Result, Shards, Work, tally
from tokenization import tokenizer
from validate import infilling, scores
from validate.probes import cards, data, fastest, model, train
from validate.probes.config import ProbeConfig

LOGS = "logs/probes"  # of the store's folder, a file per run
KERNEL_LOGS = "logs/kernels"  # what was measured, a file per choice
_CELLS_AT_ONCE = 256  # drawn stretches read together: each row group of a shard is then opened once for several
_SPREAD = 16  # rows looked at for each one's worth of tokens that is read: many documents, a little of each


def run(work: Work, cfg: ProbeConfig, rows: Shards, scoring: Shards) -> Result:
    """An artefact each for kernels and vocabulary, one for the run: {"log", "before", "after", "parameters"}."""
    check_start(cfg)
    kernels = work.map(choose_kernels, cfg, [Job(())], step="kernels", schema=None)
    vocabulary = work.map(train_vocabulary, cfg, [Job((rows,))], step="vocabulary", schema=None)
    made = work.map(train_probe, cfg, [Job((rows, vocabulary, scoring, kernels))], step="run", schema=None)
    return Result({"vocabulary": vocabulary, "kernels": kernels, "results": made}, tally(made))


def choose_kernels(store: Store, cfg: ProbeConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """{"experts", "attention"} of all runs with these settings; what was measured goes to a log, not into the bytes."""
    experts, attention = cfg.train.experts, cfg.train.attention
    if cfg.kernels == "measured" or (cfg.kernels == "auto" and fastest.on_gpu()):
        config = model.configuration_for(cfg.size, None if cfg.start is None else model_folder(cfg.start, offline=True))
        experts, attention, found = fastest.fastest(config, cfg.train)
        log = {"size": cfg.size, "experts": experts, "attention": attention, "measured": [asdict(one) for one in found]}
        store.write_text(f"{KERNEL_LOGS}/{digest(canonical(cfg))}.json", json.dumps(log, indent=1))
        counts.update(measured=len(found), refused=sum(one.refused is not None for one in found))
    yield json.dumps({"experts": experts, "attention": attention}, sort_keys=True).encode()


def _here(store: Store) -> str:
    """The store's folder, or this machine's scratch folder where the store is remote."""
    return store.url("") if store.is_local else f"{tempfile.gettempdir()}/"


def _with_kernels(store: Store, cfg: ProbeConfig, file: Shard) -> ProbeConfig:
    return replace(cfg, train=replace(cfg.train, **json.loads(store.read_bytes(file))))


def train_vocabulary(store: Store, cfg: ProbeConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Tokenizer JSON from the text of the first rows; nothing where the rows' own ids are kept."""
    if cfg.vocabulary is None:
        yield b""
        return
    decode, special = _roles(cfg)
    texts = data.texts(_pieces(store, job.inputs[0]), special, decode)
    yield data.train_vocabulary(_up_to(texts, cfg.vocabulary_bytes), cfg.vocabulary).encode()


def train_probe(store: Store, cfg: ProbeConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Train on rows drawn for the seed, score before and after."""
    rows, (vocabulary_file,), scoring, (kernels_file,) = job.inputs
    cfg = _with_kernels(store, cfg, kernels_file)
    vocabulary = load_vocabulary(store, cfg, vocabulary_file)
    windows = drawn_windows(store, cfg, rows, vocabulary)
    train.check_length(len(windows.ids), cfg.train)
    net = _model(cfg, vocabulary)
    held_out = [(document.domain, document.text) for document in scored(store, cfg, scoring)]
    before = scores.bits_per_byte(net, vocabulary, held_out, cfg.train.length)
    log = (train.train if cfg.train.cards == 1 else cards.train_on_cards)(net, windows, cfg.train)
    after = scores.bits_per_byte(net, vocabulary, held_out, cfg.train.length)
    counts.update(parameters=model.n_parameters(net), steps=len(log), scored=len(held_out))
    results = {"log": log, "before": before, "after": after, "parameters": model.n_parameters(net)}
    yield json.dumps(results, sort_keys=True).encode()


def train_seed(store: Store, cfg: ProbeConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One run of an ablation: `job.params` is the seed. {"log", "documents", "infilling", "parameters",
    "kernels"}.

    Keeps its state in a checkpoint beside the store (on a remote root: in this machine's scratch folder) and a line per
    step in `logs/`, which `tail -f` shows while it runs. How long it took is among the counters, not in the bytes.
    """
    seed: Any = job.params
    rows, (vocabulary_file,), scoring, (kernels_file,) = job.inputs
    cfg = _with_kernels(store, replace(cfg, train=replace(cfg.train, seed=seed)), kernels_file)
    started = time.process_time()
    vocabulary = load_vocabulary(store, cfg, vocabulary_file)
    windows = drawn_windows(store, cfg, rows, vocabulary)
    train.check_length(len(windows.ids), cfg.train)
    net = _model(cfg, vocabulary)
    key = digest([canonical(cfg), [[shard.content for shard in shards] for shards in job.inputs]])
    where = _here(store)
    kept = train.Checkpoints(path=f"{where}checkpoints/{key}.pt", every=cfg.checkpoint_steps)
    how = train.train if cfg.train.cards == 1 else cards.train_on_cards
    tell = train.LogTo(f"{where}{LOGS}/{key}.jsonl", {"seed": seed, "steps": cfg.train.steps})
    log = how(net, windows, cfg.train, kept, tell)
    documents = scored(store, cfg, scoring)
    results = {
        "log": log,
        "documents": document_scores(net, vocabulary, documents, cfg),
        "infilling": _infilling(net, vocabulary, documents, cfg),
        "parameters": model.n_parameters(net),
        "kernels": {"experts": cfg.train.experts, "attention": cfg.train.attention},
    }
    if cfg.keep:
        results["model"] = _keep(net, f"{where}models/{key}", vocabulary_file, store, cfg)
    milliseconds = round(1000 * (time.process_time() - started))
    counts.update(steps=len(log), tokens=windows.ids.size, scored=len(documents), cpu_milliseconds=milliseconds)
    yield json.dumps(results, sort_keys=True).encode()
    kept.remove()


def check_start(cfg: ProbeConfig) -> None:
    """Brings the checkpoint to continue from into the hub's cache; tasks read that, and no network.

    Raises FileNotFoundError where it cannot be had, and CheckpointError where the rows' ids are not its vocabulary;
    a small vocabulary is known, and compared, only when it has been trained.
    """
    if cfg.start is None:
        return
    folder = model_folder(cfg.start)
    if cfg.vocabulary is None:
        model.check(folder, _rows_vocabulary(cfg))


def _rows_vocabulary(cfg: ProbeConfig) -> data.Vocabulary:
    rows = tokenizer.load(cfg.tokenizer)
    decode, _ = _roles(cfg)
    # Where samples have no begin token, a document follows the end of another.
    begin = rows.end if rows.begin is None else rows.begin
    special = (begin, rows.end, rows.fim_hole, rows.fim_begin, rows.fim_end)
    sizes = np.array([len(rows.raw([token])) for token in range(rows.n_ids)], np.int64)
    return data.Vocabulary(rows.n_ids, *special, lambda text: rows.encode(text).tolist(), decode, sizes)


def load_vocabulary(store: Store, cfg: ProbeConfig, file: Shard) -> data.Vocabulary:
    """The small vocabulary, or the rows' own."""
    if cfg.vocabulary is not None:
        return data.small_vocabulary(store.read_bytes(file).decode())
    return _rows_vocabulary(cfg)


def drawn_windows(store: Store, cfg: ProbeConfig, rows: Shards, vocabulary: data.Vocabulary) -> data.Windows:
    """As many windows as the steps need, of stretches in the order drawn for the seed."""
    decode, special = _roles(cfg)
    small = None if cfg.vocabulary is None else vocabulary
    pieces = _drawn_pieces(store, rows, cfg)
    return data.windows(pieces, special, decode, small, cfg.train.length, cfg.train.windows)


def scored(store: Store, cfg: ProbeConfig, shards: list[Shard]) -> list[scores.Document]:
    """Excerpts of held-out documents in order of id, up to `scoring_bytes` a domain and at least one of each."""
    found: list[dict[str, Any]] = []
    for shard in shards:
        found += store.table(shard, ["id", "domain", "language", "text"]).to_pylist()
    taken: dict[str, int] = {}
    chosen = []
    for row in sorted(found, key=lambda row: row["id"]):
        part = scores.excerpt(row["text"], row["id"], cfg.document_bytes)
        size, used = part.stop - part.start, taken.get(row["domain"], 0)
        if size and (not used or used + size <= cfg.scoring_bytes):
            taken[row["domain"]] = used + size
            comments = comment_bytes(row["text"], row["language"])[part]  # an excerpt may begin inside a docstring
            text = row["text"].encode()[part].decode()
            chosen.append(scores.Document(row["id"].hex(), row["domain"], row["language"], text, comments))
    return chosen


def document_scores(
    net: Any, vocabulary: data.Vocabulary, documents: list[scores.Document], cfg: ProbeConfig
) -> list[dict[str, Any]]:
    """Per document its bytes and bits, those of its comments, and its bits with its lines in a drawn order."""
    mixed = [scores.other_order(document.text, bytes.fromhex(document.id)) for document in documents]
    in_disorder = scores.document_bits(net, vocabulary, mixed, cfg.train.length)
    bits, in_comments = scores.comment_bits(net, vocabulary, documents, cfg.train.length)
    return [
        {
            "id": document.id,
            "domain": document.domain,
            "language": document.language,
            "bytes": len(document.comments),
            "bits": round(cost, 4),
            "bits_disordered": round(other, 4),
            "comment_bytes": int(document.comments.sum()),
            "comment_bits": round(inside, 4),
        }
        for document, cost, other, inside in zip(documents, bits, in_disorder, in_comments, strict=True)
    ]


def _keep(net: Any, folder: str, vocabulary_file: Shard, store: Store, cfg: ProbeConfig) -> str:
    """The model beside its vocabulary, as `pipelines.evaluate` opens it; its folder, by its name in the store."""
    if cfg.vocabulary is None:
        whole, special = tokenizer.vocabulary_bytes(cfg.tokenizer), _rows_vocabulary(cfg)
    else:
        whole, special = store.read_bytes(vocabulary_file), load_vocabulary(store, cfg, vocabulary_file)
    model.save(net, folder, whole, special)
    return "/".join(folder.split("/")[-2:])


def _infilling(
    net: Any, vocabulary: data.Vocabulary, documents: list[scores.Document], cfg: ProbeConfig
) -> dict[str, dict[str, float]]:
    code = [document for document in documents if document.domain == "code"][: cfg.infilled]
    context = cfg.train.length  # characters on either side: some two thirds of the window
    found = [span for document in code for span in infilling.spans(document.text, bytes.fromhex(document.id), context)]
    return scores.infilling(net, vocabulary, found, cfg.generated)


def _model(cfg: ProbeConfig, vocabulary: data.Vocabulary) -> Any:
    if cfg.start is not None:
        return model.load(model_folder(cfg.start, offline=True), vocabulary)
    plan = cfg.train.plan if cfg.train.cards == 1 else "float32"  # several cards get their parts from this process
    return model.build(cfg.size, vocabulary.size, cfg.train.length, cfg.train.seed, plan=plan)


def _roles(cfg: ProbeConfig) -> tuple[data.Decode, dict[int, int]]:
    """Decoder of the rows' vocabulary, and its special ids -> the small vocabulary's, in the order of data.SPECIAL."""
    rows = tokenizer.load(cfg.tokenizer)
    roles = ("begin", "end", "fim_hole", "fim_begin", "fim_end")
    special = {rows.special[role]: at for at, role in enumerate(roles) if role in rows.special}
    return lambda piece: rows.raw(piece).decode("utf-8", "replace"), special


def _pieces(store: Store, rows: Shards) -> Iterator[npt.NDArray[np.int32]]:
    for shard in rows:
        for batch in store.batches(shard):
            yield from data.sample_pieces(batch)


def _drawn_pieces(store: Store, rows: Shards, cfg: ProbeConfig) -> Iterator[npt.NDArray[np.int32]]:
    """Stretches in the order of their draws, span of rows by span; memory: the places of a span's stretches."""
    ends = np.cumsum([shard.rows for shard in rows])
    total = int(ends[-1]) if len(ends) else 0
    length, seed = cfg.train.length, cfg.train.seed
    row_length = _row_length(store, rows) if total else 1
    size = _SPREAD * (cfg.train.windows * length // row_length + 1)
    for span in data.spans(total, size, seed):
        listed = (
            data.cells(row, batch["segments"][at].as_py(), length, seed)
            for row, batch, at in _rows(store, rows, ends, span, ["segments"])
        )
        drawn = iter(sorted(chain.from_iterable(listed)))
        while wanted := list(islice(drawn, _CELLS_AT_ONCE)):
            numbers = sorted({cell.row for cell in wanted})
            found = {
                row: batch["input_ids"][at].values.to_numpy()
                for row, batch, at in _rows(store, rows, ends, numbers, ["input_ids"])
            }
            yield from (found[cell.row][cell.start : cell.end] for cell in wanted)


def _row_length(store: Store, rows: Shards) -> int:
    first = next(store.batches(rows[0]))
    return int(first.schema.field("input_ids").type.list_size)


def _rows(
    store: Store, rows: Shards, ends: npt.NDArray[np.int64], wanted: Sequence[int], columns: list[str]
) -> Iterator[tuple[int, pa.RecordBatch, int]]:
    """(row, its batch, its place there) of ascending row numbers; shards that hold none of them are not opened."""
    numbers = np.asarray(wanted)
    for index, shard in enumerate(rows):
        start = int(ends[index]) - shard.rows
        inside = numbers[(numbers >= start) & (numbers < ends[index])]
        if not len(inside):
            continue
        for batch in store.batches(shard, columns):
            here = inside[(inside >= start) & (inside < start + batch.num_rows)]
            yield from ((row, batch, row - start) for row in here.tolist())
            start += batch.num_rows


def _up_to(texts: Iterable[str], n_bytes: int) -> Iterator[str]:
    for text in texts:
        yield text
        n_bytes -= len(text.encode())
        if n_bytes <= 0:
            return
