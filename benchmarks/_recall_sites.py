"""The labelled pool of the benchmark `recall`: which pages of which packages, where they stand on the web, which are
math.

Each site is one Debian 12 package whose built HTML stands on the web under `url`. A page's label is decided here, by
hand, by its path: the first of `math` and `other` whose patterns match its path below `folder`; a page that neither
matches is left out, because a path does not decide it (numerical libraries whose pages are half mathematics and half
interface, tutorials of computer algebra systems). Written down before the loop was run on it, and not changed after.

Mathematics is a page about mathematical objects, functions, theorems or methods: what they are, and how they are
computed. Not mathematics, and therefore near misses: installation, release notes, programming and plotting in the same
documentation; lists of packages for mathematics; the C++ interface of an algebra system; physics, with formulas.
"""

from dataclasses import dataclass
from typing import Any, Final

LARGEST: Final = 400_000  # bytes of HTML
# Lists of links and pages of nothing but source.
INDEXES: Final = ("*genindex*", "*modindex*", "*search.html", "*_modules/*", "*-Index.html", "*/src/*", "*search/*")


@dataclass(frozen=True, kw_only=True)
class Site:
    """One documentation set; its pages are drawn by a hash of their address."""

    package: str
    folder: str  # below `root` in the package
    url: str
    math: tuple[str, ...] = ()
    other: tuple[str, ...] = ("*",)
    leave: tuple[str, ...] = ()
    take_math: int = 60
    take: int = 200
    root: str = "usr/share"
    largest: int = LARGEST
    read: bool = False  # what `other` matches is labelled page by page, in the pool's file of labels


def site_of(told: dict[str, Any], named: tuple[str, ...] = ()) -> Site:
    """A site as the TOML files tell it, patterns separated by spaces; `named` are pages of mathematics too."""
    words = {name: tuple(told[name].split()) for name in ("math", "other", "leave") if name in told}
    if named:
        words["math"] += named
    fields: dict[str, Any] = told | words
    return Site(**fields)


def numbered(pattern: str, numbers: str) -> tuple[str, ...]:
    """Names of numbered pages: numbered("p{}.html", "1-3 7")."""
    found: list[str] = []
    for part in numbers.split():
        first, _, last = part.partition("-")
        width = len(first) if first.startswith("0") else 0
        found += [pattern.format(str(n).zfill(width)) for n in range(int(first), int(last or first) + 1)]
    return tuple(found)


def under(folder: str, names: str) -> tuple[str, ...]:
    """A pattern for each folder that is named."""
    return tuple(f"{folder}{name}/*" for name in names.split())


# What a person would give the loop to start with: parts of three sites, by URL.
SEEDS: Final = (
    *(
        f"docs.sympy.org/latest/modules/{part}"
        for part in (
            "polys/*",
            "functions/*",
            "matrices/*",
            "solvers/*",
            "combinatorics/*",
            "series/*",
            "geometry/*",
            "integrals/*",
        )
    ),
    "mpmath.org/doc/current/functions/*",
    "mpmath.org/doc/current/calculus/*",
    "docs.gap-system.org/doc/ref/chap[3-7]?_mj.html",
)
SEED_DOMAINS: Final = ("sympy.org", "mpmath.org", "gap-system.org")

