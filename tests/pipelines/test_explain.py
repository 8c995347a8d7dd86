from pipelines import explain


def test_explain_follows_a_document_to_its_rows_by_path_and_by_id(base, capsys):
    arguments = ["--recipe", "small", "--root", str(base)]
    assert explain.main(["pallets/jinja/README.rst", *arguments]) == 0
    printed = capsys.readouterr().out
    assert "text_format=reStructuredText" in printed
    assert "filter: kept=" in printed
    document = printed.splitlines()[0].removeprefix("document ")
    assert explain.main([document, *arguments]) == 0
    assert capsys.readouterr().out == printed


def test_explain_of_what_is_not_there_is_status_1(base, capsys):
    assert explain.main(["pallets/jinja/absent.py", "--recipe", "small", "--root", str(base)]) == 1
    assert "no document" in capsys.readouterr().out
