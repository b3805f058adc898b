"""Rows of SQLite files: every value as it is, whatever its column was declared as."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import llmopt
from llmopt.cost.databases.sqlite_rows import write_sqlite
from llmopt.cost.given import Query
from llmopt.errors import InputError


def database(path: Path, *columns: list[Any]) -> str:
    """Write a table `log` with these columns, called a, b, …"""
    path.unlink(missing_ok=True)
    names = [chr(ord("a") + number) for number in range(len(columns))]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE log ({', '.join(names)})")
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO log VALUES ({marks})", zip(*columns, strict=True))
        connection.commit()
    return str(path)


def read(statement: str, path: str, target: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the types and the rows that arrive."""
    write_sqlite(statement, path, target)
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT * FROM read_parquet(?)", [str(target)])
        return [str(column[1]) for column in rows.description or ()], rows.fetchall()


def values(tmp_path: Path, column: list[Any]) -> tuple[str, list[Any]]:
    (kind,), rows = read("SELECT a FROM log", database(tmp_path / "a.db", column), tmp_path / "rows")
    return kind, [value for (value,) in rows]


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        ([1, None, -(2**63), 2**63 - 1], "BIGINT", [1, None, -(2**63), 2**63 - 1]),
        ([0.1, 1.0, 0.1 + 0.2, 5e-324], "DOUBLE", [0.1, 1.0, 0.1 + 0.2, 5e-324]),
        (["007", "2026-03-01", '{"a": 1}'], "VARCHAR", ["007", "2026-03-01", '{"a": 1}']),
        ([1, 0.1, "x", None], "VARCHAR", ["1", "0.1", "x", None]),
        ([None, None], "VARCHAR", [None, None]),
        ([b"\x00\xff", None], "VARCHAR", ["00FF", None]),
        ([float("inf"), 1.5], "VARCHAR", ["Inf", "1.5"]),
        (["null", "a\nb\u2028", "\x00", "ü", '"'], "VARCHAR", ["null", "a\nb\u2028", "\x00", "ü", '"']),
        ([], "VARCHAR", []),
    ],
)
def test_types_by_value(tmp_path: Path, column: list[Any], kind: str, expected: list[Any]) -> None:
    assert values(tmp_path, column) == (kind, expected)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=20),
        st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), min_size=20),
        # SQLite itself writes very large and very small floats with an error in the last digit.
        st.lists(st.floats(1e-9, 1e9).flatmap(lambda size: st.sampled_from([size, -size])), min_size=20),
    )
)
def test_nothing_is_lost(tmp_path: Path, column: list[Any]) -> None:
    assert values(tmp_path, column)[1] == column


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db", ["x"])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO log VALUES (CAST(x'41FF42' AS TEXT))")
        connection.commit()
    assert read("SELECT a FROM log", path, tmp_path / "rows")[1] == [("x",), ("A\ufffdB",)]


def test_more_columns_than_a_function_takes(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db", [1])
    chosen = ", ".join(f"a + {number} AS n{number}" for number in range(230))
    kinds, rows = read(f"SELECT {chosen} FROM log", path, tmp_path / "rows")
    assert (set(kinds), rows) == ({"BIGINT"}, [tuple(range(1, 231))])


def test_odd_names_and_a_long_row(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db", ["x" * 3_000_000])
    rows = read("""SELECT length(a) AS "q""uo'te", a AS "a b" FROM log""", path, tmp_path / "rows")[1]
    assert [(first, len(second)) for first, second in rows] == [(3_000_000, 3_000_000)]


@pytest.mark.parametrize(
    ("statement", "match", "hint"),
    [
        ("SELECT * FROM nope", "no such table: nope", "tables: log"),
        ("SELECT nope FROM log", "no such column: nope", "run the query in sqlite3"),
        ("SELEC 1", 'near "SELEC": syntax error', "run the query in sqlite3"),
        ("DELETE FROM log", "must be one SELECT", "never changed"),
        ("DROP TABLE log", "must be one SELECT", "never changed"),
        ("INSERT INTO log VALUES (2) RETURNING a", "must be one SELECT", "never changed"),
        ("WITH q AS (SELECT 1) DELETE FROM log", "must be one SELECT", "never changed"),
        ("PRAGMA user_version = 3", "must be one SELECT", "never changed"),
        ("SELECT 1; DELETE FROM log", "one statement at a time", ""),
        ("SELECT 1); DELETE FROM log; SELECT (1", "syntax error", ""),
    ],
)
def test_what_is_refused(tmp_path: Path, statement: str, match: str, hint: str) -> None:
    path = Path(database(tmp_path / "a.db", [1]))
    before = path.read_bytes()
    with pytest.raises(InputError, match=match) as caught:
        write_sqlite(statement, str(path), tmp_path / "rows")
    assert hint in caught.value.hint
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("a.db")] == ["a.db"]


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(InputError, match=r"a\.db: "):
        write_sqlite("SELECT 1", str(path), tmp_path / "rows")


def test_a_database_that_is_being_written(tmp_path: Path) -> None:
    """A log in WAL mode with rows that are not yet in the file itself."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE log AS SELECT 1 AS a")
        writer.commit()
        writer.execute("INSERT INTO log VALUES (2)")
        assert read("SELECT a FROM log", str(path), tmp_path / "rows")[1] == [(1,)]
        writer.commit()
        assert read("SELECT a FROM log", str(path), tmp_path / "rows")[1] == [(1,), (2,)]


def test_a_query_is_a_table_with_mapping(tmp_path: Path) -> None:
    path = database(tmp_path / "app.db", ["gpt-4o", "gpt-4o"], [1200, 5], [80, "many"])
    names = {"llm": "model", "in": "input_uncached", "out": "output_text"}
    query = Query('SELECT a AS llm, b AS "in", c AS out FROM log', path)
    report = llmopt.price_logs(query, mapping=names)
    assert (report.total.input_tokens, report.files) == (1200, ("query of app.db",))
    assert [entry.first for entry in report.rejected] == ["query of app.db:2"]