_SYMPY: Final = (
    "algebras assumptions calculus combinatorics diffgeom functions geometry holonomic integrals liealgebras matrices "
    "polys series sets simplify solvers tensor vector"
)
_SAGE: Final = (
    "combinat categories algebras manifolds graphs groups polynomial_rings arithmetic_curves schemes discrete_geometry "
    "matrices coding modules calculus number_fields padics modsym modfrm matroids rings functions finite_rings "
    "tensor_free_modules dynamics curves rings_standard quadratic_forms modfrm_hecketriangle topology power_series modabvar "
    "homology monoids function_fields valuations hecke asymptotic arithgroup noncommutative_polynomial_rings quivers knots "
    "hyperbolic_geometry lfunctions riemannian_geometry quat_algebras game_theory quasimodfrm sets"
)
_MACAULAY2: Final = (
    "Dmodules GradedLieAlgebras WeylGroups Polyhedra Graphs NCAlgebra Schubert2 Complexes Posets NormalToricVarieties "
    "MultiprojectiveVarieties SRdeformations SpectralSequences Matroids DGAlgebras SimplicialComplexes EdgeIdeals Cremona "
    "SlackIdeals Divisor CodingTheory SpechtModule InvariantRing ToricVectorBundles HyperplaneArrangements GraphicalModels "
    "SpaceCurves GKMVarieties TestIdeals SubalgebraBases SchurRings NoetherianOperators Chordal TateOnProducts "
    "EllipticCurves M0nbar BoijSoederberg TensorComplexes IntegralClosure FormalGroupLaws ReesAlgebra HighestWeights "
    "Resultants K3Carpets ConformalBlocks VersalDeformations Tropical RationalMaps LieTypes LatticePolytopes Jets"
)
_OCTAVE: Final = (
    "Basic-Matrix-Functions Matrix-Factorizations Functions-of-a-Matrix Specialized-Solvers Solvers Minimizers "
    "Functions-of-One-Variable Functions-of-Multiple-Variables Orthogonal-Collocation Ordinary-Differential-Equations "
    "Matlab_002dcompatible-solvers Differential_002dAlgebraic-Equations Linear-Programming Quadratic-Programming "
    "Nonlinear-Programming Linear-Least-Squares Descriptive-Statistics Basic-Statistical-Functions "
    "Correlation-and-Regression-Analysis Distributions Set-Operations Evaluating-Polynomials Finding-Roots "
    "Products-of-Polynomials Derivatives-_002f-Integrals-_002f-Transforms Polynomial-Interpolation "
    "Miscellaneous-Functions One_002ddimensional-Interpolation Delaunay-Triangulation Voronoi-Diagrams Convex-Hull "
    "Exponents-and-Logarithms Complex-Arithmetic Trigonometry Sums-and-Products Special-Functions "
    "Rational-Approximations Coordinate-Transformations Famous-Matrices Iterative-Techniques-Applied-to-Sparse-Matrices "
    "Techniques-Used-for-Linear-Algebra Mathematical-Constants Random-Number-Generation Signal-Processing"
)
_OCTAVE_UNDECIDED: Final = (
    "Utility-Functions Linear-Algebra Optimization Sets Geometry Sparse-* *Matri* *Interpolation*"
)

