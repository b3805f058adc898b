"""A Spark DataFrame gives the report of the same log as files, cut into whatever partitions."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import llmopt
from llmopt.cost.result import CostReport
from llmopt.cost.spark import price_logs
from llmopt.errors import InputError
from tests.cost.logs import lines, written
from tests.cost.reading import SAMPLES
from tests.cost.spark.test_run import claude_lines

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.xdist_group("spark")


def frame_of(spark: SparkSession, texts: list[bytes], partitions: int) -> DataFrame:
    """Return lines as `spark.read.text` gives them, in order."""
    rows = [(text.decode().removesuffix("\n"),) for text in texts]
    return spark.createDataFrame(spark.sparkContext.parallelize(rows, partitions), "value string")


def same_but_for_the_name(found: CostReport, whole: CostReport) -> bool:
    return dataclasses.replace(found, files=()) == dataclasses.replace(whole, files=())


def test_lines_with_copies_in_other_partitions(spark: SparkSession, tmp_path: Path) -> None:
    texts = claude_lines(30)
    found = price_logs(spark, frame_of(spark, texts, 4), by=["model", "day"], dearest=True)
    whole = llmopt.price_logs([written(tmp_path / "a.jsonl", *texts)], by=["model", "day"], dearest=True)
    assert same_but_for_the_name(found, whole)
    assert (found.duplicates, found.files) == (20, ("DataFrame",))


def test_request_ids_that_repeat_in_other_partitions_and_lines_that_are_none(
    spark: SparkSession, tmp_path: Path
) -> None:
    texts = [*lines(20), b"\n", b"[broken\n", *lines(20)]
    found = price_logs(spark, frame_of(spark, texts, 3))
    whole = llmopt.price_logs([written(tmp_path / "DataFrame", *texts)])
    assert (found.priced, found.duplicates) == (20, 20)
    assert [(one.reason, one.count) for one in found.rejected] == [(one.reason, one.count) for one in whole.rejected]
    assert {one.first for one in found.rejected} == {"DataFrame:22"}


def test_formats_whose_lines_need_each_other_are_read_by_one_task(spark: SparkSession) -> None:
    (log,) = (SAMPLES / "codex").glob("*/*/*/*.jsonl")
    texts = log.read_bytes().splitlines(keepends=True)
    found = price_logs(spark, frame_of(spark, texts, 3), by=["model", "hour"])
    assert same_but_for_the_name(found, llmopt.price_logs([log], by=["model", "hour"]))


def test_a_table_is_priced_by_its_columns(spark: SparkSession) -> None:
    day = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    rows = [("gpt-4o", 1000 + n, 10, day, Decimal("0.50") if n % 2 else None) for n in range(50)]
    schema = "model string, prompt_tokens long, completion_tokens int, timestamp timestamp, cost decimal(12,4)"
    df = spark.createDataFrame(rows, schema).repartition(3)
    found = price_logs(spark, df, by=["day"], mapping={"cost": "reported_usd"})
    assert (found.priced, found.total.input_tokens) == (50, sum(1000 + n for n in range(50)))
    assert found.total.cost_usd == (Decimal(found.total.input_tokens) * Decimal("2.5") + 500 * 10) / 1_000_000
    assert found.total.reported_usd == Decimal("12.5")
    assert [group.key for group in found.groups] == [{"day": "2026-03-02"}]
    assert not found.warnings


@pytest.mark.parametrize("column", ["body", "value"])
def test_bytes_and_other_names_of_the_only_column(column: str, spark: SparkSession) -> None:
    rows: list[Any] = [(bytearray(text),) for text in [*lines(3), b"\xff\xfe\n"]]
    found = price_logs(spark, spark.createDataFrame(rows, f"{column} binary"))
    assert (found.priced, sum(one.count for one in found.rejected)) == (3, 1)


def test_an_empty_frame_is_an_error(spark: SparkSession) -> None:
    with pytest.raises(InputError, match="DataFrame: no record in it"):
        price_logs(spark, spark.createDataFrame([], "value string"))
