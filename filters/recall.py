"""DeepSeekMath's recall loop as decisions: which pages are the seed, which are kept, which sites are about a subject.

Comes in: URLs and logits of pages. Goes out: seed labels, keys to rank by, the label of each selected page, and URL
prefixes whose pages join the next round's seed. The rounds (section 2.1 of DeepSeekMath, three of them in
DeepSeek-Coder-V2): train on the seed, score the pool, keep the best so many tokens, call a domain related of which more
than 10 % was kept, add its uncollected pages, repeat. Knows no shards, no fastText and no text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.exact import normalized_url
from corpus.schema import RECALL_SCORES
from filters.recall_model import ClassifierConfig, probability

NOT_SELECTED = "not_selected"
SEEDS = pa.schema([("seed", pa.bool_()), ("label", pa.string())])  # of which label, or null
SITES = pa.schema(
    [
        ("label", pa.string()),
        ("domain", pa.string()),
        ("prefix", pa.string()),
        ("pages", pa.int64()),
        ("collected", pa.int64()),
    ]
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """One subject: where its seed is, and how many tokens of it each round keeps.

    `domains` match a host and what lies below it ("sympy.org" is docs.sympy.org too). `url_patterns` are shell patterns
    on the URL without scheme and "www." ("math.stackexchange.com/questions/*"). `documents` are texts of the seed that
    are not in the pool. `cut_tokens` has one number per round, the last one standing for all later rounds: DeepSeekMath
    kept 40B tokens in the first of four rounds, 89B in the second, 120B at last, of 40B pages. None, from the second
    round on, keeps as many tokens as the seed has and half of what the round before selected and nobody decided.
    """

    name: str
    cut_tokens: tuple[int | None, ...]
    domains: tuple[str, ...] = ()
    url_patterns: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or "." in self.name:
            raise ValueError(f"a label needs a name without dots, not {self.name!r}")
        for name in ("cut_tokens", "domains", "url_patterns", "documents"):
            value: object = getattr(self, name)
            if not isinstance(value, tuple):
                raise ValueError(f"{name} of {self.name} is a tuple: write ({value!r},), with the comma")
        for seed in self.seeds():
            if "://" in seed or (seed in self.domains and "/" in seed):
                raise ValueError(
                    f"{self.name}'s seed {seed!r}: domains are hosts alone, such as 'sympy.org', and url_patterns have "
                    f"no scheme, such as 'docs.sympy.org/latest/*'"
                )
        if not self.cut_tokens or self.cut_tokens[0] is None or min(n for n in self.cut_tokens if n is not None) < 1:
            raise ValueError(
                f"cut_tokens of {self.name} needs a number of at least 1 per round, or None from the second round on, "
                f"not {self.cut_tokens}"
            )
        if not (self.domains or self.url_patterns or self.documents):
            raise ValueError(f"{self.name} has no seed: give domains, url_patterns or documents")

    def cut_of(self, round_: int, seed: int, undecided: int) -> int:
        """Tokens to keep in this round, counted from 0; of the seed and what was selected and not decided, if asked."""
        asked = self.cut_tokens[min(round_, len(self.cut_tokens) - 1)]
        return max(1, seed + undecided // 2) if asked is None else asked

    def seeds(self) -> list[str]:
        """Domains and patterns, in the order in which matches are counted."""
        return [*self.domains, *self.url_patterns]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecallConfig:
    """The web loop. 10 % of a domain is published; minimum counts, prefixes instead of a person, and stopping are ours.

    `prefix_share` 0.5: below a prefix of which half was kept, a page that was not kept is more likely related than not.
    `stop_share` 0.02: DeepSeekMath stopped when 98 % of a round had been collected in the one before.
    """

    labels: tuple[Label, ...] = ()
    rounds: int = 3
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    domain_share: float = 0.10
    min_pages: int = 10  # of a domain or prefix; below, a share says little
    prefix_share: float = 0.5
    prefix_depth: int = 1  # path segments of a prefix
    edited: tuple["Edited", ...] = ()  # a person's prefixes instead of the proposed ones, by round
    join_collected: bool = False  # approved pages join the seed whether or not the round collected them
    samples: int = 5  # pages on each side of a cut that the report shows
    # Undecided pages around the cut that a proposal lists, for a person to decide; of the seed, with folds, a quarter.
    read: int = 20
    stop_share: float = 0.02
    max_seed_share: float = 0.5  # of the pool; beyond, the negatives are not "random pages" any more
    max_domain_share: float = 0.5  # likewise, of one domain; a shard counts where the domain is more than this of it
    unmatched_seeds: bool = False  # allow seeds that match nothing, as in a sample of the pool
    group_bytes: int = 1 << 30  # of pool pages per shard of selected documents

    def __post_init__(self) -> None:
        names = [label.name for label in self.labels]
        if len(set(names)) != len(names):
            raise ValueError(f"labels names one twice: {names}")
        for name in ("rounds", "min_pages", "prefix_depth", "samples", "group_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.read < 0:
            raise ValueError(f"read must be at least 0, not {self.read}")
        for name in ("domain_share", "prefix_share", "stop_share", "max_seed_share", "max_domain_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], not {getattr(self, name)}")
        for edited in self.edited:
            unknown = sorted({label.removeprefix(REJECTED) for label, _ in edited.patterns} - set(names))
            if unknown:
                known = ", ".join(names)
                raise ValueError(
                    f"edited after round {edited.round} names label {unknown[0]!r}; the labels are: {known}"
                )

    def edited_after(self, round_: int) -> "Edited | None":
        """What a person made of the prefixes proposed after this round, counted from 1."""
        return next((edited for edited in self.edited if edited.round == round_), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Edited:
    """URL prefixes whose uncollected pages join the seed of the next round: (label, prefix, shell pattern or page).

    A prefix is a host and folders, and stands for the pages directly in that folder: "mathoverflow.net/questions" with
    `prefix_depth` 1 also for what is deeper. A pattern has `*`, `?` or `[`, and stands for every URL that it matches.
    The URL of a page stands for that page. "-math" instead of "math" says that a person looked and it is not: such
    pages are negatives of that label in all further rounds, drawn or not, and never selected for it. Of a page's
    matches its own URL counts before a prefix, the deepest prefix before others, a prefix before patterns, and the
    first pattern before later ones.
    """

    round: int
    patterns: tuple[tuple[str, str], ...]


REJECTED = "-"  # before a label: not about it
NEVER = -100.0  # logit of a page that a person rejected
EDIT_HEAD = """\
# After round {round}: pages below these URL prefixes that were not collected join the seed of round {next}.
# To change that: copy the file to a folder of yours, take lines out or add some (label, tab, prefix or shell
# pattern; "-label" for what is not about it), set RecallConfig(edited=edited_patterns(FOLDER)) in the recipe, and
# build again: rounds up to this one are not run again.
# HOST/FOLDER stands for all pages below it, HOST alone for those in no folder, HOST/* for all. Behind each: how many
# pages of it the round collected, and how some of them begin.
# Lines with "#+" are folders of which less was collected; take the mark away to accept one, and put "-" before the
# label to say that it is not about it. The counts are without the folders below it that have a line of their own; the
# deepest folder that has a decision counts.
# Lines with "#?" are single pages around the cut that are worth reading: take the mark away, and put "-" before the
# label of those that are not about it. A page's own line counts before its folder's.
# Lines with "#!" are pages that a folder or a pattern put into the seed, those that read least like it to models not
# trained on them, the least alike first. Take the mark away from those that are not about it, and put "-" before the
# label.
"""


def edit_file(
    round_: int,
    related_: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]],
    reading: Mapping[str, Mapping[str, Any]],
) -> str:
    """The proposal as a file that a person can edit; counts, scores and excerpts are there to be read.

    `reading`: by label `folders` (name -> sample pages), `pages` to decide and `odd` ones, made by
    `pipelines.recall_reading`.
    """
    lines = [EDIT_HEAD.format(round=round_, next=round_ + 1)]
    for label, found in related_.items():
        told = reading.get(label, {"folders": {}, "pages": [], "odd": []})
        lines += [
            f"# {label}: related domain {row['domain']}, {row['collected']:,} of {row['pages']:,} pages collected\n"
            for row in found["domains"]
        ]
        accepted = {row["prefix"] for row in found["prefixes"]}
        rows = [("", row["prefix"], row) for row in found["prefixes"]]
        rows += [("#+", row["folder"], row) for row in found.get("folders", ()) if row["folder"] not in accepted]
        for mark, name, row in rows:
            samples = " | ".join(_sample(name, page) for page in told["folders"].get(name, ()))
            lines.append(f"{mark}{label}\t{name}\t{row['collected']}/{row['pages']}\t{samples}".rstrip() + "\n")
        lines += [
            f"{mark}{label}\t{normalized_url(page['where'])}\t{page['score']:.3f}\t{page['text'][:_EXCERPT]}\n"
            for mark, key in (("#?", "pages"), ("#!", "odd"))
            for page in told[key]
            if page["where"]
        ]
    return "".join(lines)


_EXCERPT = 200  # characters
_SAMPLE_EXCERPT = 70


def _sample(folder: str, page: Mapping[str, Any]) -> str:
    name = normalized_url(page["where"] or "").removeprefix(folder).lstrip("/")
    return f"{name}: {page['text'][:_SAMPLE_EXCERPT]}"


def parse_edits(text: str, name: str) -> tuple[tuple[str, str], ...]:
    """Lines of such a file; what stands behind the pattern is not read."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        label, _, rest = line.partition("\t")
        pattern = rest.partition("\t")[0].strip()
        if label[:1] in ("!", "?", "+"):
            raise ValueError(
                f"{name}, line {number}: take the whole mark '#{label[0]}' away, not '#' alone, in {line!r}"
            )
        if not label.strip() or not pattern or " " in pattern:
            raise ValueError(
                f"{name}, line {number}: expected a label, a tab and a URL prefix or pattern, not {line!r}"
            )
        found.append((label.strip(), pattern.removeprefix("https://").removeprefix("http://").removeprefix("www.")))
    return tuple(found)