MATH: Final = (
    Site(
        package="python-sympy-doc",
        folder="doc/python-sympy-doc/html/",
        url="https://docs.sympy.org/latest/",
        math=(
            *under("modules/", _SYMPY),
            *(
                f"modules/{n}.html"
                for n in [
                    "concrete",
                    "crypto",
                    "diffgeom",
                    "discrete",
                    "logic",
                    "ntheory",
                    "rewriting",
                    "sets",
                    "stats",
                ]
            ),
        ),
        other=(
            *under("modules/", "physics codegen utilities testing"),
            *under("", "contributing guides/contributing"),
            *(f"modules/{n}.html" for n in ["codegen", "interactive", "parsing", "plotting", "printing"]),
            "install.html",
            "citing.html",
            "documentation-style-guide.html",
        ),
        take_math=90,
    ),
    Site(
        package="python-mpmath-doc",
        folder="doc/python-mpmath-doc/html/",
        url="https://mpmath.org/doc/current/",
        math=("functions/*", "calculus/*", "matrices.html", "identification.html"),
        other=("setup.html", "contexts.html", "plotting.html", "technical.html", "references.html", "general.html"),
    ),
    Site(
        package="gap-doc",
        folder="gap/doc/",
        url="https://docs.gap-system.org/doc/",
        math=numbered("ref/chap{}_mj.html", "14-18 24 25 32-75 87"),
        other=(*numbered("ref/chap{}_mj.html", "1-13 20-22 26-29 76-86"), "hpc/*_mj.html"),
    ),
    Site(
        package="sagemath-doc",
        folder="doc/sagemath/html/en/",
        url="https://doc.sagemath.org/html/en/",
        math=(*(f"reference/{n}/sage/*" for n in _SAGE.split()), "constructions/*"),
        other=(
            *under(
                "reference/", "spkg interfaces libs repl misc plotting plot3d doctest cpython parallel data_structures"
            ),
            *under("", "faq installation developer website"),
        ),
    ),
    Site(
        package="maxima-doc",
        folder="doc/maxima-doc/html/",
        url="https://maxima.sourceforge.io/docs/manual/",
        math=numbered(
            "maxima_{}.html",
            "48-54 75-87 88-145 158 159 179-183 188-195 197-204 205-215 224-226 239-244 252 255-261 263-266 271-288 294-296 "
            "305 306 315-320 322-328 330 331 332-338 345 346 353-355",
        ),
        other=numbered(
            "maxima_{}.html",
            "1-46 55-73 146-156 160-176 184 185 216-223 227-235 245-250 267-269 289-292 297-303 307-313 339-344 347-352 356-377",
        ),
        take_math=45,
    ),
    Site(
        package="octave-doc",
        folder="doc/octave/octave.html/",
        url="https://docs.octave.org/v7.3.0/",
        math=tuple(f"{name}.html" for name in _OCTAVE.split()),
        other=("[A-WYZ]*.html",),
        leave=tuple(f"{name}.html" for name in _OCTAVE_UNDECIDED.split()),
        take_math=45,
    ),
    Site(
        package="macaulay2-common",
        folder="doc/Macaulay2/",
        url="https://macaulay2.com/doc/Macaulay2-1.21/share/doc/Macaulay2/",
        math=under("", " ".join(f"{n}/html" for n in _MACAULAY2.split())),
        other=under(
            "",
            "Units/html Text/html XML/html Python/html Graphics/html VectorGraphics/html ForeignFunctions/html "
            "EngineTests/html",
        ),
    ),
    Site(
        package="singular-doc",
        folder="doc/singular/html/",
        url="https://www.singular.uni-kl.de/doxygen/",
        other=("*_8h.html", "*_8cc.html", "class*.html", "struct*.html"),
    ),
    Site(
        package="giac-doc",
        folder="giac/doc/en/cascmd_en/",
        url="https://www-fourier.univ-grenoble-alpes.fr/~parisse/giac/doc/en/cascmd_en/",
        math=numbered(
            "cascmd_en{}.html", "171-238 256-268 286-287 296-608 642-648 657-665 672-693 716-719 750-758 820-998"
        ),
        other=(
            *numbered("cascmd_en{}.html", "001-009 010-099 107-117 609-619 639-641 759-766 767-803 806-816"),
            *numbered("cascmd_en{}.html", "100-106 118-152 1011-1038"),
        ),
    ),
    Site(
        package="libflint-doc",
        folder="doc/libflint-dev/html/",
        url="https://flintlib.org/doc/",
        math=("[adf][!l]*.html", "nmod*.html", "padic*.html", "qadic*.html", "qsieve.html", "perm.html", "mpoly.html"),
        other=(
            "bug_reporting.html",
            "building.html",
            "contributors.html",
            "memory.html",
            "portability.html",
            "profiler.html",
            "thread_pool.html",
            "threading.html",
            "macros.html",
            "flint.html",
            "introduction.html",
            "longlong.html",
        ),
        take_math=35,
    ),
    Site(
        package="libflint-arb-doc",
        folder="doc/libflint-arb-dev/html/",
        url="https://arblib.org/",
        math=(
            "ac*.html",
            "agm.html",
            "arb*.html",
            "bernoulli.html",
            "constants.html",
            "dirichlet.html",
            "formulas.html",
            "gamma.html",
            "hurwitz.html",
            "hypergeometric.html",
            "hypgeom.html",
            "partitions.html",
            "polylogarithms.html",
        ),
        other=("contributing.html", "credits.html", "history.html", "setup.html", "issues.html", "overview.html"),
    ),
    Site(
        package="libcalcium-doc",
        folder="doc/libcalcium-dev/html/",
        url="https://fredrikj.net/calcium/",
        math=("ca*.html", "qqbar.html", "fmpz_mpoly_q.html"),
        other=("history.html", "setup.html", "pycalcium.html"),
    ),
    Site(
        package="python-scipy-doc",
        folder="doc/python-scipy-doc/html/",
        url="https://docs.scipy.org/doc/scipy/",
        math=("tutorial/stats/continuous_*", "tutorial/stats/discrete_*"),
        other=("dev/*", "release*", "reference/generated/scipy.io.*", "reference/generated/scipy.ndimage.*"),
        take_math=40,
    ),
    Site(
        package="regina-normal-doc",
        folder="regina-normal/docs/en/regina/",
        url="https://regina-normal.github.io/docs/",
        math=tuple(
            f"{n}.html"
            for n in [
                "angles",
                "angles-analysis",
                "surfaces",
                "surfaces-analysis",
                "surfaces-filtering",
                "triangulations",
                "tri-analysis",
                "tri-modification",
                "link-analysis",
                "link-modification",
                "snappea",
                "snappea-analysis",
            ]
        ),
    ),
    *(
        Site(
            package=package,
            folder=f"gap/pkg/{folder}/",
            url=f"https://gap-packages.github.io/{folder.split('/')[0].lower()}/",
            math=math,
            other=("chap[01]*_mj.html", "*chapBib*_mj.html") if "_mj" in math[0] else (),
            take_math=12,
        )
        for package, folder, math in (
            ("gap-hap", "HAP/tutorial", ("chap[1-9]*_mj.html",)),
            ("gap-polycyclic", "Polycyclic/doc", ("chap[2-9]_mj.html",)),
            ("gap-guava", "guava/doc", ("chap[2-9].html",)),
            ("gap-sonata", "sonata/doc/htm/ref", ("CHAP*.htm",)),
            ("gap-toric", "toric/doc", ("chap[2-9]_mj.html",)),
            ("gap-grape", "grape/htm", ("CHAP*.htm",)),
            ("gap-laguna", "laguna/doc", ("chap[2-9]*_mj.html",)),
            ("gap-congruence", "Congruence/doc", ("chap[2-9]*_mj.html",)),
        )
    ),
)

