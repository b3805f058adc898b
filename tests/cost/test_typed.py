"""A typed column, and a text spelled the usual way, mean what `TableRelation` reads from their texts."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from llmopt.cost.spec.columns import literal
from llmopt.cost.spec.sql_expr import whole_number
from llmopt.cost.spec.sql_time import naive_sql, time_sql
from llmopt.cost.spec.table import TableRelation
from llmopt.cost.typed import STAMPS, TypedRelation

CELL = ("cell",)
WHOLE = ["1", "1.0", "1.", "1.5", ".5", "1e3", "1E3", "1.e3", "1.5e4", " 12", "12 ", "1\t", "+5", "-5", "007", "1_000"]
WHOLE += [
    "0x1F",
    "0b1",
    "1,5",
    "1,000",
    "nan",
    "inf",
    "true",
    "",
    " ",
    "9223372036854775807",
    "9" * 30,
    "-0",
    "٣",
    "-1.0",
]
TIMES = ["2025-05-01", "2025-05-01 00:00:00", "2025-05-01T00:00:00", "2025-05-01T00:00:00Z", "2025-05-01 00:00:00 UTC"]
TIMES += ["2025-05-01T00:00:00+02:00", "2025-05-01 00:00:00+02", "2025-05-01 00:00", " 2025-05-01 00:00:00", "2025-5-1"]
TIMES += [
    "2025-05-1  00:00:00",
    "2025-05-01 24:00:00",
    "2025-05-01T24:00:00Z",
    "2025-02-30 00:00:00",
    "infinity",
    "epoch",
]
TIMES += ["12025-05-01 00:00:00", "0044-03-15 (BC) 00:00:00", "-025-05-01 00:00:00", "2025/05/01 00:00:00", "10:00:00"]
TIMES += ["2025-05-01 00:00:00.5", "2025-05-01 00:00:00.50", "2025-05-01T00:00:00.1234567Z", "2025-05-01T00:00:00,5Z"]
TIMES += [
    "1746057600",
    "1746057600.25",
    "1746057600000",
    "1e9",
    "-1",
    "    -05-01T00:00:00Z",
    "2025-05-01 Z",
    "1e300",
    "",
]
TIMES += [
    "0000-01-01 00:00:00",
    "9999-12-31 23:59:59.999999",
    "+025-05-01 00:00:00",
    "2025-05- 1 00:00:00Z",
    "now",
    "-infinity",
]
NUMBERS = {
    "TINYINT": ["-128", "0", "127"],
    "INTEGER": ["-1", "0", "1746057600"],
    "BIGINT": ["-9223372036854775807", "1746057600000", "1746057600000000", "9007199254740993", "174605760000000000"],
    "UINTEGER": ["0", "4294967295"],
    "UBIGINT": ["0", "18446744073709551615"],
    "HUGEINT": ["-5", "12", "170141183460469231731687303715884105727"],
    "DOUBLE": ["1.0", "1.5", "-0.0", "nan", "inf", "-inf", "1e15", "1e14", "1746057600.25", "1e300", "999999999999999"],
    "FLOAT": ["1.0", "1.5", "0.1", "nan", "16777216"],
    "BOOLEAN": ["true", "false"],
    "DECIMAL(18,3)": ["1.000", "1.500"],
}
INSTANTS = ["2025-05-01 10:11:12.123456", "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "1969-12-31 23:59:59"]
EXTREMES = ["infinity", "-infinity", "10000-01-01 00:00:00"]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as opened:
        opened.execute("SET TimeZone = 'UTC'")
        yield opened


def meanings(connection: duckdb.DuckDBPyConnection, kind: str, from_sql: str) -> list[tuple[object, ...]]:
    """Return of each cell its text, and what it is as a count and as an instant: by its text, then by its type."""
    by_text, typed = TableRelation({"cell": kind}), TypedRelation({"cell": kind})
    text = by_text.at("", CELL)
    assert text is not None
    number = f"TRY_CAST({text} AS DOUBLE)"
    ways = [f"{text} IS NULL", whole_number(text), time_sql(text, number), naive_sql(text, number)]
    instant, cell = typed.instant(CELL, "below"), typed.cell(CELL)
    known = [
        f"{cell} IS NULL" if cell else ways[0],
        typed.whole(CELL) or ways[1],
        instant.ts if instant else ways[2],
        instant.naive if instant else ways[3],
    ]
    stamps = (2, 6)
    columns = [f"CAST({sql} AS VARCHAR)" if n in stamps else sql for n, sql in enumerate([*ways, *known])]
    if instant and instant.below:
        from_sql = f"(SELECT cell, {instant.below} AS below FROM {from_sql})"
    return connection.execute(f"SELECT CAST(cell AS VARCHAR), {', '.join(columns)} FROM {from_sql}").fetchall()


def same(connection: duckdb.DuckDBPyConnection, kind: str, from_sql: str) -> list[tuple[object, ...]]:
    found = meanings(connection, kind, from_sql)
    for row in found:
        assert row[1:5] == row[5:], row
    return found


def of_texts(kind: str, cells: Sequence[str]) -> str:
    rows = ", ".join(f"({literal(cell)})" for cell in cells)
    return f"(SELECT CAST(cell AS {kind}) AS cell FROM (VALUES {rows}, (NULL)) v(cell))"


@pytest.mark.parametrize("cells", [WHOLE, TIMES], ids=["counts", "times"])
def test_texts(connection: duckdb.DuckDBPyConnection, cells: list[str]) -> None:
    same(connection, "VARCHAR", of_texts("VARCHAR", cells))


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers(connection: duckdb.DuckDBPyConnection, kind: str) -> None:
    same(connection, kind, of_texts(kind, NUMBERS[kind]))


@pytest.mark.parametrize("kind", sorted(STAMPS - {"TIMESTAMP_NS", "DATE"}))
def test_instants(connection: duckdb.DuckDBPyConnection, kind: str) -> None:
    found = same(connection, kind, of_texts(kind, INSTANTS + EXTREMES))
    beyond = {row[0] for row in found if row[7] is None}
    assert beyond >= {None, "infinity", "-infinity"}
    assert "2025-05-01 10:11:12" not in str(beyond)


def test_days_and_nanoseconds(connection: duckdb.DuckDBPyConnection) -> None:
    same(connection, "DATE", of_texts("DATE", ["2025-05-01", "0001-01-01", "9999-12-31", *EXTREMES[:2]]))
    same(
        connection, "TIMESTAMP_NS", of_texts("TIMESTAMP_NS", ["2025-05-01 10:11:12.123456789", "1969-12-31 23:59:59.9"])
    )


PIECES = st.sampled_from(
    ["2025", "-05", "-01", "-1", " ", "T", "00:00:00", ":0", ".5", "Z", "+02:00", ",5", "e3", "1", "0", "-"]
)
CELLS = st.one_of(
    st.text(st.sampled_from("0123456789.eE+-_ ,:TZx"), max_size=24),
    st.lists(PIECES, max_size=9).map("".join),
    st.datetimes().map(str),
    st.datetimes().map(lambda stamp: stamp.isoformat() + "Z"),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(CELLS, min_size=1, max_size=40))
@example(cells=["2025-05-01 00:00:00", "1.0"])
def test_any_text(connection: duckdb.DuckDBPyConnection, cells: list[str]) -> None:
    same(connection, "VARCHAR", of_texts("VARCHAR", cells))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(st.floats(), min_size=1, max_size=20), whole=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1)
)
def test_any_number(connection: duckdb.DuckDBPyConnection, numbers: list[float], whole: list[int]) -> None:
    same(connection, "DOUBLE", of_texts("DOUBLE", [str(number) for number in numbers]))
    same(connection, "BIGINT", of_texts("BIGINT", [str(number) for number in whole]))


def test_cells_of_a_csv_file(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["cell", "n"], *([cell, "1"] for cell in WHOLE + TIMES)])
    scan = f"read_csv({literal(str(path))}, header = true, all_varchar = true)"
    assert len(same(connection, "VARCHAR", scan)) == len(WHOLE + TIMES)


@pytest.mark.parametrize("kind", ["STRUCT(a INTEGER)", "INTEGER[]", "JSON", "UUID", "MAP(VARCHAR, INTEGER)"])
def test_other_types_go_by_their_text(kind: str) -> None:
    relation = TypedRelation({"cell": kind})
    assert (relation.cell(CELL), relation.whole(CELL), relation.instant(CELL, "t")) == (None, None, None)
    missing = ("other",)
    assert [relation.cell(missing), relation.whole(missing), relation.instant(missing, "t")] == [None] * 3