Rule = tuple[str, tuple[str, ...], tuple[str, ...]]  # label, domains, URL patterns


class Seeds:
    """The seed as a function of URLs: labels' domains and patterns."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._domains: dict[str, list[tuple[int, str, str]]] = {}
        self._patterns: list[tuple[re.Pattern[str], tuple[int, str, str]]] = []
        for number, (label, domains, patterns) in enumerate(rules):
            for domain in domains:
                self._domains.setdefault(domain.lower(), []).append((number, label, domain))
            self._patterns += [(re.compile(translate(pattern)), (number, label, pattern)) for pattern in patterns]

    def matches(self, address: str) -> list[tuple[str, str]]:
        """(label, seed) of all seeds that a URL as `normalized_url` writes it matches; labels in their order."""
        found = [match for pattern, match in self._patterns if pattern.fullmatch(address)]
        host = address.partition("/")[0].partition(":")[0]
        while host:
            found += self._domains.get(host, ())
            host = host.partition(".")[2]
        return [(label, seed) for _, label, seed in sorted(found)]


def addresses(urls: pa.Array) -> list[str]:
    """Normalized URLs; "" for none."""
    return ["" if url is None else normalized_url(url) for url in urls.to_pylist()]


def prefix(address: str, depth: int) -> str:
    """Host and the first `depth` folders of the path, as a person would annotate: `mathoverflow.net/questions`.

    A page's own name is no folder: `host/page.html` has the prefix `host`.
    """
    host, *path = address.partition("?")[0].split("/")
    return "/".join([host, *path[: min(depth, len(path) - 1)]]) if path else host


class Joining:
    """Which label a page's URL joins, by prefixes and patterns; the first pattern that matches says so."""

    def __init__(self, patterns: Sequence[tuple[str, str]], depth: int) -> None:
        self._depth = depth
        self._prefixes: dict[str, str] = {}
        self._wild: list[tuple[re.Pattern[str], str, str]] = []
        for label, pattern in patterns:
            if any(mark in pattern for mark in "*?["):
                self._wild.append((re.compile(translate(pattern)), label, pattern))
            else:
                self._prefixes.setdefault(pattern.rstrip("/"), label)
        depths = {pattern.count("/") for pattern in self._prefixes}
        self._depths = sorted((more for more in depths if more > depth), reverse=True)

    def match(self, address: str) -> tuple[str, str] | None:
        """(label, pattern) of the decision that counts, or None."""
        return next(self._all(address), None)

    def matches(self, address: str) -> list[tuple[str, str]]:
        """All that match, the one that counts first."""
        return list(self._all(address))

    def _all(self, address: str) -> Iterator[tuple[str, str]]:
        label = self._prefixes.get(address)
        if label is not None:  # the page itself
            yield label, address
        for depth in (*self._depths, self._depth):  # the deepest folder first
            folder = prefix(address, depth)
            if folder != address and (folder.count("/") == depth or depth == self._depth):
                label = self._prefixes.get(folder)
                if label is not None:
                    yield label, folder
        for compiled, label, pattern in self._wild:
            if compiled.fullmatch(address):
                yield label, pattern


