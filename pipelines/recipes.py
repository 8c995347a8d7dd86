"""Recipes: a build is a function that returns a `Recipe`. Named ones live here; a user's own in a file of theirs.

Everything that the papers leave unpublished is a setting with its default beside the reason, in the package that uses
it; what stands here is what differs from one build to another.
"""

import dataclasses
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_type_hints

from corpus.decode import plain_text
from corpus.extract import page_text
from corpus.languages import ClassifyConfig
from corpus.minhash import MinHashConfig
from corpus.mixture import MixConfig
from corpus.notebooks import source_text
from filters.assembly import AssemblyConfig
from filters.contamination import ContaminationConfig
from filters.measures import MeasureConfig
from filters.recall import Label, RecallConfig, RecallSourceConfig
from filters.recall_model import ClassifierConfig
from filters.repeats import RepeatsConfig
from filters.rules import FilterConfig
from filters.secrets import ScrubConfig
from filters.survivors import DedupConfig
from pipelines import demo_sources
from pipelines.cluster import UserFile
from pipelines.console import UsageError
from pipelines.crawl import Batch, CrawlConfig
from pipelines.frozen import Frozen
from pipelines.identity import USER_MODULE, canonical
from tokenization.exporters import ExportConfig
from tokenization.packing import PackConfig
from tokenization.tokenizer import EncodeConfig
from validate.ablation import AblationConfig
from validate.probes.config import ProbeConfig

# Seeds of the demo: two sites a subject. What is to be found: the other sites on mathematics, and on libraries.
DEMO_LABELS = (
    Label(name="math", domains=("docs.sympy.org", "mpmath.org"), cut_tokens=(300_000, 450_000)),
    Label(name="code", domains=("docs.sqlalchemy.org", "lxml.de"), cut_tokens=(600_000, 800_000)),
)
# 700 pages teach nothing at the published pace (rate 0.1, three epochs), which was set for a million examples.
DEMO_CLASSIFIER = ClassifierConfig(dim=32, learning_rate=0.5, buckets=1 << 14, max_positives=300, max_negatives=300)


