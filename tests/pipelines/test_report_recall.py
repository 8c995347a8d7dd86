"""What the report shows of the loop's history."""

import pytest

from pipelines.report_recall import HEADS, around, page_part, plot, sections, short, table

HELD = {
    "precision": 0.25, "recall": 0.5, "precision_at_cut": 0.75, "recall_at_cut": 0.625, "average_precision": None,
    "calibration": {"error": 0.125, "bins": []},
}  # fmt: skip
SAMPLE = {"above": True, "score": 0.75, "tokens": 12, "where": "https://a.org/<1>", "text": "One & two"}
ROW = {
    "seed_pages": 12, "pages": 1000, "tokens": 5000, "new_pages": 250, "pages_of_before": 750, "lost_pages": 3,
    "held_out": HELD, "samples": [SAMPLE],
}  # fmt: skip
SITE = {
    "domains": [{"domain": "a.org", "pages": 8, "collected": 2}],
    "prefixes": [{"prefix": "a.org/x", "pages": 2, "collected": 2}],
    "collected_domains": 7,
}
EDITED = [["math", "a"], ["-math", "b"], ["code", "c"]]
ROUNDS = [
    {"round": 1, "labels": {"math": ROW}, "sites": {"math": SITE}, "edited": None, "stopped": None},
    {"round": 2, "labels": {"math": ROW}, "sites": {"math": SITE}, "edited": EDITED, "stopped": "1 of <9>"},
]


def test_a_table_has_a_row_per_round():
    ((title, heads, rows),) = sections({"recall": ROUNDS})
    assert title == "recall: rounds of math" and len(rows) == 2
    row = dict(zip(heads, rows[0], strict=True))
    assert (row["pages"], row["new"], row["of before"], row["domains"]) == ("1,000", "250", "750", "7")
    assert (row["precision at cut"], row["recall at cut"]) == ("0.750", "0.625")


def test_a_history_without_sites_or_of_a_label_without_seed_is_shown_too():
    rounds = [{"round": 1, "labels": {"code": ROW}}, {"round": 2, "labels": {}}]
    ((_, heads, rows),) = sections({"recall_source": rounds})
    assert rows[0][heads.index("domains")] == "" and rows[1][:2] == ["2", "no seed"]
    assert "<td>no seed</td>" in page_part({"recall_source": rounds})
    assert page_part({"recall": [{"round": 1, "labels": {}}]}) == ""


def test_a_round_tells_what_it_proposed_what_was_decided_and_what_is_at_its_cut():
    samples, proposed, decided = (rows for _, _, rows in around(ROUNDS[1], "math"))
    assert samples == [["above", "0.7500", "12", "https://a.org/<1>", "One & two"]]
    assert proposed == [["domain", "a.org", "2", "8", "25%"], ["prefix", "a.org/x", "2", "2", "100%"]]
    assert decided == [["yes", "a"], ["no", "b"]]


def test_of_many_pages_around_a_cut_those_next_to_it_are_shown():
    pages = [{**SAMPLE, "above": n < 20, "where": str(n)} for n in range(40)]
    (_, _, rows), *_ = around({"round": 1, "labels": {"math": {**ROW, "samples": pages}}}, "math")
    assert [row[3] for row in rows] == [str(n) for n in range(15, 25)]


def test_of_many_proposals_the_first_are_shown_and_the_others_counted():
    site = {**SITE, "domains": SITE["domains"] * 50}
    _, (_, _, rows), _ = around({**ROUNDS[0], "sites": {"math": site}}, "math")
    assert len(rows) == 41 and rows[-1][1] == "and 11 more"


def test_the_page_tells_every_round_and_why_the_loop_stopped():
    page = page_part({"recall": ROUNDS})
    assert page.count("<details") == 2 and page.count("<details open>") == 1
    assert "Stopped after round 2: 1 of &lt;9&gt;." in page
    assert all(f"<th>{head}</th>" in page for head in HEADS)
    assert "https://a.org/&lt;1&gt;" in page and "<1>" not in page


def test_the_plot_has_two_bars_per_round_that_add_up():
    drawn = plot(ROUNDS, "math")
    assert drawn.count("<rect") == 3 * 2 * 2  # pages, tokens, domains
    assert 'height="90.0"' in drawn and 'height="30.0"' in drawn
    assert drawn.count("<circle") == 2 * 2  # what is not known has no point


def test_a_history_without_sites_has_no_bars_of_domains():
    assert plot([{"round": 1, "labels": {"code": ROW}}], "code").count("<rect") == 2 * 2


def test_only_a_long_cell_may_break_anywhere():
    assert table("t", ["h"], [["1,000"], ["x" * 41]]).count('class="wide"') == 1


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (9_999, "9,999"), (10_000, "10k"), (298_442, "298k"), (999_600, "1M"), (1_584_008, "1.58M"),
     (120_000_000_000, "120B"), (9_100_000_000_000, "9.1T")],
)  # fmt: skip
def test_a_bars_number_is_no_wider_than_the_place_between_two_bars(number, shown):
    assert short(number) == shown
    assert len(shown) <= 5
