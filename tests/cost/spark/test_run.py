"""Spark's report of a log is that of the local engine, to the last digit, however the log is cut."""

from __future__ import annotations

import dataclasses
import gzip
import json
import random
import venv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

import llmopt
from llmopt.cost import prepared
from llmopt.cost.groups import ALL
from llmopt.cost.read import Settings
from llmopt.cost.result import CostReport
from llmopt.cost.spark import cluster, price_paths, run
from llmopt.errors import ConfigError, InputError, UsageError
from tests.cost.conftest import NEVER_SMALL, Force
from tests.cost.logs import line, lines, written
from tests.cost.reading import SAMPLES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.xdist_group("spark")
Cut = Callable[..., None]


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Cut:
    """Return a function that sets how large parts are, and where open records are ranked."""

    def choose(part_bytes: int, *, shuffled: bool = False) -> None:
        monkeypatch.setattr(cluster, "LEAST_PART_BYTES", part_bytes)
        monkeypatch.setattr(cluster, "MOST_PART_BYTES", part_bytes)
        monkeypatch.setattr(run, "MERGED_HERE_BYTES", -1 if shuffled else 2**40)

    return choose


def comparable(report: CostReport) -> dict[str, Any]:
    """A whole log's rejects are met in the order of reading, so which place is the first may differ among files."""
    told = dataclasses.asdict(report)
    told["rejected"] = sorted((entry["reason"], entry["count"]) for entry in told["rejected"])
    return told


def agree(spark: SparkSession, paths: Sequence[Path], **options: Any) -> CostReport:
    """Return the report, which is the one of the local engine."""
    names = [str(path) for path in paths]
    found = price_paths(spark, names, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "Settings", partial(Settings, small_bytes=NEVER_SMALL))
        whole = llmopt.price_logs(names, **options)
    assert comparable(found) == comparable(whole)
    return found


def claude_lines(count: int) -> list[bytes]:
    """Return responses that are each logged several times, with more output each time, shuffled."""
    (sample,) = (SAMPLES / "claude-code").glob("*/*.jsonl")
    records = [json.loads(text) for text in sample.read_text().splitlines()]
    answer = next(record for record in records if record.get("type") == "assistant")
    found = []
    for number in range(count):
        message = answer["message"] | {"id": f"msg_{number // 3}"}
        message["usage"] = message["usage"] | {"output_tokens": 10 * (number % 3 + 1)}
        found.append(answer | {"message": message, "requestId": f"req_{number // 3}"})
    random.Random(5).shuffle(found)
    return [json.dumps(record).encode() + b"\n" for record in found]


@pytest.mark.untraced
def test_all_samples_by_everything(spark: SparkSession, cut: Cut) -> None:
    cut(64 * 1024, shuffled=True)
    agree(spark, [SAMPLES], by=ALL, dearest=True)


def test_formats_that_cannot_be_cut_anywhere(spark: SparkSession, cut: Cut) -> None:
    """Lines that need earlier ones, spans of traces, and files of several formats."""
    cut(1000)
    names = ("codex", "otel-genai", "openai-responses.jsonl", "langfuse.jsonl", "logged-text.jsonl")
    agree(spark, [SAMPLES / name for name in names], by=("model", "session", "file"), dearest=True)


@pytest.mark.parametrize("shuffled", [False, True], ids=["here", "shuffled"])
def test_copies_of_a_response_in_several_parts_count_once(
    shuffled: bool, spark: SparkSession, cut: Cut, tmp_path: Path
) -> None:
    cut(6000, shuffled=shuffled)
    report = agree(spark, [written(tmp_path / "a.jsonl", *claude_lines(60))], by=("model", "day"), dearest=True)
    assert (report.priced, report.duplicates) == (20, 40)


@pytest.mark.parametrize("shuffled", [False, True], ids=["here", "shuffled"])
def test_request_ids_that_repeat_in_other_parts_are_found(
    shuffled: bool, spark: SparkSession, cut: Cut, tmp_path: Path
) -> None:
    cut(4000, shuffled=shuffled)
    twice = [line(number % 30) for number in range(60)]
    report = agree(spark, [written(tmp_path / "a.jsonl", *twice)])
    assert (report.priced, report.duplicates) == (30, 30)


