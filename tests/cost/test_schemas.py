"""Many tables are read by one scan for each set of columns, and cost what each of them costs by itself."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import llmopt
from llmopt.cost.plan import Batch
from llmopt.cost.schemas import WATCHED_ROWS, extent_of, grouped, partitions
from llmopt.cost.sources import Source
from tests.cost.conftest import Force
from tests.cost.logs import written

PLAIN: Mapping[str, object] = {
    "model": ["gpt-4o", "gpt-4o-mini"],
    "input_tokens": [1200, 512],
    "output_tokens": [80, 203],
    "timestamp": pa.array([1772438405, 1772524805], pa.timestamp("s")),
}
DRIFT: list[Mapping[str, object]] = [
    {},
    {"input_tokens": ["1200", "512"]},
    {"timestamp": ["2026-03-02T08:00:05Z", "2026-03-03T08:00:05Z"]},
    {"cached_tokens": [200, 100]},
    {"timestamp": pa.array([1772438405, 1772524805], pa.timestamp("us", "UTC"))},
    {"user": ["ana", "bo"]},
    {"input_tokens": [1200.0, 512.0]},
]


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def parquet(path: Path, columns: Mapping[str, object]) -> Source:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**PLAIN, **columns}), path)
    return Source(str(path), path.name, "none")


def comma(path: Path, text: str, delimiter: str = ",") -> Source:
    return Source(str(written(path, text.encode())), path.name, "none", delimiter)


def groups(connection: duckdb.DuckDBPyConnection, kind: str, sources: list[Source]) -> list[list[str]]:
    found = grouped(connection, [Batch((), kind, [source]) for source in sources])
    return [[source.shown for source in batch.sources] for batch in found]


def test_parquet_files_by_names_and_types(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    users: list[Mapping[str, object]] = [{"user": ["a", "b"]}, {"user": ["c", None]}]
    changes: list[Mapping[str, object]] = [{}, users[0], {}, {"input_tokens": ["1", "2"]}, users[1]]
    sources = [parquet(tmp_path / f"{n}.parquet", change) for n, change in enumerate(changes)]
    assert groups(connection, "parquet", sources) == [
        ["0.parquet", "2.parquet"],
        ["1.parquet", "4.parquet"],
        ["3.parquet"],
    ]


def test_parquet_files_by_the_folders_they_lie_in(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    places = ["day=2026-03-01/a", "day=2026-03-02/b", "day=unknown/c", "d", "day=7/e", "day=2026-03-03/hour=1/f"]
    sources = [parquet(tmp_path / f"{place}.parquet", {}) for place in places]
    assert groups(connection, "parquet", sources) == [
        ["a.parquet", "b.parquet"],
        *[[f"{name}.parquet"] for name in "cdef"],
    ]
    assert partitions("/x/day=1/hour=2/a=b.parquet") == [("day", "1"), ("hour", "2")]


def test_csv_files_by_header_and_dialect(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    sources = [
        comma(tmp_path / "a.csv", "model,input_tokens\nx,1\n"),
        comma(tmp_path / "b.csv", "model,output_tokens\nx,1\n"),
        comma(tmp_path / "c.csv", "model,input_tokens\ny,2\n"),
        comma(tmp_path / "d.csv", "model;input_tokens\ny;2\n", ";"),
    ]
    assert groups(connection, "csv", sources) == [["a.csv", "c.csv"], ["b.csv"], ["d.csv"]]


def test_lines_and_a_damaged_file_stay_as_they_are(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    bad = Source(str(written(tmp_path / "bad.parquet", b"PAR1 and no more")), "bad", "none")
    good = [parquet(tmp_path / f"{n}.parquet", {}) for n in range(2)]
    lines = Batch((), "lines", [Source("x.jsonl", "x", "none")])
    found = grouped(connection, [Batch((), "parquet", [bad]), lines, *(Batch((), "parquet", [one]) for one in good)])
    assert [[source.shown for source in batch.sources] for batch in found] == [
        ["bad"],
        ["x"],
        ["0.parquet", "1.parquet"],
    ]
    assert found[1] is lines


def test_every_id_of_a_small_log_is_watched(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = WATCHED_ROWS // 2 + 1
    plain = {"model": ["m"] * rows, "input_tokens": [1] * rows, "output_tokens": [1] * rows}
    sources = [parquet(tmp_path / f"{n}.parquet", {**plain, "timestamp": [0] * rows}) for n in range(4)]
    text = comma(tmp_path / "a.csv", "model,input_tokens\n" + "gpt-4o,1\n" * (rows + rows // 50))

    def batch(*found: Source) -> Batch:
        return Batch((), "parquet", list(found))

    assert extent_of(connection, [batch(sources[0])]).watched == 1
    assert (
        extent_of(connection, [batch(*sources)]).watched
        == extent_of(connection, [batch(one) for one in sources]).watched
        == 3
    )
    assert extent_of(connection, [Batch((), "csv", [text]), batch(sources[0])]).watched == 2


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_tables_that_drift_cost_what_each_costs_alone(kind: str, force: Force, tmp_path: Path) -> None:
    force("duckdb")
    for n, change in enumerate([*DRIFT, DRIFT[0]]):
        path = tmp_path / f"{n:02}.{kind}"
        parquet(path, change)
        if kind == "csv":
            duckdb.sql(f"COPY (FROM read_parquet('{path}')) TO '{path}.csv' (HEADER)")
            Path(f"{path}.csv").replace(path)
    files = sorted(tmp_path.iterdir())
    options: dict[str, Any] = {"by": ["file", "day", "user"], "cached": "included", "dedupe": "none"}
    together = llmopt.price_logs([tmp_path], **options)
    alone = [llmopt.price_logs([file], **options) for file in files]
    assert together.read == together.priced == 2 * len(files)
    assert together.total.cost_usd == sum((report.total.cost_usd for report in alone), Decimal(0))

    def listed(*reports: llmopt.CostReport) -> list[tuple[object, ...]]:
        rows = [(*group.key.items(), group.totals) for report in reports for group in report.groups]
        return sorted(rows, key=repr)

    assert listed(together) == listed(*alone)


def test_a_bad_row_is_named_by_its_own_file(force: Force, tmp_path: Path) -> None:
    force("duckdb")
    for n in range(3):
        parquet(tmp_path / f"{n}.parquet", {"input_tokens": [1200, -5 if n == 1 else 512]})
        text = f"model,input_tokens,output_tokens\ngpt-4o,1200,80\ngpt-4o,{'many' if n == 2 else 1},8\n"
        written(tmp_path / f"{n}.csv", (text + ("gpt-4o,1\n" if n == 0 else "")).encode())
    report = llmopt.price_logs([tmp_path])
    places = sorted(entry.first for entry in report.rejected)
    assert places == [f"{tmp_path}/0.csv:4", f"{tmp_path}/1.parquet:2", f"{tmp_path}/2.csv:3"]
    assert (report.read, report.priced) == (13, 10)


def test_folders_give_columns(force: Force, tmp_path: Path) -> None:
    force("duckdb")
    for day, user in (("2026-03-01", "ana"), ("2026-03-02", "7")):
        table = pa.table({name: PLAIN[name] for name in ("model", "input_tokens", "output_tokens")})
        path = tmp_path / f"user={user}" / f"date={day}" / "part.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(table, path)
    report = llmopt.price_logs([tmp_path], by=["day", "user"])
    keys = [group.key for group in report.groups]
    assert sorted(keys, key=repr) == [{"day": "2026-03-01", "user": "ana"}, {"day": "2026-03-02", "user": "7"}]