class RecipeError(UsageError):
    """A recipe that cannot be found or made; the message says which exist or what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings of every stage, one field each."""

    crawl: CrawlConfig
    recall: RecallConfig
    mix: MixConfig
    pool_minhash: MinHashConfig = field(default_factory=MinHashConfig)
    # A page is a unit of its own; of two copies the one first seen is the likelier origin.
    pool_dedup: DedupConfig = field(default_factory=lambda: DedupConfig(unit="file", prefer=(("created", "high"),)))
    classify: ClassifyConfig = field(default_factory=ClassifyConfig)
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    scrub: ScrubConfig = field(default_factory=ScrubConfig)
    decontaminate: ContaminationConfig = field(default_factory=ContaminationConfig)
    recall_source: RecallSourceConfig = field(default_factory=RecallSourceConfig)
    filter: FilterConfig = field(default_factory=FilterConfig)
    minhash: MinHashConfig = field(default_factory=MinHashConfig)
    dedup: DedupConfig = field(default_factory=DedupConfig)
    repeats: RepeatsConfig | None = None
    assemble: AssemblyConfig = field(default_factory=AssemblyConfig)
    encode: EncodeConfig = field(default_factory=EncodeConfig)
    pack: PackConfig = field(default_factory=PackConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    probe: ProbeConfig = field(default_factory=ProbeConfig)
    ablation: AblationConfig = field(default_factory=AblationConfig)  # of `pipelines.ablate`; no stage reads it
    frozen: Frozen | None = None  # the base's scoring set, where this is a variant; `pipelines.ablate` fills it in
    name: str = ""  # for the cards of exports; `load` fills it in

    def __post_init__(self) -> None:
        """What no stage can check alone."""
        for name, kind in get_type_hints(Recipe).items():
            if not isinstance(getattr(self, name), kind):
                wanted = getattr(kind, "__name__", str(kind))
                raise ValueError(f"Recipe.{name} must be {wanted}, not {type(getattr(self, name)).__name__}")
        unknown = self.filter.missing(self.measure.columns())
        if unknown:
            raise ValueError(f"filter has rules on {', '.join(unknown)}, which no group of measure gives")
        basic = [column for group in self.measure.groups if group.name == "basic" for column, _ in group.columns]
        if self.dedup.quality not in (None, *basic):
            raise ValueError(f"dedup.quality={self.dedup.quality!r}: group `basic` gives {', '.join(basic)}")
        self._refuse_pool()
        self._refuse_mixture()
        if self.encode.tokenizer != self.pack.tokenizer:
            raise ValueError(
                f"encode.tokenizer and pack.tokenizer must be one vocabulary, or rows mix the ids of two: give both "
                f"{self.encode.tokenizer.name} or {self.pack.tokenizer.name}"
            )
        sizes = {self.assemble.group_bytes, self.mix.group_bytes, self.pack.group_bytes}
        if len(sizes) > 1:
            raise ValueError(f"assemble, mix and pack read the same groups: give them one group_bytes, not {sizes}")
        for name, dedup, keys in (
            ("dedup", self.dedup.minhash, self.minhash),
            ("pool_dedup", self.pool_dedup.minhash, self.pool_minhash),
        ):
            if dataclasses.replace(dedup, group_bytes=keys.group_bytes) != keys:
                raise ValueError(
                    f"{name}.minhash must be the settings its signatures are made with: {keys}, not {dedup}"
                )

    def _refuse_pool(self) -> None:
        """Settings of dedup that mean nothing for pages."""
        if self.pool_dedup.unit not in ("file", "none"):
            raise ValueError(
                f'pool_dedup.unit={self.pool_dedup.unit!r}: pages are units of their own, choose "file" or "none"'
            )
        if unread := sorted({"license", "quality", "vendored"} & set(dict(self.pool_dedup.prefer))):
            raise ValueError(f"pool_dedup.prefer names {', '.join(unread)}, which pages of the pool do not have yet")

    def _refuse_mixture(self) -> None:
        """Shares of what `filter` puts no document into: told before anything runs."""
        known = {(place.domain, name) for place in self.filter.domains for name in (None, place.subdomain)}
        asked = [(share.domain, name) for share in self.mix.shares for name in (None, *dict(share.subdomains))]
        if wrong := [pair for pair in asked if pair not in known]:
            names = sorted("/".join(filter(None, pair)) for pair in known)
            raise ValueError(
                f"mix.shares names {', '.join('/'.join(filter(None, pair)) for pair in wrong)}, into which filter puts "
                f"no document: choose from {', '.join(names)}"
            )


@dataclass(frozen=True)
class Loaded:
    """A recipe as the command line named it."""

    name: str  # names the build: recipe, with its file's stem where it has one, and the share of a sample
    recipe: Recipe
    user_file: UserFile | None


def load(spec: str, sample: float | None) -> Loaded:
    """The recipe behind NAME or FILE.py:FUNCTION. Raises RecipeError with the way out."""
    user_file = None
    if ".py" in spec:
        path, _, name = spec.partition(":")
        make, user_file = _from_file(path, name)
        name = f"{Path(path).stem}.{name}"  # two files may have a `mine` each: --prune keeps what either needs
    else:
        name = spec
        if spec not in RECIPES:
            known = ", ".join(RECIPES)
            raise RecipeError(f"no recipe {spec!r}; the recipes are: {known}; a file's is FILE.py:FUNCTION")
        make = RECIPES[spec]
    try:
        recipe = make()
        if not isinstance(recipe, Recipe):
            raise RecipeError(f"{spec} returns {type(recipe).__name__}, not a Recipe")
        canonical(recipe)  # refuses settings without an identity, such as a lambda
    except RecipeError:
        raise
    except Exception as error:  # whatever a user's function raises is the user's to see, in one line
        raise RecipeError(f"recipe {spec} is not valid: {_told(error, user_file)}") from error
    if sample is not None:
        recipe = _sampled(recipe, sample)
        name = f"{name}-{sample:g}"
    return Loaded(name, dataclasses.replace(recipe, name=name), user_file)


def _told(error: Exception, user_file: UserFile | None) -> str:
    """The error in one line, with the last line of the user's file that led to it."""
    kind = "" if isinstance(error, ValueError | TypeError | FileNotFoundError) else f"{type(error).__name__}: "
    frames = [] if user_file is None else traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if user_file is not None and frame.filename == user_file.filename]
    return f"{kind}{error}" + (f" (line {lines[-1]})" if lines else "")


