"""What may be given as a log beside paths."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

import llmopt
from llmopt.cost.given import Query, as_files
from llmopt.errors import UsageError
from tests.cost.deltas import rows


def names(spool: Path, *given: Any) -> list[str]:
    return [Path(file).name for file in as_files(given, spool)]


def test_names_by_type_and_number(tmp_path: Path) -> None:
    table = rows(1)
    reader = rows(2).to_reader()
    given = (table, "a.jsonl", reader, rows(4), table, Path("b.jsonl"), reader)
    expected = ["Table", "a.jsonl", "RecordBatchReader", "Table 2", "Table", "b.jsonl", "RecordBatchReader"]
    assert names(tmp_path, *given) == expected


def test_queries_and_tables_are_logs_together(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "app.sqlite") as database:
        database.execute("CREATE TABLE log AS SELECT 'gpt-4o' AS model, 10 AS input_tokens, 1 AS output_tokens")
    database.close()
    query = Query("SELECT * FROM log", str(tmp_path / "app.sqlite"))
    report = llmopt.price_logs([rows(1, 2), query, query], by=["file"])
    assert report.files == ("Table", "query of app.sqlite")
    assert report.total.input_tokens == 13
    assert llmopt.price_logs(query).total.input_tokens == 10
    assert llmopt.price_logs(rows(5)).total.input_tokens == 5


@pytest.mark.parametrize("wrong", [3, None, b"a.jsonl", object(), {1: 2}])
def test_what_cannot_be_a_log_is_said(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"paths or pandas DataFrames, also polars frames, Arrow tables .*Query, not"):
        as_files([wrong], tmp_path)


def test_libraries_that_are_not_loaded_are_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for library in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, library, None)
    assert names(tmp_path, rows(1)) == ["Table"]