NASTY = [
    b"\xef\xbb\xbf" + line(1),
    line(2).replace(b"\n", b"\r\n"),
    b"\n",
    line(3).replace(b"Hello", b"He\rllo"),
    line(4).replace(b"Hello", b"\xff\xfe"),
    *lines(30, 5),
    b"\xef\xbb\xbf" + line(40),
    b"[INFO] not a record\n",
    b"{}\n",
    line(41, model=7),
    *lines(30, 42),
    line(80)[:150],
]
"""A log in which each byte matters: marks, carriage returns, bytes that are no UTF-8, half of a last line."""


def test_each_byte_is_read_as_on_one_machine_and_rejects_name_their_lines(
    spark: SparkSession, cut: Cut, force: Force, tmp_path: Path
) -> None:
    log = written(tmp_path / "a.jsonl", *NASTY)
    cut(700)
    force("duckdb")
    found = price_paths(spark, str(log), by=("model", "hour"))
    here = llmopt.price_logs([str(log)], by=("model", "hour"))
    assert dataclasses.asdict(found) == dataclasses.asdict(here)
    assert {entry.first for entry in found.rejected} >= {f"{log}:5", f"{log}:38", f"{log}:{len(NASTY)}"}


def test_tables_and_packed_files_are_read_whole(spark: SparkSession, cut: Cut, tmp_path: Path) -> None:
    """Parquet files with other columns, a CSV file with line breaks in its cells, gzip, a document."""
    cut(1000)
    row = (
        "'gpt-4o' AS model, 900 AS prompt_tokens, 7 AS completion_tokens, TIMESTAMP '2026-03-01 10:00:00' AS timestamp"
    )
    duckdb.sql(f"COPY (SELECT {row} FROM range(50)) TO '{tmp_path}/a.parquet'")
    duckdb.sql(f"COPY (SELECT {row}, 300 AS cached_tokens FROM range(50)) TO '{tmp_path}/b.parquet'")
    cells = [f'gpt-4o,"a ""b""\nc {number}",{number + 1},5,2026-03-02T00:00:00Z\n' for number in range(60)]
    head = "model,note,prompt_tokens,completion_tokens,timestamp\n"
    (tmp_path / "c.csv").write_text(head + "".join(cells))
    (tmp_path / "d.jsonl.gz").write_bytes(gzip.compress(b"".join(lines(40))))
    records = [json.loads(text) for text in lines(20, 100)]
    (tmp_path / "e.json").write_text(json.dumps(records, indent=1))
    report = agree(spark, [tmp_path], by=("model", "file", "week"), cached="included", dearest=True)
    assert report.priced == 50 + 50 + 60 + 40 + 20
    assert report.total.cache_read_tokens == 50 * 300


def test_a_period_and_unknown_tiers(spark: SparkSession, cut: Cut, tmp_path: Path) -> None:
    cut(4000, shuffled=True)
    days = [line(number, created=1_772_438_400 + 40_000 * number) for number in range(40)]
    logs = [
        written(tmp_path / "a.jsonl", *days, line(77, created=1_772_838_400, service_tier="golden"), *days[:3]),
        written(tmp_path / "b.jsonl", *claude_lines(30)),
    ]
    period = {"since": datetime(2026, 3, 4, tzinfo=UTC), "until": datetime(2026, 3, 16, 12, tzinfo=UTC)}
    report = agree(spark, logs, by=("day", "file"), **period)
    assert (report.skipped > 0, report.rejected[0].first) == (True, f"{logs[0]}:41")


