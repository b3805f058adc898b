"""The line that says how far a run is."""

from __future__ import annotations

import sys

import pytest

from llmopt.cli.progress import ProgressLine


def test_it_rewrites_itself_and_is_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with ProgressLine(quiet=False) as progress:
        progress(1, 20, "batch 16 \x1b[31m")
        progress(20, 20, "done")
        progress(0, 0, "x" * 500)
    told = capsys.readouterr().err.split("\r")
    assert told[1] == r"5% batch 16 \x1b[31m"
    assert told[2].rstrip() == "100% done"
    assert len(told[2]) == len(told[1])
    assert len(told[3]) == 99
    assert told[4:] == [" " * 99, ""]


@pytest.mark.parametrize(("quiet", "terminal"), [(True, True), (False, False)])
def test_it_is_silent_where_nobody_looks(
    quiet: bool, terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with ProgressLine(quiet=quiet) as progress:
        progress(1, 2, "working")
    assert capsys.readouterr().err == ""