def ties(ids: Iterable[bytes]) -> np.ndarray:
    """A hash of each id: the order of pages that score the same, whatever shard they are in."""
    made = [int.from_bytes(blake2b(i, digest_size=4, person=b"recall").digest(), "little") for i in ids]
    return np.array(made, np.uint32)


def rank_keys(logits: np.ndarray, tied: np.ndarray) -> np.ndarray:
    """Ascending keys for descending logits. The bits of a float, with negative ones turned over, sort as it does."""
    bits = np.ascontiguousarray(logits, np.float32).view(np.uint32)
    ascending = np.where(bits >> np.uint32(31), ~bits, bits | np.uint32(1 << 31))
    keys: np.ndarray = ((~ascending).astype(np.uint64) << np.uint64(32)) | tied.astype(np.uint64)
    return keys


def selected(
    labels: Sequence[str], logits: Sequence[np.ndarray], within: Sequence[np.ndarray], taking_part: np.ndarray
) -> pa.RecordBatch:
    """Score and label: the best label's, or of those that selected the page the best one's. The first where equal.

    `within` says by label which pages its cut keeps; a page that does not take part has score 0 and no label.
    """
    n = len(taking_part)
    table = np.concatenate([*(found[None] for found in logits), np.full((1, n), -np.inf, np.float32)])
    kept = np.concatenate([*((inside & taking_part)[None] for inside in within), np.zeros((1, n), bool)])
    has_label: np.ndarray = np.logical_or.reduce(kept, axis=0)
    best = np.where(has_label, np.where(kept, table, -np.inf).argmax(axis=0), table.argmax(axis=0))
    score = np.where(taking_part, probability(table[best, np.arange(n)]), np.float32(0))
    names = [labels[i] if has else None for i, has in zip(best.tolist(), has_label.tolist(), strict=True)]
    return pa.RecordBatch.from_arrays([pa.array(score), pa.array(names, pa.string())], schema=RECALL_SCORES)


