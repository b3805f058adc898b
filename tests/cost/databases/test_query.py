"""Databases are told by their first bytes, and named without their secrets."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import duckdb
import pytest

from llmopt.cost.databases.query import as_source
from llmopt.errors import InputError, LlmoptError, MissingExtraError, UsageError


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    path = tmp_path / "a#b?c %41.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE log AS SELECT 1 AS a")
    database.close()
    return str(path)


def read(file: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute("SELECT * FROM read_parquet(?)", [str(file)]).fetchall()


def test_the_kind_is_told_by_content(sqlite: str, tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "other.db") as database:
        database.execute("CREATE TABLE log AS SELECT 2 AS a")
    assert read(as_source("SELECT a FROM log;  ", sqlite, tmp_path)) == [(1,)]
    assert read(as_source("SELECT a FROM log -- all\n;", str(tmp_path / "other.db"), tmp_path)) == [(2,)]


def test_queries_of_one_database_are_numbered(sqlite: str, tmp_path: Path) -> None:
    files = [as_source("SELECT a FROM log", sqlite, tmp_path) for _ in range(3)]
    assert [file.name for file in files] == [f"query of {Path(sqlite).name}{more}" for more in ("", " 2", " 3")]
    assert sorted(tmp_path.glob("query of *")) == sorted(files)


@pytest.mark.parametrize(
    ("database", "error", "match"),
    [
        ("none.db", InputError, "none.db: no such file"),
        ("empty.db", InputError, r"not a database of SQLite or duckdb \(it is empty\)"),
        ("other.txt", InputError, "other.txt: not a database of SQLite or duckdb$"),
        (".", InputError, "directory"),
        ("mysql://ana:secret@host/x", UsageError, "^mysql: not a database that can be read"),
        ("postgresql://ana:secret@[::bad/x", UsageError, "^postgresql://…: "),
    ],
)
def test_what_is_no_database(
    database: str, error: type[LlmoptError], match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.db").touch()
    Path("other.txt").write_text("What is this?\n")
    with pytest.raises(error, match=match) as caught:
        as_source("SELECT 1", database, tmp_path)
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


def test_an_empty_query(sqlite: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the query is empty"):
        as_source(" ;\n", sqlite, tmp_path)


def test_the_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("adbc_driver_postgresql", "adbc_driver_postgresql.dbapi"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "llmopt.cost.databases.postgres_rows", raising=False)
    with pytest.raises(MissingExtraError, match="is not installed") as caught:
        as_source("SELECT 1", "postgresql://ana@localhost/x", tmp_path)
    assert caught.value.hint == "pip install 'llmopt[postgres]'"
