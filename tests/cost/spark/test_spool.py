"""Rows that Spark hands over come into the file as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pa = pytest.importorskip("pyarrow", reason="the extra `spark` is not installed")
pq = pytest.importorskip("pyarrow.parquet")

from llmopt.cost.spark.spool import first_lines, write_lines, write_table  # noqa: E402


@pytest.mark.parametrize("kind", [pa.string(), pa.binary(), pa.large_string()], ids=str)
def test_each_row_is_a_line(kind: Any, tmp_path: Path) -> None:
    texts = ["a", None, "", "b\r", "ü" * 3000, "two\nlines"]
    column = pa.array(texts * 500, pa.string()).cast(kind)
    batches = [pa.record_batch([column.slice(7)], ["value"]), pa.record_batch([column.slice(0, 0)], ["value"])]
    expected = "".join(f"{text or ''}\n" for text in (texts * 500)[7:]).encode()
    assert write_lines(iter(batches), tmp_path / "a") == expected.count(b"\n")
    assert (tmp_path / "a").read_bytes() == expected


def test_rows_of_all_batches_are_in_the_table(tmp_path: Path) -> None:
    batches = [pa.record_batch({"n": [1, 2]}), pa.record_batch({"n": [3]})]
    assert write_table(iter(batches), tmp_path / "a") == 3
    assert pq.read_table(tmp_path / "a").column("n").to_pylist() == [1, 2, 3]
    assert write_table(iter([]), tmp_path / "b") == 0
    assert not (tmp_path / "b").exists()


def test_the_sample_has_lines_of_objects_only(tmp_path: Path) -> None:
    lines = [b"[broken", *(b'{"n": %d}' % number for number in range(1000)), b'[{"n": 1}]']
    (tmp_path / "a").write_bytes(b"\n".join(lines))
    count = first_lines(tmp_path / "a", tmp_path / "b")
    sample = (tmp_path / "b").read_bytes().split(b"\n")
    assert sample[0] == b'{"n": 0}'
    assert len(sample) == count
    assert all(line in lines[1:-1] for line in sample)