def sites(
    labels: Sequence[str],
    domains: Sequence[str | None],
    addresses_: Sequence[str],
    collected: Sequence[str | None],
    depth: int,
) -> dict[tuple[str, str], list[int]]:
    """Pages and, per label, collected pages of every (domain, prefix)."""
    found: dict[tuple[str, str], list[int]] = {}
    for domain, address, label in zip(domains, addresses_, collected, strict=True):
        row = found.setdefault((domain or address.partition("/")[0], prefix(address, depth)), [0] * (1 + len(labels)))
        row[0] += 1
        if label is not None:
            row[1 + labels.index(label)] += 1
    return found


def related(
    cfg: RecallConfig, labels: Sequence[str], counted: Mapping[tuple[str, str], Sequence[int]]
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Per label the related domains, and the prefixes in them that are proposed for the seed, best first.

    A prefix goes to the label that collected most of it, so that no page joins two seeds.
    """
    by_domain: dict[str, list[int]] = {}
    for (domain, _), row in counted.items():
        whole = by_domain.setdefault(domain, [0] * len(row))
        for i, n in enumerate(row):
            whole[i] += n
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for i, label in enumerate(labels, 1):
        close = {d for d, row in by_domain.items() if row[0] >= cfg.min_pages and row[i] > cfg.domain_share * row[0]}
        proposed = [
            {"prefix": name, "pages": row[0], "collected": row[i]}
            for (domain, name), row in counted.items()
            if domain in close
            and row[0] >= cfg.min_pages
            and row[i] >= cfg.prefix_share * row[0]
            and row[i] == max(row[1:])
            and label == labels[list(row[1:]).index(row[i])]
        ]
        domains = [{"domain": d, "pages": by_domain[d][0], "collected": by_domain[d][i]} for d in close]
        found[label] = {"domains": best_first(domains, "domain"), "prefixes": best_first(proposed, "prefix")}
    return found


def collected_domains(labels: Sequence[str], counted: Mapping[tuple[str, str], Sequence[int]]) -> dict[str, int]:
    """Per label the domains of which anything was collected."""
    return {label: len({d for (d, _), row in counted.items() if row[i]}) for i, label in enumerate(labels, 1)}


def best_first(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """By share collected; by name where equal."""
    return sorted(rows, key=lambda row: (-row["collected"] / row["pages"], row[name]))


@dataclass(frozen=True, kw_only=True, slots=True)
class RecallSourceConfig:
    """The GitHub loop: the same classifier over source files, from a seed of files that are written with care.

    Published: two rounds, 94B tokens beside 821B of rule-filtered source; nothing of the seed. Ours: a seed file
    has descriptive comments (a share of its characters in `comment_share`), belongs to a repository with tests, and has
    one of `licenses`. `cut_share` 0.11 is 94 / 821, of the tokens that take part; `rounds` 0 leaves the stage out. A
    further round adds to the seed what the round before selected with a probability of at least `join_probability`.
    """

    label: str = "code"
    rounds: int = 1
    cut_share: float = 0.11
    comment_share: tuple[float, float] = (0.10, 0.60)
    lines: tuple[int, int] = (20, 2_000)
    licenses: tuple[str, ...] | None = ("MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "MPL-2.0")
    needs_tests: bool = True
    join_probability: float = 0.9
    unmatched_seeds: bool = False  # allow an empty seed, as in a sample; nothing is selected then
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    group_bytes: int = 1 << 30  # documents whose repositories are looked at together

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise ValueError(f"rounds must be at least 0, not {self.rounds}")
        if not 0 < self.cut_share <= 1:
            raise ValueError(f"cut_share must be in (0, 1], not {self.cut_share}")
        for name in ("comment_share", "lines"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must be (low, high), not {getattr(self, name)}")
        if not 0 <= self.join_probability <= 1:
            raise ValueError(f"join_probability must be in [0, 1], not {self.join_probability}")
