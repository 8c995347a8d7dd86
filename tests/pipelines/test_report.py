from pipelines import report


def test_the_report_of_a_build_shows_stages_drops_mixture_and_probe(base, capsys):
    assert report.main(["--recipe", "small", "--root", str(base)]) == 0
    printed = capsys.readouterr().out
    for title in ("Stages", "Drops by reason", "Mixture", "Bits per byte"):
        assert title in printed
    page = (base / "report.html").read_text()
    assert page.count("<table>") == 19
    assert "<polyline" in page
    assert "60.00%" in page
    assert "<td>HumanEval</td>" in page
    assert "<td>GSM8K</td><td>not checked</td>" in page


def test_a_report_without_a_build_says_what_to_run(tmp_path, capsys):
    assert report.main(["--recipe", "small", "--root", str(tmp_path)]) == 2
    assert "run python -m pipelines.build --recipe small" in capsys.readouterr().err


def test_text_in_a_page_is_escaped():
    assert "<script>" not in report.page("<script>", [("<script>", ["<script>"], [["<script>"]])] * 6, "")
