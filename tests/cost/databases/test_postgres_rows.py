"""Rows of a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

import llmopt
from llmopt.cost.databases.query import as_source
from llmopt.cost.given import Query
from llmopt.errors import InputError
from tests.cost.postgres import QUOTED, server

driver = pytest.importorskip("adbc_driver_postgresql.dbapi")

LOG = """
CREATE TABLE log AS SELECT 'r' || i AS request_id, 'gpt-4o' AS model, i AS input_tokens, 1::smallint AS output_tokens,
    timestamptz '2026-03-01 13:00+01' + i * interval '1 s' AS timestamp, 0.000001::numeric(12, 6) AS cost,
    '2.50'::money AS money, 'a'::mood AS mood, '{"a": 1}'::jsonb AS json, '\\x00ff'::bytea AS bytes, NULL AS nothing,
    ARRAY[1, 2] AS list, inet '10.0.0.1' AS address, 12345678901234567890.123456789::numeric AS wide
    FROM generate_series(1, 20000) AS i
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server() as address:
        with driver.connect(f"{address}/postgres", autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TYPE mood AS ENUM ('a', 'b')")
            cursor.execute("CREATE SEQUENCE ids")
            cursor.execute(LOG)
        yield f"{address}/postgres"


def test_a_table_is_priced_with_its_types(url: str, tmp_path: Path) -> None:
    query = Query("SELECT request_id, model, input_tokens, output_tokens, timestamp, cost FROM log", url)
    report = llmopt.price_logs(query)
    assert (report.total.input_tokens, report.total.reported_usd) == (20_000 * 20_001 // 2, Decimal("0.02"))
    assert report.period.start == datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)
    assert (report.files, report.warnings, report.rejected) == (("query of postgres",), (), ())
    file = as_source("SELECT * FROM log ORDER BY input_tokens DESC;", url, tmp_path)
    with duckdb.connect() as connection:
        columns = "money, mood, CAST(json AS VARCHAR), hex(bytes), nothing, list, wide, input_tokens"
        rows = connection.execute(f"SELECT {columns} FROM read_parquet(?)", [str(file)]).fetchmany(2)
    (first, second) = rows
    assert first == ("2.50", "a", '{"a": 1}', "00FF", None, [1, 2], "12345678901234567890.123456789", 20_000)
    assert second[-1] == 19_999


@pytest.mark.parametrize(
    ("statement", "match", "hint"),
    [
        ("SELECT * FROM nope", 'relation "nope" does not exist$', "tables: public.log"),
        ("SELECT nope FROM log", 'column "nope" does not exist$', "run the query in psql"),
        ("SELECT FROM WHERE", "syntax error", "run the query in psql"),
        ("SELECT 1 AS a, 2 AS a", "two columns are called 'a'", "rename one"),
        ("DELETE FROM log", "must be one SELECT", "never changed"),
        ("WITH q AS (DELETE FROM log RETURNING 1) SELECT * FROM q", "must be at the top level", ""),
        ("SELECT 1; DROP TABLE log", "syntax error", ""),
        ("SELECT 1) x; DROP TABLE log; SELECT * FROM (SELECT 1", "syntax error", ""),
        ("SELECT nextval('ids') AS a", "read-only transaction", ""),
        ("SELECT 1 / (input_tokens - 5) AS a FROM log", "division by zero", ""),
    ],
)
def test_what_is_refused(url: str, statement: str, match: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=match) as caught:
        as_source(statement, url, tmp_path)
    assert hint in caught.value.hint
    assert caught.value.message.startswith("postgresql://127.0.0.1:")
    assert QUOTED not in caught.value.message
    with driver.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM log")
        assert cursor.fetchone() == (20_000,)


def test_what_is_no_connection(url: str, tmp_path: Path) -> None:
    for wrong, match in (
        (url.replace(QUOTED, "hunter%252"), "password authentication failed"),
        (url.replace("/postgres", "/nope"), 'database "nope" does not exist'),
        (f"{url}?sslmode=require", "does not support SSL"),
        (f"{url}?sslpassword=hunter%252&sslmod=x", "invalid URI query parameter"),
        ("postgresql://ana:hunter%252@127.0.0.1:1/x", "Connection refused"),
    ):
        with pytest.raises(InputError, match=match) as caught:
            as_source("SELECT 1", wrong, tmp_path)
        assert "hunter" not in f"{caught.value.message} {caught.value.hint}"
        assert QUOTED not in f"{caught.value.message} {caught.value.hint}"
