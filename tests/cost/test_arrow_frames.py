"""Frames and tables that are not pandas'."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import llmopt
from llmopt.cost.result import CostReport
from llmopt.errors import InputError
from tests.conftest import ROOT
from tests.cost.deltas import rows

pl = pytest.importorskip("polars")

STAMP = datetime(2026, 3, 19, 8, tzinfo=UTC)


def polars_frame(**columns: Any) -> Any:
    plain = {"model": ["gpt-4o"] * 2, "input_tokens": [1, 2], "output_tokens": [1, 1], "timestamp": [STAMP] * 2}
    return pl.DataFrame(plain | columns)


def priced(given: Any) -> CostReport:
    return llmopt.price_logs(given, by=["user"])


class Stream:
    """Anything with the one method."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: polars_frame(), "DataFrame"),
        (lambda: polars_frame().lazy().filter(pl.col("input_tokens") > 0), "LazyFrame"),
        (lambda: polars_frame().to_arrow(), "Table"),
        (lambda: polars_frame().to_arrow().to_reader(), "RecordBatchReader"),
        (lambda: polars_frame().to_arrow().to_batches()[0], "RecordBatch"),
        (lambda: Stream(polars_frame()), "Stream"),
    ],
)
def test_every_kind_is_read(make: Any, name: str) -> None:
    report = priced(make())
    assert (report.files, report.total.input_tokens, report.period.start) == ((name,), 3, STAMP)
    assert report.warnings == ()


def test_a_relation_is_computed_by_its_own_connection() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE log AS SELECT 'gpt-4o' AS model, range AS tokens, 'ana' AS who FROM range(5)")
        relation = connection.sql(
            "SELECT model, who AS user, sum(tokens) AS input_tokens, count(*) AS output_tokens, NULL AS nothing "
            "FROM log GROUP BY ALL"
        )
        report = priced(relation)
        assert report.files == ("DuckDBPyRelation",)
        assert (report.total.input_tokens, report.total.output_tokens) == (10, 5)
        broken = connection.sql("SELECT CAST(model AS INTEGER) AS model FROM log")
        with pytest.raises(InputError, match=r"DuckDBPyRelation: .*gpt-4o"):
            priced(broken)


def test_types_of_polars() -> None:
    kinds = polars_frame(user=["ana", None], nothing=[None, None], cost=[Decimal("0.1"), None]).with_columns(
        pl.col("user").cast(pl.Categorical),
        pl.col("model").cast(pl.Enum(["gpt-4o"])),
        pl.col("input_tokens").cast(pl.Int128),
        pl.col("output_tokens").cast(pl.UInt8),
        pl.col("timestamp").dt.convert_time_zone("Europe/Berlin"),
    )
    report = priced(kinds)
    assert {group.key["user"]: group.totals.input_tokens for group in report.groups} == {"ana": 1, None: 2}
    assert (report.total.reported_usd, report.period.start) == (Decimal("0.1"), STAMP)


def test_a_lazy_frame_that_fails_is_said() -> None:
    with pytest.raises(InputError, match=r'LazyFrame: .*"nope"'):
        priced(polars_frame().lazy().select("nope"))
    with pytest.raises(InputError, match=r"DataFrame: .*Object"):
        priced(pl.DataFrame({"model": [object()]}))


def test_two_columns_of_one_name_are_said() -> None:
    twice = pa.Table.from_arrays([pa.array(["gpt-4o"]), pa.array(["gpt-4"])], names=["model", "model"])
    for given, name in ((twice, "Table"), (twice.to_reader(), "RecordBatchReader")):
        with pytest.raises(InputError, match=f"{name}: two columns are called 'model'"):
            priced(given)


def test_bad_rows_are_named_and_the_others_count() -> None:
    table = pa.table({"model": ["gpt-4o"] * 3, "input_tokens": ["1", "many", "4"], "output_tokens": [1, 1, 1]})
    report = priced(table)
    assert (report.total.input_tokens, [entry.first for entry in report.rejected]) == (5, ["Table:2"])


def test_the_same_totals_as_from_a_file(tmp_path: Path) -> None:
    frame = pl.DataFrame(rows(*range(5000)))
    frame.write_parquet(tmp_path / "a.parquet")
    from_file = llmopt.price_logs(tmp_path / "a.parquet").total
    for given in (frame, frame.lazy(), frame.to_arrow(), Stream(frame)):
        assert llmopt.price_logs(given).total == from_file


def test_polars_needs_neither_pyarrow_nor_pandas() -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None; sys.modules['pandas'] = None\n"
        "import polars, llmopt\n"
        "frame = polars.DataFrame({'model': ['gpt-4o'], 'input_tokens': [7], 'output_tokens': [1]})\n"
        "print(*(llmopt.price_logs(given).total.input_tokens for given in (frame, frame.lazy())))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("7 7\n", "")
