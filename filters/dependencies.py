"""Which file of a repository each import statement means, by patterns per language.

Comes in: the paths of one repository's files, their languages, and their import statements as found in the text
(`measure` has found them; no text is read here). Goes out: pairs (file, file it depends on). What a pattern cannot
settle - an outside package, a name that two files answer to - is no dependency: a wrong edge joins unrelated files into
one sample. DeepSeek-Coder takes dependencies by regular expressions and names Python, C# and C; the rest is ours.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from posixpath import basename, dirname, normpath, splitext
from typing import Final

_AMBIGUOUS: Final = -1
# Files that a package or namespace stands for: without a cap, n importers of n files would not be linear.
_MOST_OF_A_FOLDER: Final = 64
_MOST_NAMES: Final = 64  # of one statement


class Tree:
    """One repository's paths, indexed so that a look-up costs the depth of a path and not the number of files."""

    def __init__(self, paths: Sequence[str], repo: str = "") -> None:
        self.name = repo.rsplit("/", 1)[-1].lower()
        self.at: dict[str, int] = {}
        self._endings: dict[str, int] = {}
        self._folder_endings: dict[str, str] = {}
        self._files: dict[tuple[str, str], list[int]] = {}
        folders: dict[str, None] = {}
        for index, path in enumerate(paths):
            if path in self.at:
                continue
            self.at[path] = index
            for ending in _endings(path):
                self._endings[ending] = index if ending not in self._endings else _AMBIGUOUS
            folders[dirname(path)] = None
            inside = self._files.setdefault((dirname(path), splitext(path)[1]), [])
            if len(inside) < _MOST_OF_A_FOLDER and not path.endswith("_test.go"):
                inside.append(index)
        for folder in folders:
            for ending in _endings(folder):
                self._folder_endings[ending] = folder if ending not in self._folder_endings else ""

    def path(self, folder: str, relative: str) -> int | None:
        """The file at `relative` seen from `folder`."""
        return self.at.get(normpath(f"{folder}/{relative}" if folder else relative))

    def above(self, folder: str, relative: str) -> int | None:
        """The file at `relative` seen from `folder` or from the nearest folder above it."""
        return next((i for base in _and_above(folder) if (i := self.path(base, relative)) is not None), None)

    def ending(self, relative: str) -> int | None:
        """The only file whose path ends in `relative`."""
        found = self._endings.get(relative, _AMBIGUOUS)
        return None if found == _AMBIGUOUS else found

    def folder(self, relative: str) -> str | None:
        """The only folder with files whose path ends in `relative`."""
        return self._folder_endings.get(relative) or None

    def files(self, folder: str, extension: str) -> list[int]:
        """The first files of a folder with this extension; Go's tests are no part of a package."""
        return self._files.get((folder, extension), [])

    def any_of(self, look: Callable[[str], int | None], names: Iterator[str]) -> list[int]:
        """The first of these names that there is."""
        return next(([i] for name in names if (i := look(name)) is not None), [])


Resolve = Callable[[Tree, str, str], Sequence[int]]  # tree, the importing file's path, statement


def dependencies(
    paths: Sequence[str], languages: Sequence[str | None], imports: Sequence[Sequence[str]], repo: str = ""
) -> list[tuple[int, int]]:
    """Distinct pairs (file, file it depends on), as indices into `paths`; a file never depends on itself."""
    tree = Tree(paths, repo)
    edges: dict[tuple[int, int], None] = {}
    for index, (path, language, statements) in enumerate(zip(paths, languages, imports, strict=True)):
        resolve = BY_LANGUAGE.get(language or "")
        if resolve is None:
            continue
        for statement in statements:
            for target in resolve(tree, path, statement):
                if target != index:
                    edges[index, target] = None
    return list(edges)


def _endings(path: str) -> Iterator[str]:
    """`a/b/c`: a/b/c, b/c, c."""
    while path:
        yield path
        path = path.partition("/")[2]


def _and_above(folder: str) -> Iterator[str]:
    while folder.strip("/"):  # dirname("/") is "/" forever
        yield folder
        folder = dirname(folder)
    yield ""


_FROM = re.compile(r"\s*from\s+(\.*)\s*([\w.]*)\s+c?import\s+(.*)", re.S)
_IMPORT = re.compile(r"\s*c?import\s+(.*)", re.S)


