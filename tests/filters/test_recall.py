import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.recall import (
    Edited,
    Joining,
    Label,
    RecallConfig,
    RecallSourceConfig,
    Seeds,
    addresses,
    edit_file,
    parse_edits,
    prefix,
    rank_keys,
    related,
    selected,
    sites,
    ties,
)

LABELS = ("math", "code")
RULES = (
    ("math", ("sympy.org",), ("*.stackexchange.com/questions/*",)),
    ("code", ("docs.sympy.org", "Lxml.de"), ()),
)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://sympy.org/", [("math", "sympy.org")]),
        ("http://www.live.sympy.org/a?b", [("math", "sympy.org")]),
        ("https://docs.sympy.org/x", [("math", "sympy.org"), ("code", "docs.sympy.org")]),
        ("https://notsympy.org/", []),
        ("https://LXML.de:8080/tutorial.html", [("code", "Lxml.de")]),
        ("https://math.stackexchange.com/questions/1/x", [("math", "*.stackexchange.com/questions/*")]),
        ("https://math.stackexchange.com/tags", []),
        ("https://example.com/sympy.org/", []),
    ],
)
def test_a_seed_is_a_domain_with_what_lies_below_it_or_a_pattern(url, found):
    assert Seeds(RULES).matches(addresses(pa.array([url]))[0]) == found


def test_a_page_without_a_url_is_no_seed():
    assert [Seeds(RULES).matches(address) for address in addresses(pa.array([None, ""]))] == [[], []]


@pytest.mark.parametrize(
    ("address", "depth", "found"),
    [
        ("a.org", 1, "a.org"),
        ("a.org/page.html", 1, "a.org"),
        ("a.org/questions/1/title", 1, "a.org/questions"),
        ("a.org/questions/1/title", 2, "a.org/questions/1"),
        ("a.org/questions/1?x=/y/z", 1, "a.org/questions"),
        ("a.org/questions?page=2", 1, "a.org"),
    ],
)
def test_a_prefix_is_the_host_and_its_first_folders(address, depth, found):
    assert prefix(address, depth) == found


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("a.org/q/1", ("math", "a.org/q")),
        ("a.org/q/1/title", ("math", "a.org/q")),
        ("a.org/q", ("math", "a.org/q")),
        ("e.org/p.html", ("-math", "e.org/p.html")),
        ("e.org/r.html", ("code", "e.org/*")),
        ("a.org/other/1", None),
        ("b.org/x/y/1", ("code", "b.org/x/y")),
        ("b.org/x/1", None),
        ("c.org/doc/7/page", ("math", "c.org/doc/[0-9]/*")),
        ("c.org/doc/x/page", None),
        ("d.org", ("code", "d.org")),
        ("d.org/page.html", ("code", "d.org")),
        ("d.org/folder/page.html", None),
    ],
)
def test_a_page_joins_by_its_folder_or_a_pattern(address, found):
    wild = (("math", "c.org/doc/[0-9]/*"), ("code", "e.org/*"))
    patterns = (("math", "a.org/q"), ("code", "b.org/x/y"), ("code", "d.org/"), *wild, ("-math", "e.org/p.html"))
    assert Joining(patterns, 1).match(address) == found


def test_what_is_proposed_can_be_read_back():
    found = related(RecallConfig(), LABELS, counted(a_org=[("a.org/q", 20, 15, 0)], b_org=[("b.org/q", 20, 0, 19)]))
    text = edit_file(2, found, {})
    assert parse_edits(text, "round-2.tsv") == (("math", "a.org/q"), ("code", "b.org/q"))
    assert "related domain a.org, 15 of 20 pages" in text and "seed of round 3" in text


def test_pages_to_look_at_are_listed_with_marks_and_decide_nothing():
    shown = {"where": "https://www.a.org/q/1", "score": 0.25, "above": True, "text": "Some text"}
    text = edit_file(
        1, {"math": {"domains": [], "prefixes": []}}, {"math": {"folders": {}, "pages": [shown], "odd": [shown]}}
    )
    assert "#?math\ta.org/q/1\t0.250\tSome text\n#!math\ta.org/q/1\t0.250\tSome text\n" in text
    assert not parse_edits(text, "x") and parse_edits(text.replace("#!", "-"), "x") == (("-math", "a.org/q/1"),)


