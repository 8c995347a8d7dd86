import sys
from dataclasses import dataclass, field

import pytest

from pipelines import identity
from pipelines.cluster import UserFile
from pipelines.identity import canonical, definition_code, module_code


@dataclass(frozen=True)
class Settings:
    size: int = 1
    folder: str = field(default="here", metadata={"identity": False})


def forget():
    """What is cached of the code as it was when it was first read."""
    module_code.cache_clear()
    identity._parsed.cache_clear()


def install(tmp_path, text, name="mine.py"):
    path = tmp_path / name
    path.write_text(text)
    return UserFile.read(str(path)).install()


USER = '''
"""A recipe."""
LIMIT = 3
OTHER = 4


def helper(x):
    return x + LIMIT


def rule(x):
    """Says something."""
    return helper(x)  # adds


def unrelated(x):
    return OTHER
'''


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (("# adds", "# sums"), True),
        (('"""Says something."""', '"""Says more."""'), True),
        (("OTHER = 4", "OTHER = 5"), True),
        (("LIMIT = 3", "LIMIT = 5"), False),
        (("return x + LIMIT", "return x - LIMIT"), False),
    ],
    ids=["comment", "docstring", "not reached", "constant reached", "helper reached"],
)
def test_only_what_a_setting_reaches_in_a_users_file_is_its_code(tmp_path, change, same):
    before = definition_code(install(tmp_path, USER).rule)
    after = definition_code(install(tmp_path, USER.replace(*change)).rule)
    assert (before == after) is same


def test_a_field_that_only_says_where_is_no_identity():
    assert canonical(Settings(folder="there")) == canonical(Settings())
    assert canonical(Settings(size=2)) != canonical(Settings())


def test_a_lambda_is_refused_by_name():
    with pytest.raises(TypeError, match="no importable name"):
        canonical(lambda x: x)


def test_an_object_without_an_identity_is_refused():
    with pytest.raises(TypeError, match="data or a named function"):
        canonical(object())


def test_a_module_reaches_what_it_imports(monkeypatch, tmp_path):
    package = tmp_path / "corpus_like"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("X = 1  # a\n")
    (package / "outer.py").write_text("from corpus_like import inner\nimport pyarrow\n")
    monkeypatch.setattr(identity, "PACKAGES", ("corpus_like",))
    monkeypatch.syspath_prepend(str(tmp_path))

    def code():
        forget()
        return module_code("corpus_like.outer")

    before = code()
    (package / "inner.py").write_text("X = 1  # b\n")
    assert code() == before
    (package / "inner.py").write_text("X = 2\n")
    assert code() != before
    sys.modules.pop("corpus_like", None)
    forget()


def test_a_data_file_that_a_module_ships_is_its_code(monkeypatch, tmp_path):
    package = tmp_path / "shipping"
    package.mkdir()
    (package / "__init__.py").write_text('DATA_FILES = ("table.txt",)\n')
    monkeypatch.setattr(identity, "PACKAGES", ("shipping",))
    monkeypatch.syspath_prepend(str(tmp_path))
    codes = []
    for text in ("a", "b"):
        (package / "table.txt").write_text(text)
        forget()
        codes.append(module_code("shipping"))
    assert codes[0] != codes[1]
    sys.modules.pop("shipping", None)
    forget()


def test_the_version_of_a_named_package_is_code(monkeypatch):
    forget()
    before = module_code("corpus.shards")
    monkeypatch.setattr(identity, "_version", lambda package: "another")
    forget()
    assert module_code("corpus.shards") != before
    forget()
