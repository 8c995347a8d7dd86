"""The demo's input, pinned: which releases, by version and hash, and what each of them is for.

Comes in: nothing. Goes out: the list of packages that `pipelines.demo_input` fetches, and the settings with which the
recipe `demo` reads the folders it makes. This file refuses to know how anything is fetched or made.

Releases are chosen for breadth, for members that carry their true dates, and for metadata that needs no compiler. What
is left out of an archive (`leave`) is left out by its listing, with the reason `not_selected`, and counted there.
"""

from dataclasses import dataclass
from typing import Final, Literal

from corpus.sources.archives import Archive, Archives
from corpus.sources.commoncrawl import CommonCrawl
from corpus.sources.documents import Documents, File
from corpus.sources.git import Git

FOLDER: Final = "demo-input"
NEWS_SHA256: Final = "5d78d6dafd953bbf65797bef09a9ffb9ec430583381be705f8fd460000f370fb"
ENCYCLOPEDIA_SHA256: Final = "40b6987db7e1b3678637efae9edf2cd397a9f1d1dcd035d2031e53a90fe6fb9d"
CUTOFF: Final = "2023-11-01"  # exclusive: repositories created before November 2023


@dataclass(frozen=True, kw_only=True)
class Package:
    """One release as the package client fetches it."""

    requirement: str  # name==version
    file: str
    sha256: str
    use: Literal["archive", "pages", "history", "prose"]
    repo: str  # owner/name of the project
    leave: tuple[str, ...] = ()  # patterns of members that the demo does not take

    @property
    def wheel(self) -> bool:
        return self.file.endswith(".whl")