def test_an_edited_line_is_a_label_and_a_pattern_and_what_follows_is_not_read():
    text = "# a note\n\nmath\thttps://www.a.org/q/*\t3/9\twhy not\n"
    assert parse_edits(text, "x") == (("math", "a.org/q/*"),)


@pytest.mark.parametrize("line", ["math a.org/q", "math\t", "\ta.org", "math\ta.org/q and more"])
def test_an_edited_line_that_is_none_is_named(line):
    with pytest.raises(ValueError, match=r"round-1\.tsv, line 2: expected a label, a tab"):
        parse_edits(f"# head\n{line}\n", "round-1.tsv")


def test_half_a_mark_that_is_left_is_named():
    with pytest.raises(ValueError, match=r"round-1\.tsv, line 1: take the whole mark '#!' away"):
        parse_edits("!math\ta.org/q\n", "round-1.tsv")


def test_edited_patterns_may_only_name_labels_there_are():
    label = Label(name="math", domains=("a.org",), cut_tokens=(1,))
    with pytest.raises(ValueError, match="edited after round 1 names label 'code'; the labels are: math"):
        RecallConfig(labels=(label,), edited=(Edited(round=1, patterns=(("code", "a.org"),)),))


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=2, max_size=20))
def test_keys_sort_as_scores_do_the_best_first(found):
    found = [x + 0.0 for x in found]  # -0.0 is 0.0
    keys = rank_keys(np.array(found, np.float32), np.zeros(len(found), np.uint32)).tolist()
    assert [x for _, x in sorted(zip(keys, found, strict=True))] == sorted(found, reverse=True)


def test_equal_scores_are_ordered_by_their_ids():
    tied = ties([b"a", b"b"])
    keys = rank_keys(np.zeros(2, np.float32), tied).tolist()
    assert keys[0] != keys[1] and (keys[0] < keys[1]) == (tied[0] < tied[1])


@pytest.mark.parametrize(
    ("math", "code", "label"),
    [
        ((1.0, True), (2.0, True), "code"),
        ((2.0, True), (1.0, True), "math"),
        ((1.0, True), (2.0, False), "math"),
        ((1.0, False), (2.0, False), None),
        ((1.0, True), (1.0, True), "math"),
        ((-3.0, True), (2.0, False), "math"),
    ],
    ids=["higher", "lower", "only one selects", "none", "equal", "selected though low"],
)
def test_of_two_labels_the_higher_score_of_those_that_select_wins(math, code, label):
    made = selected(
        LABELS,
        *zip(*[(np.array([x], np.float32), np.array([w])) for x, w in (math, code)], strict=True),
        np.array([True]),
    )
    assert made["label"].to_pylist() == [label]
    best = max(math[0], code[0]) if label is None else {"math": math[0], "code": code[0]}[label]
    assert made["score"][0].as_py() == pytest.approx(1 / (1 + np.exp(-best)))


def test_a_page_that_does_not_take_part_has_no_score_and_no_label():
    made = selected(LABELS, [np.ones(2, np.float32)] * 2, [np.array([True, True])] * 2, np.array([False, True]))
    assert made.to_pylist() == [{"score": 0.0, "label": None}, {"score": pytest.approx(0.7310586), "label": "math"}]


def test_without_labels_nothing_is_selected():
    assert selected((), [], [], np.array([True])).to_pylist() == [{"score": 0.0, "label": None}]


def counted(**domains):
    """Sites from {domain: [(prefix, pages, math, code)]}."""
    return {(d.replace("_", "."), p): [n, m, c] for d, rows in domains.items() for p, n, m, c in rows}


def names(found, label, what):
    return [row["prefix" if what == "prefixes" else "domain"] for row in found[label][what]]


@pytest.mark.parametrize(
    ("collected", "close"), [(9, False), (10, False), (11, True)], ids=["below", "at ten percent", "above"]
)
def test_more_than_a_tenth_of_a_domain_makes_it_related(collected, close):
    found = related(RecallConfig(), LABELS, counted(a_org=[("a.org/q", 100, collected, 0)]))
    assert names(found, "math", "domains") == (["a.org"] if close else [])


