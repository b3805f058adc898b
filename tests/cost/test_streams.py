"""Arrow streams written to Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmopt.cost.streams import connect, first_line, kept, write_stream
from llmopt.errors import InputError


class Once:
    """A stream that can be asked for only once, as those of databases are."""

    def __init__(self, table: pa.Table) -> None:
        self._left: list[Any] = [table]

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._left.pop().__arrow_c_stream__(requested_schema)


def written(tmp_path: Path, table: pa.Table) -> pa.Table:
    return pq.read_table(write_stream(Once(table), tmp_path / "stream", "the stream"))


def test_rows_keep_their_order_and_types(tmp_path: Path) -> None:
    numbers = list(range(300_000))
    table = pa.table({"n": numbers, "s": pa.array([{"a": [n]} for n in numbers[:5]] * 60_000)})
    assert written(tmp_path, table)["n"].to_pylist() == numbers


def test_columns_without_a_type_are_empty(tmp_path: Path) -> None:
    table = pa.table({"a b": [1, 2], 'q"uo"te': pa.nulls(2)})
    assert written(tmp_path, table).to_pydict() == {"a b": [1, 2], 'q"uo"te': [None, None]}


def test_long_rows_make_small_row_groups(tmp_path: Path) -> None:
    table = pa.table({"text": [str(n) * 2000 for n in range(10_000, 22_000)]})
    write_stream(table, tmp_path / "stream", "the stream")
    assert pq.ParquetFile(tmp_path / "stream").metadata.num_row_groups > 3


def test_a_stream_that_breaks_is_said(tmp_path: Path) -> None:
    schema = pa.schema([("a", pa.int64())])

    def broken() -> Any:
        yield pa.record_batch([pa.array([1])], schema=schema)
        raise OSError("the line is dead")

    with pytest.raises(InputError, match=r"the stream: .*the line is dead"):
        write_stream(pa.RecordBatchReader.from_batches(schema, broken()), tmp_path / "stream", "the stream")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("170141183460469231731687303715884105727::HUGEINT % 1000", "DECIMAL(38,0)"),
        ("NULL", "VARCHAR"),
        ("INTERVAL 1 DAY", "VARCHAR"),
        ("1.5::DECIMAL(9, 3)", "DECIMAL(9,3)"),
        ("TIMESTAMPTZ '2026-03-01 00:00:00+01'", "TIMESTAMP WITH TIME ZONE"),
    ],
)
def test_types_that_parquet_keeps(tmp_path: Path, value: str, expected: str) -> None:
    with connect(tmp_path) as connection:
        (described,) = connection.execute(f"DESCRIBE SELECT {value} AS x").fetchall()
        (after,) = connection.execute(
            f"DESCRIBE SELECT {kept('x', described[1])} FROM (SELECT {value} AS x)"
        ).fetchall()
    assert after[1] == expected


def test_the_first_line_of_an_error() -> None:
    assert first_line(duckdb.Error("Binder Error: no such column\nLINE 1: …")) == "no such column"
    assert first_line(ValueError("\n plain \nmore")) == "plain"
    assert first_line(ValueError()) == "ValueError"