PACKAGES: Final = (
    Package(  # one small program in each of hundreds of languages; `.output` files are dumps of lexer tokens
        requirement="pygments==2.16.1",
        file="Pygments-2.16.1.tar.gz",
        sha256="1daff0494820c69bc8941e407aa20f577374ee88364ee10a98fdbe0aece96e29",
        use="archive",
        repo="pygments/pygments",
        leave=("*.output", "tests/html_linenos_expected_output/*"),
    ),
    Package(  # mathematics, in Python and in text with LaTeX
        requirement="sympy==1.12",
        file="sympy-1.12.tar.gz",
        sha256="ebf595c8dac3e0fdc4152c51878b498396ec7f30e7a914d6071e674d49420fb8",
        use="archive",
        repo="sympy/sympy",
        leave=("*/tests/*",),
    ),
    Package(
        requirement="networkx==3.2",
        file="networkx-3.2.tar.gz",
        sha256="bda29edf392d9bfa5602034c767d28549214ec45f620081f0b74dc036a1fbbc1",
        use="archive",
        repo="networkx/networkx",
        leave=("*/tests/*",),
    ),
    Package(  # published after the cut-off, so each of its files is refused
        requirement="networkx==3.3",
        file="networkx-3.3.tar.gz",
        sha256="0c127d8b2f4865f59ae9cb8aafcd60b5c70f3241ebd66f7defad7c4ab90126c9",
        use="archive",
        repo="networkx/networkx",
    ),
    Package(  # ten megabytes of prose about code; the message catalogues of a hundred languages are left out
        requirement="django==4.2.6",
        file="Django-4.2.6.tar.gz",
        sha256="08f41f468b63335aea0d904c5729e0250300f6a1907bf293a65499496cdbc68f",
        use="archive",
        repo="django/django",
        leave=("*/locale/*", "tests/*"),
    ),
    Package(
        requirement="mpmath==1.3.0",
        file="mpmath-1.3.0.tar.gz",
        sha256="7a28eb2a9774d00c7bc92411c19a89209d5da7c4c9a9e227be8330a23a25b91f",
        use="archive",
        repo="mpmath/mpmath",
    ),
    Package(  # C
        requirement="zstandard==0.21.0",
        file="zstandard-0.21.0.tar.gz",
        sha256="f08e3a10d01a247877e4cb61a82a319ea746c356a3786558bed2481e6c405546",
        use="archive",
        repo="indygreg/python-zstandard",
    ),
    Package(  # C++ and SCSS
        requirement="libsass==0.22.0",
        file="libsass-0.22.0.tar.gz",
        sha256="3ab5ad18e47db560f4f0c09e3d28cf3bb1a44711257488ac2adad69f4f7f8425",
        use="archive",
        repo="sass/libsass-python",
    ),
    Package(  # TypeScript, JavaScript and notebooks; its bundles are built from them
        requirement="nbdime==3.1.1",
        file="nbdime-3.1.1.tar.gz",
        sha256="67767320e971374f701a175aa59abd3a554723039d39fae908e72d16330d648b",
        use="archive",
        repo="jupyter/nbdime",
        leave=("nbdime/webapp/static/*", "*.tsbuildinfo", "docs/source/images/*"),
    ),
    Package(  # Fortran
        requirement="camb==1.5.2",
        file="camb-1.5.2.tar.gz",
        sha256="35095e306907237bc5c16a7dbd57895169a14b7b32864353348f391c240622d2",
        use="archive",
        repo="cmbant/CAMB",
    ),
    Package(
        requirement="jinja2==3.0.3",
        file="Jinja2-3.0.3.tar.gz",
        sha256="611bb273cd68f3b993fabdc4064fc858c5b47a973cb5aa7999ec1ba405c87cd7",
        use="history",
        repo="pallets/jinja",
    ),
    Package(
        requirement="jinja2==3.1.1",
        file="Jinja2-3.1.1.tar.gz",
        sha256="640bed4bb501cbd17194b3cace1dc2126f5b619cf068a726b98192a0fde74ae9",
        use="history",
        repo="pallets/jinja",
    ),
    Package(
        requirement="jinja2==3.1.2",
        file="Jinja2-3.1.2.tar.gz",
        sha256="31351a702a408a9e7595a8fc6150fc3f43bb6bf7e319770cbc0db9df9437e852",
        use="history",
        repo="pallets/jinja",
    ),
    Package(  # after the cut-off
        requirement="jinja2==3.1.3",
        file="Jinja2-3.1.3.tar.gz",
        sha256="ac8bd6544d4bb2c9792bf3a159e80bba8fda7f07e81bc3aed565432d5925ba90",
        use="history",
        repo="pallets/jinja",
    ),
    Package(
        requirement="simplejson==3.18.4",
        file="simplejson-3.18.4.tar.gz",
        sha256="6197cfebe659ac802a686b5408494115a7062b45cdf37679c4d6a9d4f39649b7",
        use="history",
        repo="simplejson/simplejson",
    ),
    Package(
        requirement="simplejson==3.19.1",
        file="simplejson-3.19.1.tar.gz",
        sha256="6277f60848a7d8319d27d2be767a7546bc965535b28070e310b3a9af90604a4c",
        use="history",
        repo="simplejson/simplejson",
    ),
    Package(
        requirement="simplejson==3.19.2",
        file="simplejson-3.19.2.tar.gz",
        sha256="9eb442a2442ce417801c912df68e1f6ccfcd41577ae7274953ab3ad24ef7d82c",
        use="history",
        repo="simplejson/simplejson",
    ),
    Package(  # after the cut-off
        requirement="simplejson==3.19.3",
        file="simplejson-3.19.3.tar.gz",
        sha256="8e086896c36210ab6050f2f9f095a5f1e03c83fa0e7f296d6cba425411364680",
        use="history",
        repo="simplejson/simplejson",
    ),
    Package(
        requirement="sqlalchemy==2.0.22",
        file="SQLAlchemy-2.0.22.tar.gz",
        sha256="5434cc601aa17570d79e5377f5fd45ff92f9379e2abed0be5e8c2fba8d353d2b",
        use="pages",
        repo="sqlalchemy/sqlalchemy",
    ),
    Package(
        requirement="alembic==1.12.0",
        file="alembic-1.12.0.tar.gz",
        sha256="8e7645c32e4f200675e69f0745415335eb59a3663f5feb487abfa0b30c45888b",
        use="pages",
        repo="sqlalchemy/alembic",
    ),
    Package(
        requirement="dogpile.cache==1.2.2",
        file="dogpile.cache-1.2.2.tar.gz",
        sha256="fd9022c0d9cbadadf20942391a95adaf296be80b42daa8e202f8de1c21f198b2",
        use="pages",
        repo="sqlalchemy/dogpile.cache",
    ),
    Package(
        requirement="mako==1.2.4",
        file="Mako-1.2.4.tar.gz",
        sha256="d60a3903dc3bb01a18ad6a89cdbe2e4eadc69c0bc8ef1e3773ba53d44c3f7a34",
        use="pages",
        repo="sqlalchemy/mako",
    ),
    Package(
        requirement="lxml==4.9.3",
        file="lxml-4.9.3.tar.gz",
        sha256="48628bd53a426c9eb9bc066a923acaa0878d1e86129fd5359aee99285f4eed9c",
        use="pages",
        repo="lxml/lxml",
    ),
    Package(
        requirement="roundup==2.3.0",
        file="roundup-2.3.0.tar.gz",
        sha256="0427b911f6509e83c3e571fb6d2997fc8949a7a156f6efc366a4da32301640b4",
        use="pages",
        repo="roundup-tracker/roundup",
    ),
    Package(  # mathematics
        requirement="numdifftools==0.9.39",
        file="numdifftools-0.9.39.tar.gz",
        sha256="227c75c53665997c46ca44f6eb848c66acfde33bf483c6a6ef0b1faeef4434ac",
        use="pages",
        repo="pbrod/numdifftools",
    ),
    Package(  # a hundred pages of as many sites: news, blogs, shops, an encyclopedia
        requirement="trafilatura==0.8.2",
        file="trafilatura-0.8.2.tar.gz",
        sha256="90dea0e633ff55c28f8a818988bc8dcbe930df638a7c9bdf541e9815d132fbe3",
        use="pages",
        repo="adbar/trafilatura",
    ),
    Package(
        requirement="htmldate==0.8.1",
        file="htmldate-0.8.1.tar.gz",
        sha256="6ce90cde4cc1a01309868b8562e8486f95ceb30f49dc1b43c9824f96716d72ff",
        use="pages",
        repo="adbar/htmldate",
    ),
    Package(  # news articles, documents, and a sample of Wikipedia's article dump, below gensim/test/test_data
        requirement="gensim==4.3.2",
        file="gensim-4.3.2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        sha256="8c3b537c1fd4699c8e6d59c3ffa2fdd9918cd4e5555bf5ee7c1fbedd89b2d643",
        use="prose",
        repo="RaRe-Technologies/gensim",
    ),
)


