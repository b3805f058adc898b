"""Parquet files outside of the period are skipped unread, and counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import llmopt
from llmopt.cost.keying import Keying
from llmopt.cost.outside import leave_out
from llmopt.cost.plan import Batch, Plan
from llmopt.cost.sources import Source
from llmopt.cost.spec.load import load_specs
from llmopt.cost.spec.values import epoch_micros
from tests.cost.conftest import Force

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS, ROWS = 6, 4


def day_files(folder: Path, kind: pa.DataType | None, **more: list[Any]) -> None:
    """Write a file for each day."""
    for day in range(DAYS):
        stamps = [START + timedelta(days=day, hours=6 * row) for row in range(ROWS)]
        times = [stamp.isoformat() for stamp in stamps] if kind is None else pa.array(stamps, kind)
        plain = {"model": ["gpt-4o"] * ROWS, "input_tokens": [1200] * ROWS, "output_tokens": [80] * ROWS}
        pq.write_table(pa.table({**plain, "timestamp": times, **more}), folder / f"{day}.parquet")


@pytest.mark.parametrize("kind", [pa.timestamp("us", "UTC"), pa.timestamp("ms"), pa.timestamp("ns"), None], ids=str)
@pytest.mark.parametrize(("since", "until"), [(25, 49), (144, None), (None, 24), (23.999, 24)])
def test_skipped_rows_are_counted_whatever_the_type(
    kind: pa.DataType | None, since: float | None, until: float | None, force: Force, tmp_path: Path
) -> None:
    force("duckdb")
    day_files(tmp_path, kind)
    period: dict[str, Any] = {
        "since": None if since is None else START + timedelta(hours=since),
        "until": None if until is None else START + timedelta(hours=until),
    }
    report = llmopt.price_logs([tmp_path], **period)
    hours = [6 * row for row in range(DAYS * ROWS)]
    inside = [hour for hour in hours if (since is None or hour >= since) and (until is None or hour < until)]
    assert (report.read, report.priced, report.skipped) == (len(inside), len(inside), DAYS * ROWS - len(inside))


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({}, ["2.parquet"]),
        ({"created_at": ["2026-03-03"] * ROWS}, "all"),
        ({"timestamp": ["2026-03-01T00:00:00Z"] * ROWS}, "all"),
        ({"timestamp": pa.nulls(ROWS, pa.timestamp("us"))}, "all"),
    ],
    ids=["one column", "two columns", "texts", "nothing"],
)
def test_what_is_left_out(change: dict[str, Any], left: Any, tmp_path: Path) -> None:
    day_files(tmp_path, pa.timestamp("us", "UTC"), **change)
    (spec,) = (spec for spec in load_specs() if spec.name == "generic")
    sources = [Source(str(path), path.name, "none") for path in sorted(tmp_path.iterdir())]
    batch = Batch((spec,), "parquet", sources)
    since, until = (epoch_micros(START + timedelta(days=day)) for day in (2, 3))
    plan = Plan(Keying((), ()), since_us=since, until_us=until)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = leave_out(connection, [batch], plan)
    names = [source.shown for source in batch.sources]
    assert names == ([source.shown for source in sources] if left == "all" else left)
    assert rows == ROWS * (DAYS - len(names))


def test_repeats_within_the_period_are_still_found(force: Force, tmp_path: Path) -> None:
    force("duckdb")
    day_files(tmp_path, pa.timestamp("us", "UTC"), request_id=["a", "b", "c", "c"])
    for day in (1, 2):
        (tmp_path / f"copy-{day}.parquet").write_bytes((tmp_path / f"{day}.parquet").read_bytes())
    report = llmopt.price_logs([tmp_path], since=START + timedelta(days=2), until=START + timedelta(days=3))
    assert (report.priced, report.duplicates, report.skipped) == (ROWS, ROWS, DAYS * ROWS)