def test_requests_find_their_answers_in_other_parts(spark: SparkSession, cut: Cut, tmp_path: Path) -> None:
    """The input of a batch in one file, its output in another."""
    cut(500)
    requests, answers = [], []
    for number in range(12):
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": f"What is {number}?"}]}
        requests.append({"custom_id": f"r{number}", "method": "POST", "url": "/v1/chat/completions", "body": body})
        response = {"status_code": 200, "request_id": f"q{number}", "body": json.loads(line(number))}
        answers.append({"id": f"b{number}", "custom_id": f"r{number}", "response": response, "error": None})
    texts = [b"".join(json.dumps(record).encode() + b"\n" for record in records) for records in (requests, answers)]
    paths = [written(tmp_path / f"{name}.jsonl", text) for name, text in zip("ab", texts, strict=True)]
    report = agree(spark, paths)
    assert (report.priced, report.total.counted.requests) == (12, 0)


def test_the_user_s_own_files_travel_by_their_content(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = written(tmp_path / "a.jsonl", b'{"wer": "x-1", "rein": 1000, "raus": 10}\n')
    mapping = {"wer": "model", "rein": "input_tokens", "raus": "output_tokens"}
    report = agree(spark, [log], mapping=mapping, deployments={"x-1": "gpt-4o"})
    assert report.total.cost_usd == Decimal("0.0026")


def test_a_log_without_records_is_an_error(spark: SparkSession, tmp_path: Path) -> None:
    log = written(tmp_path / "a.jsonl", b"nonsense\n" * 3)
    with pytest.raises(InputError, match=r"a\.jsonl:1: not JSON"):
        price_paths(spark, [log])
    with pytest.raises(InputError, match="no such file"):
        price_paths(spark, [tmp_path / "b.jsonl"])


def test_what_makes_no_sense_is_told_before_spark_starts(tmp_path: Path) -> None:
    log = written(tmp_path / "a.jsonl", line())
    with pytest.raises(UsageError, match="no such option: 'colour'"):
        run.price_on_spark(str(log), "local[2]", colour=3)
    with pytest.raises(UsageError, match="cannot group by 'moon'"):
        run.price_on_spark(str(log), "local[2]", by=["moon"])
    with pytest.raises(InputError, match="no such file"):
        run.price_on_spark(str(tmp_path / "b"), "local[2]")


def test_the_command_s_entry_uses_the_session_that_is_open(spark: SparkSession, tmp_path: Path) -> None:
    log = written(tmp_path / "a.jsonl", *lines(4))
    assert run.price_on_spark([log], "local[2]", by=["day"]) == llmopt.price_logs([log], by=["day"])
    with pytest.raises(UsageError, match=r"a Spark session on local\[2\] is open"):
        run.price_on_spark([log], "local[7]")


def test_a_worker_without_its_python_is_told_in_words(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="a Spark worker does not find its Python"):
        price_paths(spark, [written(tmp_path / "a.jsonl", line())])


def test_a_worker_without_packages_is_told_in_words(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare")
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(ConfigError, match=r"a Spark worker lacks the package '(pyarrow|duckdb)'") as caught:
        price_paths(spark, [written(tmp_path / "a.jsonl", line())])
    assert "PYSPARK_PYTHON" in caught.value.hint


def test_parts_of_a_very_long_log_are_larger_so_that_they_stay_few() -> None:
    mib, tib = 2**20, 2**40
    assert cluster.part_bytes(100 * mib, 8) == cluster.LEAST_PART_BYTES
    assert cluster.part_bytes(tib, 8) <= cluster.MOST_PART_BYTES
    assert cluster.MOST_PART_BYTES < cluster.part_bytes(4 * tib, 8) <= 4 * tib // cluster.MANY_PARTS
    assert cluster.part_bytes(2**50, 1000) <= cluster.LARGEST_PART_BYTES
    sizes = [cluster.part_bytes(2**power, 64) for power in range(30, 55)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(("buckets", "given"), [(8, ("bucket",)), (200, ("bucket",)), (1024, (1024, "bucket"))])
def test_there_are_no_more_buckets_than_tasks(buckets: int, given: tuple[object, ...]) -> None:
    asked: list[tuple[object, ...]] = []

    class Frame:
        def repartition(self, *arguments: object) -> Frame:
            asked.append(arguments)
            return self

    frame: Any = Frame()
    assert run._dealt(frame, buckets) is frame
    assert asked == [given]