@pytest.mark.parametrize(("pages", "close"), [(9, False), (10, True)], ids=["few", "enough"])
def test_a_domain_of_few_pages_is_never_related(pages, close):
    found = related(RecallConfig(min_pages=10), LABELS, counted(a_org=[("a.org/q", pages, pages, 0)]))
    assert names(found, "math", "domains") == (["a.org"] if close else [])


def test_prefixes_are_proposed_where_half_was_collected_and_only_in_related_domains():
    found = related(
        RecallConfig(),
        LABELS,
        counted(
            a_org=[("a.org/q", 20, 10, 0), ("a.org/tags", 20, 9, 0), ("a.org/u", 4, 4, 0)],
            b_org=[("b.org/q", 20, 20, 0), ("b.org", 1000, 0, 0)],
        ),
    )
    assert names(found, "math", "prefixes") == ["a.org/q"]
    assert found["math"]["domains"] == [{"domain": "a.org", "pages": 44, "collected": 23}]


def test_a_prefix_is_proposed_to_one_label_only():
    found = related(
        RecallConfig(prefix_share=0.2), LABELS, counted(a_org=[("a.org/q", 20, 8, 9), ("a.org/r", 20, 8, 8)])
    )
    assert names(found, "math", "prefixes") == ["a.org/r"]
    assert names(found, "code", "prefixes") == ["a.org/q"]


def test_sites_count_pages_and_collected_pages_by_prefix():
    pages = ["a.org/q/1", "a.org/q/2", "a.org", "b.org/x"]
    found = sites(LABELS, ["a.org", "a.org", "a.org", None], pages, ["math", None, "code", None], 1)
    assert found == {("a.org", "a.org/q"): [2, 1, 0], ("a.org", "a.org"): [1, 0, 1], ("b.org", "b.org"): [1, 0, 0]}


def test_the_last_cut_stands_for_all_later_rounds():
    label = Label(name="math", domains=("a.org",), cut_tokens=(10, 20))
    assert [label.cut_of(n, 5, 7) for n in range(4)] == [10, 20, 20, 20]


def test_a_cut_can_follow_what_was_decided():
    label = Label(name="math", domains=("a.org",), cut_tokens=(10, None))
    assert [label.cut_of(n, 5, 7) for n in range(3)] == [10, 8, 8] and label.cut_of(1, 0, 0) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Label(name="math", cut_tokens=(1,)), "math has no seed: give domains, url_patterns or documents"),
        (lambda: Label(name="math", cut_tokens=(), domains=("a",)), "cut_tokens of math needs a number"),
        (lambda: Label(name="math", cut_tokens=(None, 5), domains=("a",)), "None from the second round on"),
        (lambda: Label(name="", cut_tokens=(1,), domains=("a",)), "a label needs a name"),
        (lambda: Label(name="math", cut_tokens=5, domains=("a",)), r"cut_tokens of math is a tuple: write \(5,\)"),
        (
            lambda: Label(name="math", cut_tokens=(1,), domains="a.org"),
            r"domains of math is a tuple: write \('a\.org',\)",
        ),
        (lambda: Label(name="math", cut_tokens=(1,), domains=("a.org/b",)), "seed 'a.org/b': domains are hosts alone"),
        (lambda: Label(name="math", cut_tokens=(1,), url_patterns=("http://a.org/*",)), "url_patterns have no scheme"),
        (lambda: RecallConfig(rounds=0), "rounds must be at least 1"),
        (lambda: RecallConfig(domain_share=1.1), r"domain_share must be in \[0, 1\]"),
        (lambda: RecallConfig(labels=(Label(name="a", cut_tokens=(1,), domains=("a",)),) * 2), "names one twice"),
        (lambda: RecallSourceConfig(cut_share=0.0), r"cut_share must be in \(0, 1\]"),
        (lambda: RecallSourceConfig(lines=(5, 1)), r"lines must be \(low, high\)"),
        (lambda: RecallSourceConfig(rounds=-1), "rounds must be at least 0"),
    ],
)
def test_a_wrong_setting_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