# Physics and other sciences, many of them with formulas.
SCIENCE: Final = (
    Site(package="python-sasmodels-doc", folder="doc/python-sasmodels-doc/html/", url="https://www.sasview.org/docs/"),
    Site(package="python-qutip-doc", folder="doc/python-qutip-doc/html/", url="https://qutip.org/docs/4.7/"),
    Site(
        package="python-astropy-doc",
        folder="doc/python-astropy-doc/html/",
        url="https://docs.astropy.org/en/stable/",
        take=300,
    ),
    Site(package="python-lmfit-doc", folder="doc/python3-lmfit/html/", url="https://lmfit.github.io/lmfit-py/"),
    Site(package="python-ase-doc", folder="doc/python-ase-doc/html/", url="https://wiki.fysik.dtu.dk/ase/"),
    Site(
        package="python-mdanalysis-doc",
        folder="doc/python-mdanalysis-doc/html/",
        url="https://docs.mdanalysis.org/stable/",
    ),
    Site(
        package="python-brian-doc", folder="doc/python-brian-doc/docs/", url="https://brian2.readthedocs.io/en/stable/"
    ),
    Site(package="yade-doc", folder="doc/yade/html/", url="https://yade-dem.org/doc/"),
    Site(package="python-fluids-doc", folder="doc/python-fluids-doc/html/", url="https://fluids.readthedocs.io/"),
    Site(package="python-pint-doc", folder="doc/python-pint-doc/html/", url="https://pint.readthedocs.io/en/stable/"),
    Site(package="fastjet-doc", folder="doc/fastjet-doc/html/", url="http://fastjet.fr/repo/doxygen-3.4.0/", take=120),
    Site(package="gyoto-doc", folder="doc/gyoto/html/", url="https://gyoto.obspm.fr/doc/", take=120),
    Site(package="munipack-doc", folder="doc/munipack/", url="https://munipack.physics.muni.cz/"),
    Site(
        package="wcslib-doc", folder="doc/wcslib-dev/html/", url="https://www.atnf.csiro.au/people/mcalabre/WCS/wcslib/"
    ),
)

