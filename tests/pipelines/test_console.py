import argparse
import subprocess
import sys

import pytest
from rich.table import Table

from pipelines.console import CLOSED_PIPE, WRONG_USAGE, console, count_of, usage_error
from tests.builds import ROOT


def script(body, tmp_path, shell="{}"):
    path = tmp_path / "command.py"
    path.write_text(f"from pipelines.console import end\ndef main():\n{body}\nend(main)\n")
    line = shell.format(f"{sys.executable} {path}")
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment)


def test_the_status_is_mains(tmp_path):
    assert script("    return 3", tmp_path).returncode == 3


def test_a_closed_pipe_is_no_traceback(tmp_path):
    body = "    for i in range(100_000):\n        print('a line of output', i)\n    return 0"
    done = script(body, tmp_path, "set -o pipefail; {} | head -1")
    assert done.stdout == "a line of output 0\n"
    assert done.stderr == ""
    assert done.returncode == CLOSED_PIPE


def test_any_other_error_is_shown(tmp_path):
    done = script("    raise KeyError('lost')", tmp_path)
    assert done.returncode == 1
    assert "KeyError: 'lost'" in done.stderr


def test_wrong_usage_is_told_where_errors_go_and_by_the_status(capsys):
    assert usage_error(ValueError("no such thing")) == WRONG_USAGE == 2
    assert capsys.readouterr() == ("", "error: no such thing\n")


def test_a_table_that_is_piped_is_wide_enough_for_its_numbers(tmp_path):
    body = "    from pipelines.console import console\n    print(console().width)\n    return 0"
    assert script(body, tmp_path).stdout == "132\n"
    assert script(body, tmp_path, "COLUMNS=60 {}").stdout == "60\n"


def test_what_data_say_is_shown_as_it_is(capsys):
    table = Table("path")
    table.add_row("a[/b] [bold]c :x:")
    console().print(table)
    assert "a[/b] [bold]c :x:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "n"), [("1", 1), ("20", 20), ("0", None), ("-1", None), ("1.5", None), ("", None), ("x", None)]
)
def test_a_count_is_a_whole_number_of_at_least_one(text, n):
    read = count_of("workers cannot work")
    if n is not None:
        assert read(text) == n
    else:
        with pytest.raises(argparse.ArgumentTypeError, match="workers cannot work: give a whole number, 1 or more"):
            read(text)
