"""The accounting can fail: what comes in is counted apart from what is booked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import llmopt
from llmopt.cost import read, rejects
from tests.cost.logs import lines, written


def test_a_record_that_gets_lost_in_the_reader_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = written(tmp_path / "log.jsonl", *lines(3))
    assert not [text for text in llmopt.price_logs([log]).warnings if "a bug" in text]
    enter = rejects.Reader._enter
    dropped: list[Any] = []

    def lossy(reader: rejects.Reader, *row: Any) -> None:
        if dropped:
            enter(reader, *row)
        dropped.append(row)

    monkeypatch.setattr(rejects.Reader, "_enter", lossy)
    report = llmopt.price_logs([log])
    assert report.priced == 2
    assert "1 record read but in no number of this report: a bug, please report it" in report.warnings


def test_records_that_get_lost_on_the_way_to_duckdb_and_back_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llmopt.cost.engine import Engine

    count = 2 * read.SMALL_BYTES // len(lines(1)[0])
    log = written(tmp_path / "log.jsonl", *lines(count), b'{"cut')
    assert not [text for text in llmopt.price_logs([log]).warnings if "a bug" in text]
    monkeypatch.setattr(Engine, "_read_again", lambda *_: None)
    report = llmopt.price_logs([log])
    assert (report.priced, report.rejected) == (count, ())
    assert "1 record read but in no number of this report: a bug, please report it" in report.warnings