# Programming: languages, libraries and tools.
CODE: Final = (
    Site(
        package="python3.11-doc",
        folder="doc/python3.11/html/",
        url="https://docs.python.org/3.11/",
        other=("[!l]*", "library/[!cdfmnrs]*", "library/s[!t]*"),
        take=300,
    ),
    Site(
        package="rust-doc",
        folder="doc/rust-doc/html/",
        url="https://doc.rust-lang.org/1.63.0/",
        other=(
            "book/*",
            "reference/*",
            "std/*",
            "nomicon/*",
            "rustc/*",
            "cargo/*",
            "rust-by-example/*",
            "edition-guide/*",
        ),
        take=300,
    ),
    Site(package="nodejs-doc", folder="doc/nodejs/api/", url="https://nodejs.org/docs/latest-v18.x/api/"),
    Site(
        package="postgresql-doc-15",
        folder="doc/postgresql-doc-15/html/",
        url="https://www.postgresql.org/docs/15/",
        take=300,
    ),
    Site(package="sqlite3-doc", folder="doc/sqlite3/", url="https://www.sqlite.org/", take=250),
    Site(package="erlang-doc", folder="doc/erlang-doc/", url="https://www.erlang.org/docs/25/", take=250),
    Site(
        package="python-django-doc",
        folder="doc/python-django-doc/html/",
        url="https://docs.djangoproject.com/en/3.2/",
        take=250,
    ),
    Site(
        package="python-flask-doc",
        folder="doc/python-flask-doc/html/",
        url="https://flask.palletsprojects.com/en/2.2.x/",
    ),
    Site(package="twisted-doc", folder="doc/twisted-doc/html/", url="https://docs.twisted.org/en/stable/"),
    Site(
        package="python-pandas-doc",
        folder="doc/python-pandas-doc/html/",
        url="https://pandas.pydata.org/docs/",
        other=("reference/*", "user_guide/*", "whatsnew/*", "development/*", "getting_started/*"),
        take=250,
    ),
    Site(package="python-celery-doc", folder="doc/python-celery-doc/html/", url="https://docs.celeryq.dev/en/stable/"),
    Site(
        package="libstdc++-12-doc",
        folder="doc/gcc-12-base/libstdc++/",
        url="https://gcc.gnu.org/onlinedocs/gcc-12.2.0/libstdc++/",
        other=("manual/*", "user/a0*"),
    ),
    Site(package="libgtk-4-doc", folder="doc/libgtk-4-doc/", url="https://docs.gtk.org/", take=250),
    Site(package="libglib2.0-doc", folder="gtk-doc/html/", url="https://docs.gtk.org/", take=150),
    Site(package="swi-prolog-doc", folder="swi-prolog/doc/Manual/", url="https://www.swi-prolog.org/pldoc/man/"),
    Site(
        package="mit-scheme-doc",
        folder="doc/mit-scheme-doc/html/",
        url="https://www.gnu.org/software/mit-scheme/documentation/",
    ),
    Site(package="python-pytest-doc", folder="doc/python-pytest-doc/html/", url="https://docs.pytest.org/en/7.2.x/"),
    Site(
        package="python-aiohttp-doc", folder="doc/python-aiohttp-doc/html/", url="https://docs.aiohttp.org/en/stable/"
    ),
    Site(package="cmake-doc", folder="doc/cmake-data/html/", url="https://cmake.org/cmake/help/v3.25/", take=250),
    Site(package="git-doc", folder="doc/git-doc/", url="https://git-scm.com/docs/"),
    Site(package="libsfml-doc", folder="doc/libsfml-dev/html/", url="https://www.sfml-dev.org/documentation/2.5.1/"),
    Site(package="libsdl2-doc", folder="doc/libsdl2-doc/html/", url="https://wiki.libsdl.org/SDL2/"),
    Site(
        package="nim-doc",
        folder="doc/nim/html/",
        url="https://nim-lang.org/docs/",
        other=("[!mrs]*", "s[!t]*", "m[!a]*"),
    ),
    Site(package="swig4.0-doc", folder="doc/swig4.0-doc/Manual/", url="https://www.swig.org/Doc4.1/"),
    Site(package="pypy3-doc", folder="doc/pypy3/html/", url="https://doc.pypy.org/en/latest/"),
    Site(package="freetype2-doc", folder="doc/libfreetype-dev/", url="https://freetype.org/freetype2/docs/"),
    Site(package="python-scrapy-doc", folder="doc/python-scrapy-doc/html/", url="https://docs.scrapy.org/en/2.8/"),
    Site(package="python-psycopg2-doc", folder="doc/python-psycopg2-doc/html/", url="https://www.psycopg.org/docs/"),
    Site(package="snakemake-doc", folder="doc/snakemake/html/", url="https://snakemake.readthedocs.io/en/v7.21.0/"),
    Site(
        package="libboost1.81-doc",
        folder="doc/libboost1.81-doc/doc/html/",
        url="https://www.boost.org/doc/libs/1_81_0/doc/html/",
        other=("boost/[b-mopqstux-z]*", "boost_[abcp]*", "program_options*", "xpressive*", "signals2*", "proto*"),
        take=250,
    ),
    Site(
        package="libcommons-math3-java-doc",
        folder="doc/libcommons-math3-java/api/",
        url="https://commons.apache.org/proper/commons-math/javadocs/api-3.6.1/",
        other=("*/class-use/*", "*package-*.html"),
    ),
    Site(package="sbcl-doc", folder="doc/sbcl/", url="https://www.sbcl.org/"),
    Site(
        package="linux-doc-6.1", folder="doc/linux-doc-6.1/html/", url="https://www.kernel.org/doc/html/v6.1/", take=300
    ),
    Site(package="apache2-doc", folder="doc/apache2-doc/manual/en/", url="https://httpd.apache.org/docs/2.4/en/"),
    Site(
        package="c++-annotations-html",
        folder="doc/c++-annotations/html/",
        url="https://fbb-git.gitlab.io/cppannotations/",
    ),
    Site(package="abs-guide", folder="doc/abs-guide/html/", url="https://tldp.org/LDP/abs/html/"),
)

