"""Tasks read objects of stores by their addresses, cut into ranges or whole."""

from __future__ import annotations

import pickle
from pathlib import Path

import duckdb
import pytest

pa = pytest.importorskip("pyarrow", reason="the extra `spark` is not installed")
pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
pytest.importorskip("fsspec", reason="the extra `cloud` is not installed")

from llmopt.cost.partial import merged  # noqa: E402
from llmopt.cost.partial_bytes import decode  # noqa: E402
from llmopt.cost.prepared import prepare  # noqa: E402
from llmopt.cost.sniff import Sniffer  # noqa: E402
from llmopt.cost.sources import find_files  # noqa: E402
from llmopt.cost.spark.cutting import Cutter  # noqa: E402
from llmopt.cost.spark.task import ReadFiles  # noqa: E402
from tests.cost.logs import lines  # noqa: E402
from tests.cost.spark.test_task import error_of, numbers, sent_by, wanted  # noqa: E402
from tests.cost.stores.conftest import Bucket, bucket, credentials, endpoint  # noqa: E402, F401


def task_of(url: str, target: int, spool: Path) -> ReadFiles:
    parts = Cutter(Sniffer(prepare().settings.formats), target, spool).parts(find_files([url], spool))
    task: ReadFiles = pickle.loads(pickle.dumps(ReadFiles(wanted(), tuple(parts))))
    return task


def test_objects_are_read_in_ranges_and_whole(bucket: Bucket, tmp_path: Path) -> None:  # noqa: F811
    url = bucket.put("logs/a.jsonl", b"".join(lines(400)))
    duckdb.sql(
        f"COPY (SELECT 'gpt-4o' AS model, 900 AS prompt_tokens, 5 AS completion_tokens) TO '{tmp_path}/b.parquet'"
    )
    bucket.put("logs/b.parquet", (tmp_path / "b.parquet").read_bytes())
    task = task_of(bucket.url("logs/"), 30_000, tmp_path)
    assert sum(part[0].end is not None for part in task.parts) > 2
    assert "credentials" not in repr(task.parts)
    sent = sent_by(task(numbers(*range(len(task.parts)))))
    parts = [decode(one.data) for one in sent if one.kind == "part"]
    reading = merged(parts, prepare().settings, [url])
    assert (reading.seen, reading.rejects.count, reading.unaccounted) == (401, 0, 0)
    assert sum(one.lines for one in sent) == 400


def test_an_object_that_is_gone_is_named(bucket: Bucket, tmp_path: Path) -> None:  # noqa: F811
    url = bucket.put("a.jsonl", b"".join(lines(400)))
    task = task_of(url, 30_000, tmp_path)
    bucket.delete("a.jsonl")
    kind, message, _ = error_of(sent_by(task(numbers(1))))
    assert (kind, message.startswith(url)) == ("InputError", True)