def _sampled(recipe: Recipe, share: float) -> Recipe:
    """That share of origins; a seed of recall may then be among those left out."""
    return dataclasses.replace(
        recipe,
        crawl=dataclasses.replace(recipe.crawl, sample=share),
        recall=dataclasses.replace(recipe.recall, unmatched_seeds=True),
        recall_source=dataclasses.replace(recipe.recall_source, unmatched_seeds=True),
    )


def _from_file(path: str, name: str) -> tuple[Callable[[], Recipe], UserFile]:
    try:
        user_file = UserFile.read(path)
        module = user_file.install()
    except FileNotFoundError as error:
        raise RecipeError(f"no recipe file {path}") from error
    except Exception as error:  # whatever a user's file raises while it is read is the user's to see, in one line
        raise RecipeError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    functions = [n for n, f in vars(module).items() if callable(f) and getattr(f, "__module__", "") == module.__name__]
    if name not in functions:
        raise RecipeError(f"{path} has no function {name!r}; it defines: {', '.join(functions) or 'none'}")
    assert module.__name__.startswith(USER_MODULE)
    return getattr(module, name), user_file


def demo() -> Recipe:
    """Ten source archives, two repositories, some 800 web pages, news and an encyclopedia; minutes on two cores."""
    folder = _demo_folder()
    batches = (
        Batch(name="archives", source=demo_sources.archives(folder), extract=source_text, shard_bytes=8 << 20),
        Batch(name="repositories", source=demo_sources.repositories(folder), extract=source_text),
        Batch(name="news", source=demo_sources.news(folder), extract=plain_text),
        Batch(name="encyclopedia", source=demo_sources.encyclopedia(folder), extract=plain_text),
        Batch(name="pages", source=demo_sources.pages(folder), extract=page_text, output="pool", shard_bytes=4 << 20),
    )
    return Recipe(
        crawl=CrawlConfig(batches=batches),
        recall=RecallConfig(labels=DEMO_LABELS, rounds=2, min_pages=5, classifier=DEMO_CLASSIFIER),
        recall_source=RecallSourceConfig(classifier=DEMO_CLASSIFIER),
        # A small corpus has few origins: a larger share of them is held out, by the first seed at which every domain
        # of the mixture has some, so that each can be scored.
        filter=FilterConfig(held_out=0.05, split_seed=3),
        mix=MixConfig(),
    )


def small() -> Recipe:
    """The demo's smaller half in smaller shards, for tests of the whole flow."""
    recipe = demo()
    keep = ("repositories", "news", "pages")
    batches = tuple(
        dataclasses.replace(batch, shard_bytes=4 << 20) for batch in recipe.crawl.batches if batch.name in keep
    )
    probe = dataclasses.replace(recipe.probe, train=dataclasses.replace(recipe.probe.train, steps=6, length=128))
    return dataclasses.replace(recipe, crawl=CrawlConfig(batches=batches), probe=probe)


def small_extra_batch() -> Batch:
    """One more repository for `small`, as a batch of its own: how a corpus grows."""
    source = demo_sources.archives(_demo_folder())
    only = tuple(archive for archive in source.archives if archive.project == "mpmath/mpmath")
    return Batch(name="more", source=dataclasses.replace(source, archives=only), extract=source_text)


def long_context(recipe: Recipe, length: int) -> Recipe:
    """The same corpus in rows of `length` tokens, for extending a context: long samples weigh more.

    A repository is one sample, up to eight bytes a token of the row (three rows of source). A sample of an eighth of
    a row and more counts twice, of half a row and more four times: the published ratio is unknown, and these leave
    every domain its share. Only samples longer than a row are cut.
    """
    lengths = ((length // 8, 2.0), (length // 2, 4.0))
    shares = tuple(dataclasses.replace(share, lengths=lengths) for share in recipe.mix.shares)
    return dataclasses.replace(
        recipe,
        assemble=dataclasses.replace(recipe.assemble, mode="repository", max_bytes=8 * length),
        mix=dataclasses.replace(recipe.mix, shares=shares),
        pack=dataclasses.replace(recipe.pack, length=length, method="best_fit"),
    )


def _demo_folder() -> str:
    """Absolute, because workers may run elsewhere; where the files lie is no part of any identity."""
    return os.path.abspath(os.environ.get("DEMO_INPUT", demo_sources.FOLDER))


RECIPES: dict[str, Callable[[], Recipe]] = {"demo": demo, "small": small}