# Prose and manuals for people who do not program.
PROSE: Final = (
    Site(
        package="debian-handbook",
        folder="doc/debian-handbook/html/",
        url="https://debian-handbook.info/browse/",
        other=("en-US/*", "fr-FR/*", "zh-CN/*"),
        take=250,
    ),
    Site(package="anarchism", folder="doc/anarchism/html/", url="https://www.anarchistfaq.org/"),
    Site(
        package="debian-history",
        folder="doc/debian-history/docs/",
        url="https://www.debian.org/doc/manuals/project-history/",
    ),
    Site(package="debian-faq", folder="doc/debian/FAQ/", url="https://www.debian.org/doc/manuals/debian-faq/"),
    Site(package="aptitude-doc-en", folder="doc/aptitude/html/en/", url="https://www.debian.org/doc/manuals/aptitude/"),
    Site(
        package="installation-guide-amd64",
        folder="doc/installation-guide-amd64/",
        url="https://www.debian.org/releases/bookworm/amd64/",
        other=("en/*", "de/*", "es/*"),
        take=150,
    ),
    Site(
        package="harden-doc",
        folder="doc/harden-doc/html/en-US/",
        url="https://www.debian.org/doc/manuals/securing-debian-manual/",
    ),
    Site(package="gimp-help-en", folder="gimp/2.0/help/en/", url="https://docs.gimp.org/2.10/en/", take=300),
    Site(
        package="libreoffice-help-en-us",
        folder="libreoffice/help/en-US/text/",
        url="https://help.libreoffice.org/7.4/en-US/text/",
        other=("swriter/*", "simpress/*", "sdraw/*", "shared/*", "sbasic/*", "schart/*"),
        take=300,
    ),
    Site(package="postfix-doc", folder="doc/postfix/html/", url="https://www.postfix.org/"),
    Site(
        package="exim4-doc-html",
        folder="doc/exim4-doc-html/spec_html/",
        url="https://www.exim.org/exim-html-current/doc/html/spec_html/",
    ),
    Site(package="shorewall-doc", folder="doc/shorewall-doc/html/", url="https://shorewall.org/"),
    Site(package="csound-doc", folder="doc/csound-doc/html/", url="https://csound.com/docs/manual/", take=300),
    Site(package="rt5-doc-html", folder="doc/rt5-doc-html/", url="https://docs.bestpractical.com/rt/5.0.3/"),
    Site(package="grass-doc", folder="doc/grass-doc/html/", url="https://grass.osgeo.org/grass82/manuals/", take=250),
    Site(
        package="ffmpeg-doc",
        folder="doc/ffmpeg/",
        url="https://ffmpeg.org/",
        other=("manual/*", "api/*.html"),
        take=200,
    ),
    Site(package="argyll-doc", folder="doc/argyll-doc/", url="https://www.argyllcms.com/doc/"),
    Site(
        package="mplayer-doc",
        folder="doc/mplayer/HTML/",
        url="http://www.mplayerhq.hu/DOCS/HTML/",
        other=("en/*", "fr/*", "pl/*"),
    ),
    Site(
        package="solfege-doc",
        folder="doc/solfege/help/",
        url="https://www.gnu.org/software/solfege/help/",
        other=("C/*",),
    ),
    Site(
        package="lilypond-doc-html",
        folder="doc/lilypond/html/Documentation/",
        url="https://lilypond.org/doc/v2.24/Documentation/",
        take=250,
    ),
    Site(package="vim-doc", folder="doc/vim/html/", url="https://vimhelp.org/"),
    Site(package="zsh-doc", folder="doc/zsh-common/html/", url="https://zsh.sourceforge.io/Doc/Release/"),
    Site(package="beets-doc", folder="doc/beets/html/", url="https://beets.readthedocs.io/en/stable/"),
    Site(package="borgbackup-doc", folder="doc/borgbackup/html/", url="https://borgbackup.readthedocs.io/en/stable/"),
    Site(package="weechat-doc", folder="doc/weechat-doc/html/", url="https://weechat.org/files/doc/weechat/stable/"),
)

SITES: Final = (*MATH, *SCIENCE, *CODE, *PROSE)


CODE_SEED_DOMAINS: Final = ("palletsprojects.com", "aiohttp.org", "djangoproject.com")


def shows_code(package: str, text: str) -> bool | None:
    """Whether a page is about programming and shows code: the benchmark's second label, decided before it was run.

    Such pages are of a programming language's, library's or tool's documentation, with two fenced blocks or more. Not
    such pages are those of the same documentation without any, and manuals and prose for people who do not program. Left
    out are pages with one block, and mathematics and science, whose pages often call a library.
    """
    blocks = text.count("\n```") // 2
    if package in {site.package for site in CODE}:
        return None if blocks == 1 else blocks > 1
    return False if package in {site.package for site in PROSE} | {"elsewhere"} else None