def _python(tree: Tree, path: str, statement: str) -> Sequence[int]:
    """`from a.b import c` means module a.b.c where there is one, else a.b."""
    if match := _FROM.match(statement):
        dots, module, names = match.groups()
        listed = [name.split()[0] for name in re.sub(r"#.*|[()\\]", " ", names).split(",") if name.strip()]
        wanted = [[*filter(None, module.split(".")), name] for name in listed[:_MOST_NAMES]]
    elif match := _IMPORT.match(statement):
        dots = ""
        wanted = [name.split()[0].split(".") for name in match.group(1).split(",")[:_MOST_NAMES] if name.strip()]
    else:
        bare = statement.strip()
        dots = "." * (len(bare) - len(bare.lstrip(".")))
        wanted = [bare.lstrip(".").split(".")]
    found: list[int] = []
    for parts in wanted:
        prefixes = ("/".join(parts[:n]) for n in range(len(parts), -1 if dots else 0, -1))
        names_of = (f"{p}{end}" for p in prefixes for end in ((".py", "/__init__.py", ".pyx", ".pyi") if p else _INIT))
        found += tree.any_of(partial(_python_file, tree, path, len(dots)), names_of)
    return found


_INIT: Final = ("__init__.py",)


def _python_file(tree: Tree, path: str, dots: int, name: str) -> int | None:
    folder = dirname(path)
    if dots:
        for _ in range(dots - 1):
            folder = dirname(folder)
        return tree.path(folder, name)
    # An absolute import starts at the folder that holds the outermost package, not inside a package.
    folder = next((base for base in _and_above(folder) if tree.path(base, "__init__.py") is None), "")
    found = tree.above(folder, name)
    if found is None:
        found = tree.path("src", name)
    return tree.ending(name) if found is None and "/" in name.removesuffix("/__init__.py") else found


_INCLUDE = re.compile(r"""["'<]([^"'<>\n]+)[">']""")


def _include(tree: Tree, path: str, statement: str) -> Sequence[int]:
    """C and its relatives: `"x.h"` beside the file, then upwards, then the only such ending; `<x.h>` not beside it."""
    match = _INCLUDE.search(statement)
    name = match.group(1) if match else statement.strip()
    quoted = match is None or match.group(0)[0] != "<"
    found = tree.above(dirname(path), name) if quoted else None
    if found is None:
        found = tree.above(dirname(path), f"include/{name}")
    if found is None and ("/" in name or quoted):
        found = tree.ending(normpath(name).lstrip("./"))
    return [] if found is None else [found]


_JVM = re.compile(r"\s*(?:import\s+)?(?:static\s+)?([\w.`$]+)(?:\.?\{([^}]*)\}|\.?(\*|_)(?!\w))?")
_JVM_ENDS: Final = (".java", ".kt", ".scala", ".groovy")


def _jvm(tree: Tree, path: str, statement: str) -> Sequence[int]:
    """Java, Kotlin, Scala, Groovy: a class is a file below folders named like its package."""
    match = _JVM.match(statement)
    if match is None:
        return []
    base, braces, wildcard = match.group(1).strip("."), match.group(2), match.group(3)
    if base.endswith("._"):
        base, wildcard = base[:-2], "_"
    names = [n.split()[0] for n in braces.split(",")[:_MOST_NAMES] if n.strip()] if braces else []
    found: list[int] = []
    for parts in [[*base.split("."), name] for name in names] or [base.split(".")]:
        # The last parts may be a nested class or a static member.
        stems = ("/".join(parts[:n]) for n in range(len(parts), max(1, len(parts) - 3), -1))
        found += tree.any_of(tree.ending, (stem + end for stem in stems for end in _JVM_ENDS))
    if wildcard and (folder := tree.folder(base.replace(".", "/"))):
        found += [i for end in _JVM_ENDS for i in tree.files(folder, end)]
    return found


