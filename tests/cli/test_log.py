"""What `--log` keeps is what was printed, and why it ended."""

import pytest

from gaintrace.cli.log import logged
from gaintrace.store import open_store


def test_what_is_printed_is_kept(tmp_path, capsys):
    store = open_store(tmp_path)
    with logged(store, "log") as console:
        console.print("epoch 1/3", style="bold")
        console.print(f"a line of {'very ' * 40}many words [0, 1]", markup=False, soft_wrap=True)
    printed = capsys.readouterr().out
    assert store.read("log").decode() == printed
    assert printed.splitlines()[0] == "epoch 1/3"
    assert len(printed.splitlines()) == 2


def test_the_error_that_ended_it_is_kept_and_goes_on(tmp_path, capsys):
    store = open_store(tmp_path)
    with pytest.raises(ZeroDivisionError), logged(store, "log") as console:
        console.print("before")
        _ = 1 / 0
    log = store.read("log").decode()
    assert log.startswith("before\nTraceback")
    assert log.endswith("ZeroDivisionError: division by zero\n")
    assert capsys.readouterr().out == "before\n"


def test_a_store_that_takes_no_log_costs_no_result(tmp_path, capsys):
    (tmp_path / "folder").write_text("a file where the log's folder would be")
    with logged(open_store(tmp_path), "folder/log") as console:
        console.print("done")
    said = capsys.readouterr()
    assert said.out == "done\n"
    assert said.err.startswith("log not kept: ")
