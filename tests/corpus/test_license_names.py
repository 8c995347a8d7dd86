"""Names of licences: one meaning gives an identifier, a family stays one, any other name is kept and never guessed."""

# ruff: noqa: E501  # tables of cases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.license_names import all_of, any_of, expression_of, known, side_by_side
from corpus.licenses import LICENCES, PERMISSIVE, permitted, tidy


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("mit", "MIT"), ("The MIT License", "MIT"), (" Expat ", "MIT"), ("ISC License (ISCL)", "ISC"),
        ("Apache 2.0", "Apache-2.0"), ("Apache License, Version 2.0", "Apache-2.0"), ("ASL 2.0", "Apache-2.0"),
        ("New BSD License", "BSD-3-Clause"), ("BSD (3 clause)", "BSD-3-Clause"), ("Simplified BSD", "BSD-2-Clause"),
        ("BSD License (BSD-3-Clause)", "BSD-3-Clause"), ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("GPLv3+", "GPL-3.0-or-later"), ("GPLv2", "GPL-2.0-only"), ("GPL-2.0", "GPL-2.0-only"),
        ("GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"), ("LGPLv2.1", "LGPL-2.1-only"),
        ("GNU Lesser General Public License v2 (LGPLv2)", "LGPL-2.0-only"), ("agpl-3.0", "AGPL-3.0-only"),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0-1.0"), ("zlib/libpng License", "Zlib"),
        ("Apache 2.0 or later", "Apache-2.0"), ("https://opensource.org/licenses/mit-license.php", "MIT"),
        ("https://licenses.nuget.org/Apache-2.0", "Apache-2.0"),
        ("http://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
    ],
)  # fmt: skip
def test_a_name_of_one_meaning_gets_its_identifier(name, expression):
    assert expression_of(name) == expression


@pytest.mark.parametrize(
    ("name", "family"),
    [("BSD License", "BSD"), ("Apache Software License", "Apache"), ("GPL", "GPL"),
     ("GNU Library or Lesser General Public License (LGPL)", "LGPL")],
)  # fmt: skip
def test_a_family_without_its_version_stays_one(name, family):
    assert expression_of(name) == family


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Dual License", "LicenseRef-Dual-License"), ("MIT (non-commercial)", "LicenseRef-MIT-non-commercial"),
        ("MIT-style", "MIT-style"), ("BSD, MIT", "LicenseRef-BSD-MIT"), ("EUPL-1.2", "EUPL-1.2"),
        ("MIT/X11", "LicenseRef-MIT-X11"), ("Apache Software License (MIT)", "LicenseRef-Apache-Software-License-MIT"),
        ("Apache-2.0 with Commons-Clause", "LicenseRef-Apache-2.0-with-Commons-Clause"),
        ("SEE LICENSE IN EULA.md", "LicenseRef-SEE-LICENSE-IN-EULA.md"), ("LICENSE", "LicenseRef-LICENSE"),
        ("LICENSE.txt", "LicenseRef-LICENSE.txt"), ("木兰", "LicenseRef-木兰"), ("Public Domain", "LicenseRef-Public-Domain"),
        ("https://example.org/MIT", "LicenseRef-https-example.org-MIT"), ("proprietary", "proprietary"),
        ("https://www.apache.org/licenses/", "LicenseRef-https-www.apache.org-licenses"),
    ],
)  # fmt: skip
def test_any_other_name_is_kept_and_is_not_permissive(name, kept):
    assert expression_of(name) == kept
    assert not permitted(kept, "permissive")


def test_unlicensed_gives_no_rights_and_unlicense_gives_all():
    assert [expression_of(name) for name in ("UNLICENSED", "unlicensed", "Unlicense", "UNLICENSE", "The Unlicense")] == [
        "UNLICENSED", "UNLICENSED", "Unlicense", "Unlicense", "Unlicense",
    ]  # fmt: skip
    assert not permitted("UNLICENSED", "permissive")
    assert permitted("Unlicense", "permissive")


@pytest.mark.parametrize("nothing", [None, {}, [], 3, True, "", "  ", "UNKNOWN", "None", "!!", "no known\ntext"])
def test_what_says_nothing_is_none(nothing):
    assert expression_of(nothing) is None


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("MIT OR Apache-2.0", "Apache-2.0 OR MIT"), ("(MIT or Apache-2.0)", "Apache-2.0 OR MIT"),
        ("mit and isc", "ISC AND MIT"), ("MIT or Apache License 2.0", "Apache-2.0 OR MIT"),
        ("(MIT OR GPL-3.0) AND Zlib", "(MIT OR GPL-3.0-only) AND Zlib"), ("EUPL-1.2 OR MIT", "EUPL-1.2 OR MIT"),
        ("GPL-2.0+ WITH Classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0"),
        ("MIT OR", "LicenseRef-MIT-OR"), ("BSD and something else", "LicenseRef-BSD-and-something-else"),
    ],
)  # fmt: skip
def test_an_expression_keeps_its_meaning(name, expression):
    assert expression_of(name) == expression


def test_a_whole_licence_text_is_recognised_by_its_phrases():
    text = "Copyright X\n\nThis is under the MIT license, with these words:\n" + "word " * 100
    assert expression_of(text) == "MIT"


def test_lists_are_joined_as_their_format_says():
    assert all_of(["MIT", None, "GPLv3", "MIT"]) == "GPL-3.0-only AND MIT"
    assert any_of(["MIT AND ISC", "GPLv3"]) == "GPL-3.0-only OR (ISC AND MIT)"
    assert all_of([]) is None
    with pytest.raises(ValueError, match="at most 100"):
        all_of(f"licence {number}" for number in range(101))


def test_manifests_side_by_side_all_hold_and_a_family_adds_nothing_to_its_version():
    assert side_by_side(["BSD", "BSD-3-Clause"]) == "BSD-3-Clause"
    assert side_by_side(["GPL", "MIT OR Apache-2.0"]) == "GPL AND (MIT OR Apache-2.0)"
    assert side_by_side(["MIT", "MIT"]) == "MIT"
    assert side_by_side([]) is None


def test_a_folder_of_more_licences_than_one_project_has_says_none():
    names = [f"LicenseRef-{n}" for n in range(101)]
    assert side_by_side(names) is None and side_by_side(names[:100] + names[:50]).count(" AND ") == 99


def test_every_identifier_that_headers_give_is_known_by_itself():
    for name in {*PERMISSIVE, *(licence.spdx for licence in LICENCES)}:
        assert known(name) == known(name.lower()) == name


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["MIT", "or", "AND", "(", ")", "GPL", "v3", "+", "with"])).map(" ".join)
)
def test_what_comes_out_is_an_expression_or_a_kept_name(text):
    said = expression_of(text)
    assert said is None or permitted(said, "permissive") in (True, False)
    assert said is None or not said.isascii() or said.startswith("LicenseRef-") or tidy(said) is not None
    if said:
        said.encode()
