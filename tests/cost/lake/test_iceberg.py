"""Iceberg tables: only what is live in the current snapshot, by the names of today."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import llmopt
from llmopt.cost.result import CostReport
from llmopt.errors import InputError
from tests.cost.deltas import rows

pytest.importorskip("pyiceberg")
pytest.importorskip("sqlalchemy")

from pyiceberg.manifest import DataFileContent
from pyiceberg.types import LongType

from tests.cost.icebergs import create, delete_by


def priced(path: Path, by: str = "model") -> CostReport:
    return llmopt.price_logs(path, by=[by], as_of=datetime(2026, 3, 1, tzinfo=UTC))


def tokens(report: CostReport) -> int:
    return report.total.input_tokens


def test_only_the_current_snapshot_counts(tmp_path: Path) -> None:
    table = create(tmp_path, rows(1, 2, 4))
    table.append(rows(8))
    table.delete("input_tokens = 2")
    root = tmp_path / "n" / "t"
    report = priced(root)
    assert (tokens(report), report.read) == (13, 3)
    assert len(list((root / "data").rglob("*.parquet"))) == 3
    assert len(report.files) == 2
    assert all(name.startswith(f"{root}/data/") for name in report.files)
    assert tokens(priced(next((root / "metadata").glob("00002-*.metadata.json")))) == 15
    assert tokens(priced(tmp_path)) == 13


def test_a_table_that_was_moved(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    create(tmp_path / "old", rows(1, 2))
    shutil.move(tmp_path / "old" / "n" / "t", tmp_path / "new")
    assert tokens(priced(tmp_path / "new")) == 3


def test_columns_that_were_added_are_empty_before(tmp_path: Path) -> None:
    table = create(tmp_path, rows(100))
    with table.update_schema() as change:
        change.add_column("cached_tokens", LongType())
    table.append(rows(100, cached_tokens=[40]))
    report = llmopt.price_logs(tmp_path / "n" / "t", cached="included", as_of=datetime(2026, 3, 1, tzinfo=UTC))
    assert report.total.cache_read_tokens == 40
    assert all("/data/" in name for name in report.files)


def test_columns_are_known_by_number_not_by_name(tmp_path: Path) -> None:
    """A column is renamed, and another one gets its old name: the old file must not be read by name."""
    given = rows(1, 2).rename_columns(["model", "total", "output_tokens"])
    table = create(tmp_path, given.append_column("input_tokens", pa.array([100, 200])))
    with table.update_schema() as change:
        change.rename_column("input_tokens", "old_tokens")
    with table.update_schema() as change:
        change.rename_column("total", "input_tokens")
    table.append(pa.table({"model": ["gpt-4o"], "input_tokens": [4], "output_tokens": [1], "old_tokens": [1000]}))
    root = tmp_path / "n" / "t"
    report = priced(root)
    assert tokens(report) == 7
    assert sorted(report.files)[0] == f"{root} (1 of 2 files as one)"


def test_dropped_columns_are_gone(tmp_path: Path) -> None:
    table = create(tmp_path, rows(1, user=["ana"]))
    with table.update_schema() as change:
        change.delete_column("user")
    assert [group.key["user"] for group in priced(tmp_path / "n" / "t", "user").groups] == [None]


def test_partitions_whose_column_is_in_no_file(tmp_path: Path) -> None:
    """Files added from elsewhere may leave out what their partition says, and have no numbers."""
    table = create(tmp_path, rows(1, user=["ana"]))
    with table.update_spec() as change:
        change.add_identity("user")
    table.append(rows(2, user=["bo"]))
    (path,) = (tmp_path / "n" / "t" / "data").glob("user=bo/*.parquet")
    pq.write_table(pq.ParquetFile(path).read().drop_columns(["user"]), path)
    groups = priced(tmp_path / "n" / "t", "user").groups
    assert {group.key["user"]: group.totals.input_tokens for group in groups} == {"ana": 1, "bo": 2}


def test_deleted_positions_are_left_out(tmp_path: Path) -> None:
    table = create(tmp_path, rows(1, 2, 4))
    (task,) = table.scan().plan_files()
    deletes = pa.table({"file_path": [task.file.file_path], "pos": pa.array([1], pa.int64())})
    root = tmp_path / "n" / "t"
    delete_by(table, DataFileContent.POSITION_DELETES, deletes, root)
    assert tokens(priced(root)) == 5


def test_deletes_by_value_are_refused(tmp_path: Path) -> None:
    table = create(tmp_path, rows(1, 2, 4))
    root = tmp_path / "n" / "t"
    delete_by(table, DataFileContent.EQUALITY_DELETES, pa.table({"input_tokens": [2]}), root)
    with pytest.raises(InputError, match="equality deletes") as caught:
        priced(root)
    assert "rewrite_data_files" in caught.value.hint


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    create(tmp_path, rows(1, 2))
    next((tmp_path / "n" / "t" / "data").rglob("*.parquet")).unlink()
    with pytest.raises(InputError, match="a file of this Iceberg table is missing"):
        priced(tmp_path / "n" / "t")


def test_files_on_another_machine_are_refused(tmp_path: Path) -> None:
    create(tmp_path, rows(1, 2))
    metadata = max((tmp_path / "n" / "t" / "metadata").glob("*.metadata.json"))
    metadata.write_text(metadata.read_text().replace(f"file://{tmp_path}/n/t/metadata/snap", "s3://bucket/snap"))
    with pytest.raises(InputError, match=r"s3://bucket/snap.* is not on this machine"):
        priced(tmp_path / "n" / "t")


def test_damaged_metadata_is_said(tmp_path: Path) -> None:
    create(tmp_path, rows(1, 2))
    next((tmp_path / "n" / "t" / "metadata").glob("snap-*.avro")).write_bytes(b"no Avro")
    with pytest.raises(InputError, match="an Iceberg table that cannot be read"):
        priced(tmp_path / "n" / "t")
