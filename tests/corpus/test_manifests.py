"""Manifests: what each format declares, what it does not, and hostile ones."""

# ruff: noqa: E501  # tables of cases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.manifests import MANIFEST_BYTES, declared, folder_described, is_manifest

POM = """<?xml version="1.0"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <!-- <licenses><license><name>AGPL-3.0</name></license></licenses> -->
  <build><plugins><plugin><configuration><licenses><license><name>GPL</name></license></licenses>
  </configuration></plugin></plugins></build>
  <licenses><license><name>Apache License, Version 2.0</name><url>x</url></license>{}</licenses>
</project>"""
METADATA = "Metadata-Version: 2.1\nName: x\n{}\n\nLicense: GPL-3.0\n"
SETUP = """from setuptools import setup
# license="GPL"
__license__ = "BSD"
setup(name="x", {}
      classifiers=["License :: OSI Approved :: ISC License (ISCL)",
                   # "License :: OSI Approved :: MIT License",
                   "Programming Language :: Python"])
"""
CASES = [
    ("package.json", '{"name": "x", "license": "MIT"}', "MIT"),
    ("package.json", '{"license": {"type": "BSD-3-Clause", "url": "x"}}', "BSD-3-Clause"),
    ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]}', "GPL-2.0-only OR MIT"),
    ("package.json", '{"license": ["MIT", "GPL-2.0"]}', "GPL-2.0-only AND MIT"),
    ("package.json", '{"license": {}, "licenses": {}}', None),
    ("package.json", '{"license": null}', None),
    ("package.json", '{"license": {"type": {"a": 1}}}', None),
    ("package.json", '{"type": "module"}', None),
    ("package.json", '\ufeff{"license": "UNLICENSED"}', "UNLICENSED"),
    ("package.json", '{"license": "SEE LICENSE IN a.md"}', "LicenseRef-SEE-LICENSE-IN-a.md"),
    ("package.json", '{"license": "\\ud800 x"}', "LicenseRef-x"),
    ("composer.json", '{"license": ["LGPL-2.1-only", "MIT"]}', "LGPL-2.1-only OR MIT"),
    ("composer.json", '{"license": "proprietary"}', "proprietary"),
    ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"', "Apache-2.0 OR MIT"),
    ("Cargo.toml", "[package]\nlicense.workspace = true", None),
    ("Cargo.toml", '[workspace.package]\nlicense = "MPL-2.0"', "MPL-2.0"),
    ("Cargo.toml", '[package]\nlicense-file = "EULA"', "LicenseRef-file-LICENSE-EULA"),
    ("Cargo.toml", "package = 3", None),
    ("pyproject.toml", '[project]\nlicense = "MIT AND ISC"', "ISC AND MIT"),
    ("pyproject.toml", '[project]\nlicense = {text = "BSD"}', "BSD"),
    ("pyproject.toml", '[project]\nlicense = {file = "LICENSE"}', "LicenseRef-file-LICENSE-LICENSE"),
    ("pyproject.toml",
     '[project]\nlicense = {file = "L"}\nclassifiers = ["License :: OSI Approved", "License :: OSI Approved :: MIT License"]',
     "MIT"),
    ("pyproject.toml", '[tool.poetry]\nlicense = "GPL-3.0-or-later"', "GPL-3.0-or-later"),
    ("pyproject.toml", "[build-system]\nrequires = []", None),
    ("setup.cfg", "[x]\nlicense = GPL\n\n[metadata]\nname = x\n\nlicense = MIT\n[y]\nlicense = ISC\n", "MIT"),
    ("setup.cfg", "[metadata]\nlicense = file: LICENSE\nclassifiers =\n  License :: OSI Approved :: MIT License\n", "MIT"),
    ("setup.cfg", "license = MIT", None),
    ("setup.py", SETUP.format('license="Apache 2.0",'), "Apache-2.0"),
    ("setup.py", SETUP.format("license=LICENSE,"), "ISC"),
    ("setup.py", SETUP.format('license="MIT" + suffix,'), "ISC"),
    ("setup.py", SETUP.format('license="MIT"\n  " or so",'), "ISC"),
    ("setup.py", SETUP.format('license="MIT", **{"license": "GPL"},'), "ISC"),
    ("setup.py", "setup(**kwargs)", None),
    ("PKG-INFO", METADATA.format("License: MIT"), "MIT"),
    ("METADATA", METADATA.format("License-Expression: MIT OR GPL-2.0-only\nLicense: x"), "GPL-2.0-only OR MIT"),
    ("METADATA", METADATA.format("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License"), "MIT"),
    ("METADATA", METADATA.format("License: The text\n        Mozilla Public License Version 2.0\n        x"), "MPL-2.0"),
    ("METADATA",
     METADATA.format("Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: Other/Proprietary License"),
     "LicenseRef-Other-Proprietary-License AND MIT"),
    ("METADATA", METADATA.format("Summary: x"), None),
    ("METADATA", "License: MIT", None),
    ("DESCRIPTION", "Package: x\nLicense: MIT + file LICENSE", "MIT"),
    ("DESCRIPTION", "Package: x\nLicense: GPL (>= 2) | BSD_3_clause + file\n  LICENSE", "BSD-3-Clause OR GPL-2.0-or-later"),
    ("DESCRIPTION", "Package: x\nLicense: Apache License (== 2.0)", "Apache-2.0"),
    ("DESCRIPTION", "Package: x\nLicense: GPL-3 + file LICENSE", "GPL-3.0-only AND LicenseRef-file-LICENSE"),
    ("DESCRIPTION", "Package: x\nLicense: file LICENSE", "LicenseRef-file-LICENSE"),
    ("DESCRIPTION", "License: MIT", None),
    ("x.gemspec", "Gem::Specification.new do |s|\n  # s.license = 'GPL'\n  s.license = 'MIT'.freeze\nend", "MIT"),
    ("x.gemspec", 's.licenses = ["Ruby", "BSD-2-Clause"]', "BSD-2-Clause AND Ruby"),
    ("x.gemspec", "s.licenses = %w[MIT GPL-2.0]", "GPL-2.0-only AND MIT"),
    ("x.gemspec", "s.license = File.read('MIT')", None),
    ("x.gemspec", "s.license = 'MIT' unless ENV['X']", None),
    ("pom.xml", POM.format(""), "Apache-2.0"),
    ("pom.xml", POM.format("<license><name>GPLv2</name></license>"), "Apache-2.0 OR GPL-2.0-only"),
    ("pom.xml", "<project><name>x</name></project>", None),
    ("x.cabal", "name: x\n-- license: GPL\nLicense:   BSD3\n", "BSD-3-Clause"),
    ("x.cabal", "license: OtherLicense\n", None),
    ("x.opam", 'opam-version: "2.0"\nlicense: ["MIT" "LGPL-2.1-only WITH OCaml-LGPL-linking-exception"]',
     "LGPL-2.1-only WITH OCaml-LGPL-linking-exception AND MIT"),
    ("opam", 'license: "ISC"', "ISC"),
    ("dune-project", "(lang dune 3.0)\n; (license GPL)\n(license ISC)", "ISC"),
    ("dune-project", '(license "MIT OR ISC")', "ISC OR MIT"),
    ("META.json", '{"license": ["perl_5", "mit"]}', "(Artistic-1.0-Perl OR GPL-1.0-or-later) AND MIT"),
    ("META.json", '{"license": "unknown"}', None),
    ("META.yml", "---\nlicense: perl\n", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ("META.yml", "license:\n  - mit\n  - apache_2_0\nx: 1\n", "Apache-2.0 AND MIT"),
    ("x.nuspec", '<package><metadata><license type="expression">MIT</license></metadata></package>', "MIT"),
    ("x.nuspec", '<package><metadata><license type="file">a.txt</license></metadata></package>',
     "LicenseRef-file-LICENSE-a.txt"),
    ("x.nuspec", "<package><metadata><licenseUrl>https://licenses.nuget.org/ISC</licenseUrl></metadata></package>", "ISC"),
    ("mix.exs", 'defp package do\n  [licenses: ["Apache-2.0"], links: %{}]\nend', "Apache-2.0"),
    ("mix.exs", "licenses: [@license]", None),
]  # fmt: skip
NAMES = sorted({path for path, _, _ in CASES})


