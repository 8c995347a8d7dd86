"""What the report shows of the loop's history."""

from pipelines.report_recall import HEADS, plot, sections

HELD = {"precision": 0.75, "recall": 0.5, "average_precision": None, "calibration": {"error": 0.125, "bins": []}}
SAMPLE = {"above": True, "score": 0.75, "tokens": 12, "where": "https://a.org/<1>", "text": "One & two"}
ROW = {
    "seed_pages": 12, "pages": 1000, "tokens": 5000, "new_pages": 250, "pages_of_before": 750, "lost_pages": 3,
    "held_out": HELD, "samples": [SAMPLE],
}  # fmt: skip
SITE = {"domains": [{}], "prefixes": [{}, {}], "collected_domains": 7}
ROUNDS = [
    {"round": 1, "labels": {"math": ROW}, "sites": {"math": SITE}, "edited": None, "stopped": None},
    {"round": 2, "labels": {"math": ROW}, "sites": {"math": SITE}, "edited": [["math", "a"]], "stopped": "1 of 9"},
]


def test_a_table_has_a_row_per_round_and_says_why_the_loop_stopped():
    rounds, around = sections({"recall": ROUNDS})
    assert rounds[0] == "recall: rounds of math"
    row = dict(zip(HEADS, rounds[2][0], strict=True))
    assert (row["pages"], row["new"], row["of before"], row["domains"]) == ("1,000", "250", "750", "7")
    assert (row["precision"], row["average precision"], row["joining prefixes"]) == ("0.750", "", "2")
    assert rounds[2][1][-1] == "1 (edited)" and rounds[2][2][:2] == ["stopped", "1 of 9"]
    assert around[2] == [["above", "0.7500", "12", "https://a.org/<1>", "One & two"]]


def test_a_history_without_sites_or_of_a_label_without_seed_is_shown_too():
    lines = sections({"recall_source": [{"round": 1, "labels": {"code": ROW}}]})[0][2]
    assert len(lines[0]) == len(HEADS) and lines[0][4] == ""
    assert sections({"recall": [{"round": 1, "labels": {}}]}) == []


def test_the_plot_has_two_bars_per_round_that_add_up():
    drawn = plot({"recall": ROUNDS})
    assert drawn.count("<rect") == 4 and "round 2" in drawn and "P 0.75" in drawn
    assert 'height="112.5"' in drawn and 'height="37.5"' in drawn
    assert plot({}) == ""


def test_of_many_pages_around_a_cut_those_next_to_it_are_shown():
    pages = [{**SAMPLE, "above": n < 20, "where": str(n)} for n in range(40)]
    (*_, rows) = sections({"recall": [{"round": 1, "labels": {"math": {**ROW, "samples": pages}}}]})[-1]
    assert [row[3] for row in rows] == [str(n) for n in range(15, 25)]
