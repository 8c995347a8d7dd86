import io
import json
import os
import time

from pipelines.live import following, newest

ENTRY = {"seed": 7, "step": 4, "steps": 9, "loss": 3.25, "gradient_norm": 0.5, "heaviest_expert": 1.5}
ENTRY |= {"tokens_per_second": 9100.0, "peak_bytes": 8e8}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def write(folder, name, entry, end="\n"):
    (folder / name).write_text(json.dumps({**ENTRY, "step": 0}) + "\n" + json.dumps(entry) + end)


def test_the_last_line_of_the_log_written_last_is_shown(tmp_path):
    write(tmp_path, "old.jsonl", {**ENTRY, "seed": 1})
    os.utime(tmp_path / "old.jsonl", (0, 0))
    write(tmp_path, "new.jsonl", ENTRY)
    told = newest(str(tmp_path))
    assert told == "seed 7, step 5 of 9: loss 3.250, gradient 0.50, heaviest expert 1.5x, 9,100 tokens/s, 0.8 GB"


def test_a_cards_share_of_its_peak_is_told_where_it_is_known(tmp_path):
    write(tmp_path, "new.jsonl", {**ENTRY, "share_of_peak": 0.41})
    assert "41% of the card's peak" in newest(str(tmp_path))


def test_nothing_is_said_of_half_a_line_or_of_no_log(tmp_path):
    assert newest(str(tmp_path)) == newest(str(tmp_path / "none")) == ""
    (tmp_path / "new.jsonl").write_text('{"seed": 7, "st')
    assert newest(str(tmp_path)) == ""


def test_a_terminal_gets_the_line_and_a_file_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.live._SECONDS", 0.01)
    write(tmp_path, "new.jsonl", ENTRY)
    terminal, file = Terminal(), io.StringIO()
    with following(str(tmp_path), terminal):
        for _ in range(500):
            if terminal.getvalue():
                break
            time.sleep(0.01)
    with following(str(tmp_path), file):
        time.sleep(0.03)
    assert terminal.getvalue().count("step 5 of 9") == 1
    assert file.getvalue() == ""
