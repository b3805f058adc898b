"""Delta tables: only what is live in the current version, with the columns that only the log has."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import llmopt
from llmopt.cost.result import CostReport
from llmopt.cost.sources import find_files
from llmopt.errors import InputError
from tests.cost.deltas import by_hand, rows

deltalake = pytest.importorskip("deltalake")


def priced(folder: Path, by: str = "model") -> CostReport:
    return llmopt.price_logs(folder, by=[by], as_of=datetime(2026, 3, 1, tzinfo=UTC))


def tokens(report: CostReport) -> int:
    return report.total.input_tokens


def test_removed_files_and_rows_are_not_counted(tmp_path: Path) -> None:
    table = tmp_path / "t"
    deltalake.write_deltalake(table, rows(1, 2, 3))
    deltalake.write_deltalake(table, rows(10, 20), mode="append")
    deltalake.DeltaTable(table).delete("input_tokens = 2")
    assert len(list(table.glob("*.parquet"))) == 3
    report = priced(table)
    assert (tokens(report), report.read) == (34, 4)
    assert all(name.startswith(f"{table}/") for name in report.files)
    assert len(report.files) == 2
    deltalake.write_deltalake(table, rows(7), mode="overwrite")
    assert tokens(priced(table)) == 7


def test_a_checkpoint_and_a_compacted_table_are_read_alike(tmp_path: Path) -> None:
    table = tmp_path / "t"
    for count in (1, 2, 4):
        deltalake.write_deltalake(table, rows(count), mode="append")
    opened = deltalake.DeltaTable(table)
    opened.optimize.compact()
    opened.create_checkpoint()
    assert tokens(priced(table)) == 7


def test_partitions_are_columns_with_their_own_values(tmp_path: Path) -> None:
    table = tmp_path / "t"
    users = ["007", "a b/c:d%e=é", None, "7"]
    stamp = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    given = rows(1, 2, 4, 8, user=users, timestamp=pa.array([stamp] * 4), day=[date(2026, 3, 1)] * 4)
    deltalake.write_deltalake(table, given, partition_by=["user", "timestamp", "day"])
    report = priced(table, "user")
    assert {group.key["user"]: group.totals.input_tokens for group in report.groups} == dict(
        zip(users, (1, 2, 4, 8), strict=True)
    )
    assert (report.period.start, report.warnings) == (stamp, ())
    assert [group.key["day"] for group in priced(table, "day").groups] == ["2026-03-01"]


def test_partitions_that_are_no_part_of_the_path(tmp_path: Path) -> None:
    table = tmp_path / "t"
    deltalake.write_deltalake(table, rows(5, user=["ana"]), partition_by=["user"])
    log = table / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    (add,) = (action["add"] for action in actions if "add" in action)
    (table / add["path"]).rename(table / "plain.parquet")
    add["path"] = "plain.parquet"
    log.write_text("".join(json.dumps(action) + "\n" for action in actions))
    assert [group.key["user"] for group in priced(table, "user").groups] == ["ana"]


def test_rows_of_deletion_vectors_are_left_out(tmp_path: Path) -> None:
    files = {"a b.parquet": rows(1, 2, 4, 8), "whole.parquet": rows(100)}
    table = by_hand(tmp_path / "t", files, deleted={"a b.parquet": [1, 3]}, paths={"a b.parquet": "a%20b.parquet"})
    report = priced(table)
    assert (tokens(report), report.read) == (105, 3)
    assert report.files == (f"{table}/a b.parquet (live rows)", f"{table}/whole.parquet")


@pytest.mark.parametrize(("deleted", "expected"), [(None, 7), ({"a.parquet": [0]}, 6)])
def test_mapped_columns_have_the_names_of_the_table(
    tmp_path: Path, deleted: dict[str, list[int]] | None, expected: int
) -> None:
    own = rows(1, 2, 4).rename_columns([f"col-{name}" for name in rows(1).column_names])
    table = by_hand(tmp_path / "t", {"a.parquet": own}, mapped="col-", deleted=deleted)
    report = priced(table)
    assert tokens(report) == expected
    assert report.files == (f"{table} (as one table)",)


def test_columns_added_later_are_empty_in_older_files(tmp_path: Path) -> None:
    table = tmp_path / "t"
    deltalake.write_deltalake(table, rows(100))
    later = rows(100, cached_tokens=[40])
    deltalake.write_deltalake(table, later, mode="append", schema_mode="merge")
    report = llmopt.price_logs(table, cached="included", as_of=datetime(2026, 3, 1, tzinfo=UTC))
    assert report.total.cache_read_tokens == 40


def test_a_table_given_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deltalake.write_deltalake(tmp_path / "t", rows(5, 6, user=["ana", "bo"]), partition_by=["user"])
    monkeypatch.chdir(tmp_path)
    assert llmopt.price_logs(["t", tmp_path / "t", "./t/"]).total.input_tokens == 11


def test_an_empty_table_holds_no_record(tmp_path: Path) -> None:
    deltalake.write_deltalake(tmp_path / "t", rows(5))
    deltalake.DeltaTable(tmp_path / "t").delete()
    with pytest.raises(InputError, match="no record in it"):
        priced(tmp_path / "t")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    table = by_hand(tmp_path / "t", {"a.parquet": rows(1), "b.parquet": rows(2)})
    (table / "b.parquet").unlink()
    with pytest.raises(InputError, match=r"b.parquet: a file of version 0 is missing"):
        priced(table)


def test_a_damaged_file_is_rejected_and_the_others_count(tmp_path: Path) -> None:
    table = by_hand(tmp_path / "t", {"a.parquet": rows(1), "b.parquet": rows(2)})
    (table / "b.parquet").write_bytes(b"PAR1 and then nothing")
    report = priced(table)
    assert (tokens(report), [entry.first for entry in report.rejected]) == (1, [f"{table}/b.parquet:1"])


def test_files_on_another_machine_are_refused(tmp_path: Path) -> None:
    table = by_hand(tmp_path / "t", {"a.parquet": rows(1)}, paths={"a.parquet": "s3://bucket/t/a.parquet"})
    with pytest.raises(InputError, match=r"s3://bucket/t/a.parquet is not on this machine"):
        priced(table)


def test_unknown_features_are_refused_by_name(tmp_path: Path) -> None:
    table = by_hand(tmp_path / "t", {"a.parquet": rows(1)}, features=("variantType",))
    with pytest.raises(InputError, match="variantType"):
        priced(table)


def test_a_damaged_log_is_said(tmp_path: Path) -> None:
    (tmp_path / "t" / "_delta_log").mkdir(parents=True)
    (tmp_path / "t" / "_delta_log" / f"{0:020}.json").write_text("{")
    pq.write_table(rows(1), tmp_path / "t" / "a.parquet")
    with pytest.raises(InputError, match="a Delta table that cannot be read"):
        priced(tmp_path / "t")


def test_partitions_that_the_path_gives_are_read_where_they_lie(tmp_path: Path) -> None:
    deltalake.write_deltalake(tmp_path / "t", rows(1, 2, user=["ana", "a b"]), partition_by=["user"])
    spool = tmp_path / "spool"
    spool.mkdir()
    places = {source.shown.split("/")[-2]: source.path for source in find_files([tmp_path / "t"], spool)}
    assert places["user=ana"].startswith(f"{tmp_path}/t/")
    assert Path(places["user=a%20b"]).parent.name == "user=a b"
    assert Path(places["user=a%20b"]).is_symlink()
