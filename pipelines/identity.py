"""Identity: settings and code to hashes. Comes in: a frozen config or a function; goes out: JSON and hex digests.

`code` is the hash of the syntax trees, without comments and docstrings, of the modules of ours that a module imports,
of the data files they ship, and of the versions of the packages they name. Definitions in a user's recipe file enter
one by one: those that a setting reaches. Nothing here touches the store.
"""

import ast
import dataclasses
import enum
import importlib.metadata
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar

_Node = TypeVar("_Node", bound=ast.AST)
PACKAGES = ("pipelines", "validate", "filters", "tokenization", "corpus")
USER_MODULE = "user_recipe_"  # prefix of the module name that a recipe file gets
# The frame decides when a task runs, never what it writes: changing it re-keys nothing.
FRAME = {f"pipelines.{name}" for name in ("build", "cluster", "stage", "identity", "recipes", "progress")}


def digest(value: object) -> str:
    """32 hex digits over canonical JSON."""
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def canonical(value: object) -> Any:
    """A setting as JSON: dataclasses by field (without those marked `identity: False`), functions by name and code."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, enum.Enum):
        return [_name(type(value)), value.name]
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [f for f in dataclasses.fields(value) if f.metadata.get("identity", True)]
        return {"type": _name(type(value)), **{f.name: canonical(getattr(value, f.name)) for f in fields}}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, dict):
        return {"pairs": sorted([str(key), canonical(item)] for key, item in value.items())}
    if isinstance(value, frozenset | set):
        return {"set": sorted(json.dumps(canonical(item), sort_keys=True) for item in value)}
    if isinstance(value, FunctionType | type):
        return {"name": _name(value), "code": definition_code(value)}
    if hasattr(value, "isoformat"):
        return {"time": value.isoformat()}
    raise TypeError(f"a setting must be data or a named function, not {value!r} ({type(value).__name__})")


def _name(value: Any) -> str:
    name = f"{value.__module__}:{value.__qualname__}"
    if "<" in name:
        raise TypeError(f"{name} has no importable name: move it to the top level of its module")
    return name


def definition_code(value: Callable[..., object] | type) -> str:
    """Code hash behind one function or class: its module's for ours, what it reaches for a user's file."""
    module = value.__module__
    if module.startswith(USER_MODULE):
        return _reached(sys.modules[module], value.__qualname__.split(".")[0])
    return module_code(module)


@cache
def module_code(module: str) -> str:
    """Hash over a module of ours and everything of ours below it, data files and package versions included."""
    ours: dict[str, str] = {}
    packages: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name in ours or name in FRAME:
            continue
        if name.split(".")[0] not in PACKAGES:
            packages.add(name.split(".")[0])
            continue
        ours[name], imported = _parsed(name)
        todo += imported
    return digest([sorted(ours.items()), sorted((p, _version(p)) for p in packages if _version(p))])


@cache
def _parsed(name: str) -> tuple[str, tuple[str, ...]]:
    """One module's own hash, with the data files it ships, and what it imports."""
    path = _source(name)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = tuple(_imports(tree))
    return digest([ast.dump(_bare(tree)), *(_file_hash(path.parent / file) for file in _data_files(tree))]), imported


def _reached(module: ModuleType, start: str) -> str:
    """Hash of the top-level definitions of a user's file that `start` reaches, and of the code they import."""
    tree = ast.parse(inspect.getsource(module))
    named: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        for name in _binds(node):
            named.setdefault(name, []).append(node)
    seen: dict[str, list[str]] = {}
    imported: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name in seen or name not in named:
            continue
        seen[name] = [ast.dump(_bare(node)) for node in named[name]]
        for node in named[name]:
            imported.update(_imports(ast.Module([node], [])))
            todo += [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    codes = sorted(module_code(name) for name in imported if name not in FRAME)
    return digest([sorted(seen.items()), codes])


def _binds(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in names)
        case ast.Assign() | ast.AnnAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:  # `from corpus import minhash` names a module, `from corpus.minhash import X` not
                inner = f"{node.module}.{alias.name}"
                ours = node.module.split(".")[0] in PACKAGES
                yield inner if ours and _find(inner) else node.module


def _bare(tree: _Node) -> _Node:
    """The tree without docstrings (comments are not in it)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return tree


def _data_files(tree: ast.Module) -> list[str]:
    """Files a module ships and reads: its top-level `DATA_FILES = (...)`, relative to the module."""
    for node in tree.body:
        if "DATA_FILES" in list(_binds(node)):
            assert isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            return list(ast.literal_eval(node.value))
    return []


def _file_hash(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=16).hexdigest()


@cache
def _find(module: str) -> str | None:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return spec.origin if spec else None


def _source(module: str) -> Path:
    origin = _find(module)
    if origin is None:
        raise ModuleNotFoundError(f"{module} is imported but is not a module of this project")
    return Path(origin)


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: sorted(found) for name, found in importlib.metadata.packages_distributions().items()}


def _version(package: str) -> str:
    """Versions of the distributions that give this top-level package; "" for the standard library."""
    if package in sys.stdlib_module_names:
        return ""
    return ",".join(f"{d}={importlib.metadata.version(d)}" for d in _distributions().get(package, ()))


@cache
def sources_hash() -> str:
    """Hash of all our source and data files, byte for byte: what client and workers must share."""
    root = Path(__file__).parent.parent
    found = (path for package in PACKAGES for path in (root / package).rglob("*"))
    files = sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)
    return digest([[str(path.relative_to(root)), _file_hash(path)] for path in files])