_QUOTED = re.compile(r"""["'`]([^"'`\n]+)["'`]""")
_JS_ENDS: Final = ("", ".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".json")


def _javascript(tree: Tree, path: str, statement: str) -> Sequence[int]:
    """Relative specifiers, and `@/` and `~/` for the source folder, as bundlers have it; packages are outside."""
    quoted = _QUOTED.findall(statement)
    name = quoted[-1] if quoted else statement.strip()
    if name.startswith(("@/", "~/")):
        bases, name = [f"{base}/src".lstrip("/") for base in _and_above(dirname(path))], name[2:]
    elif name.startswith("."):
        bases = [dirname(path)]
    else:
        return []
    stems = (name, re.sub(r"\.[mc]?jsx?$", "", name))  # TypeScript writes ./x.js and means ./x.ts
    ends = (*_JS_ENDS, *(f"/index{end}" for end in _JS_ENDS[1:]))
    names = (normpath(f"{base}/{stem}{end}".lstrip("/")) for base in bases for stem in stems for end in ends)
    return tree.any_of(tree.at.get, names)


def _go(tree: Tree, path: str, statement: str) -> Sequence[int]:
    """A package is a folder; what follows the repository's name in the import path leads to it."""
    quoted = _QUOTED.findall(statement)
    parts = (quoted[-1] if quoted else statement.strip()).split("/")
    below = [n + 1 for n, part in enumerate(parts) if part.lower() == tree.name and n < 4]
    for n in below:
        rest = parts[n:]
        if rest and re.fullmatch(r"v\d+", rest[0]):
            rest = rest[1:]
        folder = "/".join(rest)
        if found := tree.files(folder, ".go"):
            return found
    # A module not named like its repository: only a path of several parts says enough.
    endings = ("/".join(parts[n:]) for n in range(1, len(parts) - 1))
    known = next((f for ending in endings if (f := tree.folder(ending))), None)
    return tree.files(known, ".go") if known else []


_RUST_PROGRAMS: Final = ("tests", "benches", "examples", "bin")  # folders whose every file is a crate of its own
_RUST = re.compile(r"\s*(?:pub(?:\([^)]*\))?\s+)?(mod|use|extern\s+crate)?\s*(.*)", re.S)


def _rust(tree: Tree, path: str, statement: str) -> Sequence[int]:
    """`mod x` is x.rs or x/mod.rs below the module; `use` paths start at crate, self, super or another crate."""
    match = _RUST.match(statement)
    assert match is not None  # every part is optional
    folder, stem = dirname(path), splitext(basename(path))[0]
    root = stem in ("mod", "lib", "main") or (stem == "build" and not folder) or basename(folder) in _RUST_PROGRAMS
    own = folder if root else f"{folder}/{stem}".lstrip("/")
    if match.group(1) == "mod":
        name = match.group(2).strip(" ;{")
        return tree.any_of(partial(tree.path, own), iter((f"{name}.rs", f"{name}/mod.rs")))
    crate = next((b for b in _and_above(folder) if _crate_file(tree, b, _CRATES) is not None), None)
    found: list[int] = []
    for parts in islice(_rust_paths(match.group(2).strip(" ;\n")), _MOST_NAMES):
        base, rest = _rust_base(tree, own, crate, parts)
        if base is None:
            continue
        stems = ("/".join(rest[:n]) for n in range(len(rest), 0, -1))
        here = tree.any_of(partial(tree.path, base), (s + e for s in stems for e in (".rs", "/mod.rs")))
        found += here or [i for i in (_crate_file(tree, base),) if i is not None]
    return found


def _rust_paths(text: str) -> Iterator[list[str]]:
    """`a::{b, c::d}` -> a::b, a::c::d. Nested braces are read as far as their first path."""
    head, brace, rest = text.partition("{")
    items = rest.replace("{", ",").replace("}", "").split(",") if brace else [""]
    for item in items:
        parts = [part for part in f"{head}{item}".split("::") if part.strip()]
        yield [part.split()[0] for part in parts]


def _rust_base(tree: Tree, own: str, crate: str | None, parts: list[str]) -> tuple[str | None, list[str]]:
    """The folder in which the path's first module lies, and the rest of the path."""
    if parts and parts[0] in ("crate", "self"):
        return (crate if parts[0] == "crate" else own), parts[1:]
    while parts and parts[0] == "super":
        own, parts = dirname(own), parts[1:]
        if not parts or parts[0] != "super":
            return own, parts
    if not parts:
        return None, []
    name = parts[0].rstrip(";")
    found = tree.folder(f"{name}/src") or tree.folder(f"{name.replace('_', '-')}/src")
    if (
        found is None
        and name.replace("_", "-") == tree.name.replace("_", "-")
        and tree.path("src", "lib.rs") is not None
    ):
        found = "src"  # the repository is the crate
    return found, parts[1:]


_CRATES: Final = ("lib.rs", "main.rs")


def _crate_file(tree: Tree, folder: str, names: Sequence[str] = (*_CRATES, "mod.rs")) -> int | None:
    return next((i for name in names if (i := tree.path(folder, name)) is not None), None)


_USING = re.compile(r"\s*(?:global\s+)?(?:using\s+)?(static\s+)?(\w+\s*=\s*)?([\w.]+)")


def _csharp(tree: Tree, path: str, statement: str) -> Sequence[int]:
    """A namespace is no file: the folder or the file that its last parts name, where only one does.

    The last part alone says enough only where the first is a name of the repository's own: `Newtonsoft.Json` is not
    whatever folder Json there is. A name of one part is a file only where a class is meant, by `static` or an alias:
    dbus-sharp's `using DBus;` is its whole source, and not DBus.cs.
    """
    match = _USING.match(statement)
    if match is None or match.group(3).split(".")[0] in ("System", "Microsoft"):
        return []
    parts = match.group(3).split(".")
    may_be_file = len(parts) > 1 or bool(match.group(1) or match.group(2))
    own = parts[0].lower() == tree.name or tree.folder(parts[0]) is not None
    if folder := tree.folder(match.group(3)):  # projects are often folders with the dotted name
        return tree.files(folder, ".cs")
    for n in range(len(parts) if own or len(parts) == 1 else len(parts) - 1):
        ending = "/".join(parts[n:])
        if may_be_file and (file := tree.ending(f"{ending}.cs")) is not None:
            return [file]
        if folder := tree.folder(ending):
            return tree.files(folder, ".cs")
    return []


_PHP_USE = re.compile(r"\s*use\s+(?:function\s+|const\s+)?\\?([\w\\]+)(?:\s*\{([^}]*)\})?")


def _php(tree: Tree, path: str, statement: str) -> Sequence[int]:
    """`use A\\B` by PSR-4: the file whose path ends in A/B.php or, with the vendor's prefix taken off, B.php."""
    if match := _PHP_USE.match(statement):
        base, braces = match.group(1).strip("\\"), match.group(2) or ""
        found: list[int] = []
        for name in braces.split(",")[:_MOST_NAMES]:
            parts = [p for p in f"{base}\\{name.split()[0] if name.strip() else ''}".split("\\") if p]
            endings = ["/".join(parts[n:]) for n in range(max(1, len(parts) - 1))]
            endings += [f"src/{parts[-1]}", f"lib/{parts[-1]}"] if parts else []  # "Vendor\\" is src/ by composer.json
            found += tree.any_of(tree.ending, (f"{ending}.php" for ending in endings))
        return found
    return _beside(tree, path, statement, (lambda name: name.lstrip("/"),))


def _ruby(tree: Tree, path: str, statement: str) -> Sequence[int]:
    """`require_relative` from the file, `require` from lib."""
    names = (lambda name: f"{name.removesuffix('.rb')}.rb", lambda name: f"lib/{name.removesuffix('.rb')}.rb")
    return _beside(tree, path, statement, names)


_SWIFT = re.compile(r"(?:@testable\s+)?import\s+(?:(?:class|struct|enum|protocol|func|var|let|typealias)\s+)?(\w+)")


def _swift(tree: Tree, path: str, statement: str) -> Sequence[int]:
    """A module is the folder below Sources or Tests that has its name; a module's own files import nothing of it."""
    match = _SWIFT.match(statement.strip())
    if match is None:
        return []
    name = match.group(1)
    folder = tree.folder(f"Sources/{name}") or tree.folder(f"Tests/{name}")
    return tree.files(folder, ".swift") if folder else []


def _beside(tree: Tree, path: str, statement: str, names: Sequence[Callable[[str], str]]) -> Sequence[int]:
    quoted = _QUOTED.findall(statement)
    wanted = [name(quoted[-1] if quoted else statement.strip()) for name in names]
    found = next((i for name in wanted if (i := tree.above(dirname(path), name)) is not None), None)
    if found is None and "/" in wanted[0]:
        found = tree.ending(normpath(wanted[0]).lstrip("./"))
    return [] if found is None else [found]


_C_LIKE: Final = (
    "C", "C++", "Objective-C", "Objective-C++", "CUDA", "OpenCL", "GLSL", "HLSL", "Metal", "Arduino", "SWIG",
    "Protocol Buffer", "Thrift", "Assembly", "GAS", "Linker Script", "DeviceTree",
)  # fmt: skip

BY_LANGUAGE: Final[dict[str, Resolve]] = {
    **dict.fromkeys(("Python", "Cython", "Sage"), _python),
    **dict.fromkeys(_C_LIKE, _include),
    **dict.fromkeys(("Java", "Kotlin", "Scala", "Groovy", "Gradle"), _jvm),
    **dict.fromkeys(("JavaScript", "TypeScript", "JSX", "Vue", "CoffeeScript"), _javascript),
    "Go": _go,
    "Rust": _rust,
    "C#": _csharp,
    "PHP": _php,
    "Ruby": _ruby,
    "Swift": _swift,
}
