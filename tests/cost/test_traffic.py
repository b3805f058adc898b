"""The requests of a log, one by one: they add up to what the bill counts, and what is left out is counted."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llmopt.cost.api import price_logs
from llmopt.cost.traffic import Request, Traffic, requests
from llmopt.errors import InputError, UsageError
from tests.conftest import ROOT
from tests.cost.logs import chat, line, lines, written

SAMPLES = sorted(path for path in (ROOT / "samples").iterdir() if path.name not in ("prompts", "wordy"))


def rejected(traffic: Traffic) -> int:
    return sum(item.count for item in traffic.rejected)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_counts_as_in_its_bill(path: Path) -> None:
    found, bill = requests(path), price_logs([path])
    assert found.free == bill.free
    assert found.duplicates == bill.duplicates
    assert found.skipped == bill.skipped
    assert rejected(found) == sum(item.count for item in bill.rejected)
    if not found.aggregated:
        others, total = bill.unpriced, bill.total
        inputs, outputs = (
            [getattr(item, name) or 0 for item in found.requests] for name in ("input_tokens", "output_tokens")
        )
        assert len(found.requests) == total.requests + sum(item.requests for item in others)
        assert sum(inputs) == total.input_tokens + sum(item.input_tokens for item in others)
        assert sum(outputs) == total.output_tokens + sum(item.output_tokens for item in others)


def test_a_request_has_its_instant_tokens_and_model(tmp_path: Path) -> None:
    found = requests(written(tmp_path / "app.jsonl", *lines(2)))
    at = datetime(2026, 3, 2, 8, 0, 1, tzinfo=UTC)
    assert found.requests[0] == Request(at, 1200, 80, "gpt-4o")
    assert found.files == (str(tmp_path / "app.jsonl"),)
    assert (found.untimed, found.without_input, found.aggregated) == (0, 0, 0)


def test_requests_are_in_order_of_time_over_all_files(tmp_path: Path) -> None:
    written(tmp_path / "b.jsonl", line(5), line(1))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line(3)))
    untimed = chat(9)
    del untimed["created"]
    written(tmp_path / "c.jsonl", json.dumps(untimed).encode() + b"\n")
    found = requests(tmp_path)
    seconds = [request.at.second if request.at else None for request in found.requests]
    assert seconds == [1, 3, 5, None]
    assert found.untimed == 1


def test_records_of_one_response_are_one_request_at_its_earliest_time(tmp_path: Path) -> None:
    def part(second: int, output: int) -> bytes:
        usage = {"input_tokens": 10, "output_tokens": output}
        message = {"id": "msg_1", "model": "claude-sonnet-4-5", "role": "assistant", "usage": usage}
        stamp = f"2026-03-02T08:00:{second:02}Z"
        record = {"type": "assistant", "sessionId": "s", "uuid": "u", "timestamp": stamp, "message": message}
        return json.dumps(record).encode() + b"\n"

    found = requests(written(tmp_path / "log.jsonl", part(7, 3), part(5, 1), part(9, 40)))
    assert [(request.at, request.output_tokens) for request in found.requests] == [
        (datetime(2026, 3, 2, 8, 0, 5, tzinfo=UTC), 40)
    ]
    assert found.duplicates == 2


def test_tokens_that_nobody_knows_are_not_0(tmp_path: Path) -> None:
    silent = chat(1)
    del silent["usage"]
    silent["choices"] = []
    found = requests(written(tmp_path / "log.jsonl", json.dumps(silent).encode() + b"\n", line(2)))
    assert [request.input_tokens for request in found.requests] == [None, 1200]
    assert found.without_input == 1


def test_texts_without_counts_are_counted(tmp_path: Path) -> None:
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Where is my parcel?"}]}
    found = requests(written(tmp_path / "log.jsonl", json.dumps(asked).encode() + b"\n"))
    [request] = found.requests
    assert request.counted
    assert request.output_tokens is None
    assert 5 < (request.input_tokens or 0) < 20


def test_sums_of_many_requests_are_told_apart() -> None:
    found = requests(ROOT / "samples" / "openai-usage.json")
    assert found.requests == ()
    assert found.aggregated == 5


def test_what_cannot_be_read_is_counted_with_its_reason(tmp_path: Path) -> None:
    found = requests(written(tmp_path / "log.jsonl", line(1), b"{broken\n", line(2)))
    assert len(found.requests) == 2
    assert [(item.count, item.first) for item in found.rejected] == [(1, f"{tmp_path}/log.jsonl:2")]


def test_standard_input_and_columns_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"when,words,out,name\n2026-03-02T08:00:00Z,12,3,gpt-4o\n")

    monkeypatch.setattr("sys.stdin", Stdin)
    mapping = {"when": "timestamp", "words": "input_tokens", "out": "output_tokens", "name": "model"}
    [request] = requests("-", mapping=mapping).requests
    assert (request.input_tokens, request.model) == (12, "gpt-4o")


def test_a_format_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", line(1))
    assert len(requests(path, input_format="openai-chat").requests) == 1
    with pytest.raises(UsageError, match="no such input format: 'chat'"):
        requests(path, input_format="chat")
    with pytest.raises(InputError, match=r"log\.jsonl:1"):
        requests(path, input_format="bedrock")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("noise.jsonl", b"hello\nworld\n", "noise.jsonl:1"),
        ("noise.log", bytes(range(256)) * 8, "binary data"),
        ("empty.jsonl", b"", "no record in it"),
        ("table.parquet", b"PAR1 and no more", "damaged file"),
    ],
)
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        requests(written(tmp_path / name, data))


def test_a_table_without_known_columns_is_refused(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "odd.parquet"
    duckdb.sql("SELECT 1 AS colour").write_parquet(str(path))
    with pytest.raises(InputError, match="no known columns"):
        requests(path)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none"):
        requests(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("record", "tokens"),
    [
        ({"timestamp": "2026-03-02T08:00:01Z", "input_tokens": 12}, 12),
        ({"timestamp": "2026-03-02T08:00:01Z"}, None),
        ({"ts": 1772438401, "prompt_tokens": 7, "completion_tokens": 3}, 7),
        ({"model": "m", "time": "2026-03-02T08:00:01Z", "prompt_tokens": 9}, 9),
        ({"input_tokens": 5}, 5),
    ],
)
def test_records_too_bare_for_a_bill_are_requests(
    tmp_path: Path, record: dict[str, object], tokens: int | None
) -> None:
    found = requests(written(tmp_path / "log.jsonl", json.dumps(record).encode() + b"\n"))
    at = None if list(record) == ["input_tokens"] else datetime(2026, 3, 2, 8, 0, 1, tzinfo=UTC)
    output = record.get("completion_tokens")
    assert found.requests == (Request(at, tokens, output, record.get("model")),)  # type: ignore[arg-type]
    assert found.rejected == ()


def test_a_bare_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("timestamp,input_tokens\n2026-03-02T08:00:01Z,12\n2026-03-02T08:00:02.5Z,14\n")
    found = requests(path)
    assert [request.input_tokens for request in found.requests] == [12, 14]
    assert found.untimed == 0


def test_bare_records_are_counted_where_counts_make_no_sense(tmp_path: Path) -> None:
    bad, good = (json.dumps({"timestamp": "2026-03-02T08:00:01Z", "input_tokens": n}) for n in (-3, 4))
    found = requests(written(tmp_path / "log.jsonl", f"{bad}\n{good}\n".encode()))
    assert [request.input_tokens for request in found.requests] == [4]
    assert rejected(found) == 1


def test_the_users_own_columns_are_read_in_bare_records(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("when,n,out\n2026-03-02T08:00:01Z,12,3\n2026-03-02T08:00:02Z,14,\n")
    found = requests(path, mapping={"when": "timestamp", "n": "input_tokens", "out": "output_tokens"})
    assert [(request.input_tokens, request.output_tokens) for request in found.requests] == [(12, 3), (14, None)]
    assert found.untimed == 0