def archives(folder: str = FOLDER) -> Archives:
    """Source code and text of nine releases before the cut-off and one after it."""
    pinned = [
        Archive(file=package.file, project=package.repo, sha256=package.sha256, leave=package.leave)
        for package in PACKAGES
        if package.use == "archive"
    ]
    return Archives(folder=f"{folder}/archives", archives=tuple(pinned), cutoff=CUTOFF, origin_depth=2)


def repositories(folder: str = FOLDER) -> Git:
    """Two repositories, each with a release after the cut-off at its tip."""
    return Git(folder=f"{folder}/git", cutoff=CUTOFF)


def pages(folder: str = FOLDER) -> CommonCrawl:
    """The web pool."""
    return CommonCrawl(folder=f"{folder}/warc", cutoff=CUTOFF)


def news(folder: str = FOLDER) -> Documents:
    """300 news articles, one per line."""
    pinned = File(file="lee_background.cor", sha256=NEWS_SHA256)
    return Documents(folder=f"{folder}/prose", form="lines", files=(pinned,), release="gensim-4.3.2", cutoff=CUTOFF)


def encyclopedia(folder: str = FOLDER) -> Documents:
    """A hundred articles of Wikipedia, as of 2016; each article is an origin of its own."""
    pinned = File(file="wikipedia.jsonl", sha256=ENCYCLOPEDIA_SHA256)
    return Documents(
        folder=f"{folder}/prose",
        form="jsonl",
        files=(pinned,),
        id="id",
        url="url",
        date="date",
        release="enwiki-2016",
        cutoff=CUTOFF,
    )