@pytest.mark.parametrize(("path", "text", "licence"), CASES)
def test_a_manifest_declares_its_licence(path, text, licence):
    assert declared(f"a/{path}", text.encode()) == licence
    assert declared(path, text.replace("\n", "\r\n").encode()) == licence


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("package.json", "{"), ("package.json", "[]"), ("package.json", "[" * 100_000), ("composer.json", ""),
        ("Cargo.toml", "[package"), ("pyproject.toml", "a=" + "[" * 100_000), ("Cargo.toml", "a." * 100_000 + "a = 1"),
        ("pom.xml", "<project>"), ("pom.xml", "<a>" * 1_000),
        ("x.nuspec", '<!DOCTYPE a [<!ENTITY b "c">]><package>&b;</package>'),
        ("package.json", '{"license": "MIT"}' + " " * MANIFEST_BYTES),
        ("METADATA", "Metadata-Version: 2\n" + "".join(f"Classifier: License :: {n}\n" for n in range(101))),
        ("META.json", '{"license": [' + ", ".join(f'"a{n}"' for n in range(101)) + "]}"),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_a_manifest_that_cannot_be_read_is_told_from_one_that_says_nothing(path, text):
    with pytest.raises(ValueError, match=r"."):
        declared(path, text.encode())


@pytest.mark.parametrize("path", NAMES)
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(path, text):
    try:
        said = declared(path, text.encode("utf-8", "replace"))
    except ValueError:
        return
    assert said is None or said.encode()


@pytest.mark.parametrize("path", NAMES)
@pytest.mark.parametrize(
    "piece", ["[", "license=", '"License :: a"\n', "a b(>= 2)|", "\n - a", " x\n", "(license ", '"a".', "#"]
)
def test_a_repeated_piece_is_read_to_its_end(path, piece):
    """No clock: what takes more than its length would not end here within an hour (a dotted key took 99 s)."""
    for start in ("", "[metadata]\nlicense=\n", "Package: a\nLicense: ", "Metadata-Version: 2\n"):
        text = (start + piece * (MANIFEST_BYTES // len(piece)))[:MANIFEST_BYTES]
        try:
            declared(path, text.encode())
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("package.json", True), ("a/b/Cargo.toml", True), ("a.dist-info/METADATA", True), ("b.cabal", True),
        ("package-lock.json", False), ("a/.cabal", False), ("Cargo.lock", False), ("xpackage.json", False), ("", False),
        ("METADATA.pb", False), ("opam", True), ("pkg/x.opam", True),
    ],
)  # fmt: skip
def test_manifests_are_known_by_name(path, is_one):
    assert is_manifest(path) is is_one


def test_a_manifest_speaks_of_its_folder_and_one_of_an_installed_package_of_the_folder_around_it():
    assert folder_described("a/b/package.json") == "a/b"
    assert folder_described("PKG-INFO") == ""
    assert folder_described("x-1.0.dist-info/METADATA") == ""
    assert folder_described("src/x.egg-info/PKG-INFO") == "src"


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="name of a manifest"):
        declared("a.py", b"")
