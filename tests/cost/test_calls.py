"""The calls of a log one by one: they cost what the bill says, in the order of time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmopt.core.money import EXACT
from llmopt.cost import shelf
from llmopt.cost.api import price_logs
from llmopt.cost.calls import Call, Calls, read_calls
from llmopt.errors import InputError, UsageError
from tests.conftest import ROOT
from tests.cost.logs import ONE, chat, line, lines, written
from tests.cost.records import BUILDERS

SAMPLES = sorted(path for path in (ROOT / "samples").iterdir() if path.name not in ("prompts", "wordy"))
Json = Any


def read(path: Any, **kwargs: Any) -> Calls[Call]:
    return read_calls(path, lambda call: call, **kwargs)


def log(folder: Path, *records: Json, name: str = "app.jsonl") -> Path:
    return written(folder / name, *(json.dumps(record).encode() + b"\n" for record in records))


def total(calls: Sequence[Call]) -> Decimal:
    found = Decimal(0)
    for call in calls:
        found = EXACT.add(found, call.cost_usd or Decimal(0))
    return found


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_costs_what_its_bill_says(path: Path) -> None:
    found, bill = read(path), price_logs([path])
    assert found.free == bill.free
    assert found.duplicates == bill.duplicates
    assert found.skipped == bill.skipped
    assert found.rejected == bill.rejected
    if not found.aggregated:
        unpriced = [call for call in found.taken if call.cost_usd is None]
        assert len(found.taken) - len(unpriced) == bill.total.requests
        assert len(unpriced) == sum(item.requests for item in bill.unpriced)
        assert {call.unpriced for call in unpriced} == {item.reason for item in bill.unpriced}
        assert total(found.taken) == bill.total.cost_usd


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_log_costs_what_its_bill_says(tmp_path: Path, data: st.DataObject) -> None:
    counts = st.integers(0, 300_000)
    names = sorted(name for name in BUILDERS if name != "openai-usage")
    records = []
    for _ in range(data.draw(st.integers(1, 12))):
        _, buckets, build = BUILDERS[data.draw(st.sampled_from(names))]
        records.append(build({bucket: data.draw(counts) for bucket in buckets}))
    path = log(tmp_path, *records, *records[: data.draw(st.integers(0, 3))])
    found, bill = read(path), price_logs([path])
    assert total(found.taken) == bill.total.cost_usd
    assert (found.duplicates, found.free) == (bill.duplicates, bill.free)
    assert len(found.taken) == bill.total.requests + sum(item.requests for item in bill.unpriced)


def test_a_call_is_all_that_its_record_says(tmp_path: Path) -> None:
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0}
    record = {"team": "care", "latency_s": 1.5, "tags": {"score": 0.25}, "request": asked, "response": chat()}
    (call,) = read(log(tmp_path, record), columns=("tags.score", "absent")).taken
    assert call.where.endswith("app.jsonl:1")
    assert call.at == datetime(2026, 3, 2, 8, 0, 1, tzinfo=UTC)
    assert (call.model, call.provider) == ("gpt-4o", "openai")
    assert (call.request, call.whole) == (asked, True)
    assert json.loads(call.response or "") == chat()
    assert call.usage is not None
    assert (call.usage.input_tokens, call.usage.output_tokens) == (1200, 80)
    assert (call.cost_usd, call.unpriced, call.counted) == (ONE, "", False)
    assert call.latency_s == 1.5
    assert call.groups == {"user": None, "team": "care", "feature": None, "project": None, "session": None}
    assert call.columns == {"tags.score": "0.25", "absent": None}


def test_a_call_was_made_at_the_fraction_of_a_second_that_its_line_says(tmp_path: Path) -> None:
    def times(*stamps: Json) -> list[int]:
        records = [{"timestamp": stamp, "request": {}, "response": chat(n)} for n, stamp in enumerate(stamps)]
        found = read(log(tmp_path, *records)).taken
        return [call.at.second * 1000 + call.at.microsecond // 1000 for call in found if call.at]

    created = [int(chat(n)["created"]) for n in range(3)]
    first = datetime.fromtimestamp(created[0], UTC).second * 1000
    fine = datetime.fromtimestamp(created[0] + 0.25, UTC).isoformat()
    assert times(fine, created[1] + 0.5, created[2] + 1.5) == [first + 250, first + 1500, first + 2000]
    assert times("nonsense", created[1], None) == [first, first + 1000, first + 2000]


def test_calls_come_by_time_and_those_without_last(tmp_path: Path) -> None:
    untimed = [chat(number) for number in (7, 8)]
    for body in untimed:
        del body["created"]
    path = written(tmp_path / "a.jsonl", line(5), json.dumps(untimed[0]).encode() + b"\n", line(1))
    other = written(tmp_path / "b.jsonl", json.dumps(untimed[1]).encode() + b"\n", line(3))
    found = read([path, other])
    assert [call.at.second if call.at else None for call in found.taken] == [1, 3, 5, None, None]
    assert [call.where.rpartition("/")[2] for call in found.taken[3:]] == ["a.jsonl:2", "b.jsonl:1"]
    assert found.untimed == 2
    assert found.warnings == ("2 calls without a readable timestamp, priced at the newest prices (set --as-of DATE)",)


def test_a_call_without_a_price_says_why(tmp_path: Path) -> None:
    found = read(written(tmp_path / "app.jsonl", line(1, model="gpt-nobody"), line(2)))
    assert [(call.cost_usd, call.unpriced) for call in found.taken] == [(None, "unknown model"), (ONE, "")]
    assert "1 call without a price: unknown model" in found.warnings


def test_what_is_kept_of_a_call_is_all_that_is_kept(tmp_path: Path) -> None:
    found = read_calls(written(tmp_path / "app.jsonl", *lines(3)), lambda call: call.model)
    assert found.taken == ("gpt-4o", "gpt-4o", "gpt-4o")


def test_texts_that_are_many_wait_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [
        {"request": {"model": "gpt-4o", "messages": [{"role": "user", "content": f"é{n}"}]}, "response": chat(n)}
        for n in range(20)
    ]
    path = log(tmp_path, *records, records[3])
    at_once = read(path)
    monkeypatch.setattr(shelf.Shelf.__init__, "__defaults__", (300,))
    assert read(path) == at_once
    assert [call.request for call in at_once.taken] == [record["request"] for record in records]
    assert at_once.duplicates == 1


def test_sums_of_many_requests_are_no_calls() -> None:
    found = read(ROOT / "samples" / "openai-usage.json")
    assert (found.taken, found.aggregated) == ((), 5)


def test_requests_of_a_batch_come_from_its_input_file(tmp_path: Path) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0}
    asks = {"custom_id": "t-1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    answers = {"id": "b1", "custom_id": "t-1", "response": {"status_code": 200, "body": chat()}, "error": None}
    (call,) = read([log(tmp_path, asks, name="in.jsonl"), log(tmp_path, answers, name="out.jsonl")]).taken
    assert (call.request, call.whole) == (body, True)
    assert call.where.endswith("out.jsonl:1")


def test_an_update_completes_what_was_logged_before(tmp_path: Path) -> None:
    first: Json = {
        "id": "o1",
        "type": "GENERATION",
        "traceId": "t",
        "startTime": "2026-03-11T09:00:00Z",
        "model": "gpt-4o",
    }
    first |= {"input": [{"role": "user", "content": "Hi"}], "modelParameters": {"temperature": 0}}
    later: Json = {
        "id": "o1",
        "type": "GENERATION",
        "traceId": "t",
        "startTime": "2026-03-11T09:00:00Z",
        "model": "gpt-4o",
    }
    later |= {"usageDetails": {"input": 10, "output": 5, "total": 15}, "output": "Hello", "score": "1"}
    (call,) = read(log(tmp_path, first, later), columns=("score",)).taken
    assert call.request == {"input": first["input"], "model": "gpt-4o", "temperature": 0}
    assert (call.response, call.columns["score"], call.whole) == ("Hello", "1", False)


def test_a_request_split_over_records_is_put_together_in_order(tmp_path: Path) -> None:
    def part(number: int, messages: Json, **counts: int) -> Json:
        row = {"CorrelationId": "c1", "TimeGenerated": "2026-03-05T10:00:01Z", "ModelName": "gpt-4o"}
        return {**row, "SequenceNumber": number, "RequestMessages": messages, **counts}

    user, system = {"role": "user", "content": "Hi"}, {"role": "system", "content": "Be kind."}
    counted = part(2, None, PromptTokens=10, CompletionTokens=5, TotalTokens=15)
    (call,) = read(log(tmp_path, part(1, [user]), counted, part(0, [system]))).taken
    assert call.request == {"messages": [system, user]}


def test_a_table_has_calls_too(tmp_path: Path) -> None:
    table = tmp_path / "calls.csv"
    table.write_text(
        "timestamp,model,prompt,temperature,input_tokens,output_tokens,quality\n"
        '2026-03-02T08:00:00Z,gpt-4o,"Where is, my parcel?",0.0,1200,80,0.75\n'
        "2026-03-02T08:01:00Z,gpt-4o,,1,1200,80,\n"
    )
    one, two = read(table, columns=("quality",)).taken
    assert one.request == {"model": "gpt-4o", "temperature": 0, "prompt": "Where is, my parcel?"}
    assert (one.whole, one.columns["quality"], one.cost_usd) == (False, "0.75", ONE)
    assert (two.request, two.columns["quality"]) == (None, None)


def test_errors_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such input format: 'nonsense'"):
        read(written(tmp_path / "a.jsonl", line()), input_format="nonsense")
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "absent.jsonl")
    with pytest.raises(InputError, match=r"a\.txt:1"):
        read(written(tmp_path / "a.txt", b"no log\n"))
    with pytest.raises(InputError, match="no record in it"):
        read(written(tmp_path / "empty.jsonl"))


def test_one_format_is_enough(tmp_path: Path) -> None:
    path = log(tmp_path, chat(), {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]})
    found = read(path, input_format="openai-chat")
    assert len(found.taken) == 1
    assert found.rejected[0].count == 1


def test_a_text_logged_beside_its_usage_tells_what_was_asked(tmp_path: Path) -> None:
    text = {key: value for key, value in chat().items() if key != "usage"}
    asking = {"request": {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}, "response": text}
    (call,) = read(log(tmp_path, asking, chat())).taken
    assert (call.request, call.whole, call.cost_usd) == (asking["request"], True, ONE)


def test_what_a_logger_blotted_out_was_not_asked(tmp_path: Path) -> None:
    cut = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi … (litellm_truncated 900 chars)"}]}
    (call,) = read(log(tmp_path, {"request": cut, "response": chat()})).taken
    assert (call.request, call.whole) == (None, False)


def test_columns_of_parquet_may_be_objects(tmp_path: Path) -> None:
    frame = tmp_path / "calls.parquet"
    columns = (
        "SELECT TIMESTAMP '2026-03-02 08:00:00' AS timestamp, 'gpt-4o' AS model, 1200 AS input_tokens, "
        "80 AS output_tokens, [{'role': 'user', 'content': 'Hi'}] AS messages, 0.0 AS temperature, "
        "{'helpful': 0.5} AS scores"
    )
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({columns}) TO '{frame}' (FORMAT parquet)")
    (call,) = read(frame, columns=("scores.helpful",)).taken
    assert call.request == {"model": "gpt-4o", "temperature": 0, "messages": [{"role": "user", "content": "Hi"}]}
    assert (call.columns["scores.helpful"], call.cost_usd) == ("0.5", ONE)


def test_a_column_of_the_user_says_what_was_asked(tmp_path: Path) -> None:
    table = tmp_path / "calls.csv"
    table.write_text(
        "timestamp,model,utterance,said,prompt,temperature,input_tokens,output_tokens\n"
        "2026-03-02T08:00:00Z,gpt-4o,Where is it?,On its way.,template-7,0,1200,80\n"
    )
    (call,) = read(table, mapping={"utterance": "prompt", "said": "response"}).taken
    assert call.request == {"model": "gpt-4o", "temperature": 0, "prompt": "Where is it?"}
    assert (call.response, call.whole, call.cost_usd) == ("On its way.", False, ONE)


def test_a_frame_is_a_log(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    row = {"timestamp": "2026-03-02T08:00:00Z", "model": "gpt-4o", "prompt": "Hi", "temperature": 0.0}
    (call,) = read(pandas.DataFrame([{**row, "input_tokens": 1200, "output_tokens": 80}])).taken
    assert call.request == {"model": "gpt-4o", "temperature": 0, "prompt": "Hi"}
    assert (call.where, call.cost_usd) == ("DataFrame:1", ONE)


def test_a_text_that_is_empty_was_not_asked() -> None:
    found = read(ROOT / "samples" / "litellm-spend.jsonl")
    assert {call.request is None for call in found.taken} == {True}


def test_a_text_that_is_nested_too_deep_was_not_asked(tmp_path: Path) -> None:
    deep = '{"model": "gpt-4o", "messages": ' + "[" * 90_000 + "]" * 90_000 + "}"
    path = log(tmp_path, {"request": deep, "response": chat()})
    (call,) = read(path).taken
    assert (call.request, call.cost_usd) == (None, price_logs([path]).total.cost_usd)
