"""Rows of duckdb files."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

import llmopt
from llmopt.cost.databases.duckdb_rows import tables_hint, write_duckdb
from llmopt.cost.given import Query
from llmopt.errors import InputError


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(
            "CREATE TABLE log AS SELECT 'gpt-4o' AS model, range AS input_tokens, 1 AS output_tokens, "
            "TIMESTAMPTZ '2026-03-01 12:00:00+00' AS timestamp, 0.10::DECIMAL(12, 6) AS cost, NULL AS user "
            "FROM range(1, 4)"
        )
    return path


def test_types_are_kept(app: Path) -> None:
    report = llmopt.price_logs(Query("SELECT * FROM log", str(app)))
    assert (report.total.input_tokens, report.total.reported_usd) == (6, Decimal("0.3"))
    assert report.period.start == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (report.files, report.warnings) == (("query of app.duckdb",), ())


def test_sums_are_counts(app: Path) -> None:
    columns = "model, sum(input_tokens) AS input_tokens, 2 AS output_tokens"
    query = f"WITH all_of AS (FROM log) SELECT {columns} FROM all_of GROUP BY ALL"
    assert llmopt.price_logs(Query(query, str(app))).total.input_tokens == 6


@pytest.mark.parametrize(
    ("statement", "match", "hint"),
    [
        ("SELECT * FROM nope", "Table with name nope does not exist", "tables: log"),
        ("SELECT nope FROM log", 'column "nope" not found', "run the query in duckdb"),
        ("SELEC 1", "syntax error", ""),
        ("DELETE FROM log", "must be one SELECT", "never changed"),
        ("SELECT 1; DROP TABLE log", "must be one SELECT", "never changed"),
        ("COPY log TO 'stolen.csv'", "must be one SELECT", "never changed"),
        ("SELECT 1) TO 'stolen.csv'; COPY (SELECT 1", "syntax error", ""),
    ],
)
def test_what_is_refused(
    app: Path, statement: str, match: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = app.read_bytes()
    with pytest.raises(InputError, match=match) as caught:
        write_duckdb(statement, "app.duckdb", tmp_path / "rows")
    assert caught.value.message.startswith("app.duckdb: ")
    assert hint in caught.value.hint
    assert app.read_bytes() == before
    assert not (tmp_path / "stolen.csv").exists()


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    path.write_bytes(b"\0" * 8 + b"DUCK" + b"x" * 5000)
    with pytest.raises(InputError, match=r"a\.duckdb: ") as caught:
        write_duckdb("SELECT 1", str(path), tmp_path / "rows")
    assert caught.value.hint == ""


def test_tables_are_named_up_to_a_dozen() -> None:
    assert tables_hint([]) == "it holds no table"
    assert tables_hint([f"t{number}" for number in range(14)]).endswith("t11 and 2 more")
