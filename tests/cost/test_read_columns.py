"""Logs as columns: read at once and one by one they are the same calls, and cost what the bill says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmopt.core.cost import cost_usd
from llmopt.core.money import EXACT
from llmopt.core.usage import Usage
from llmopt.cost import read_columns as module
from llmopt.cost.api import price_logs
from llmopt.cost.call import Call
from llmopt.cost.call_columns import KEPT, NO_TIME, UNTIMED, CallColumns
from llmopt.cost.read_columns import read_columns
from llmopt.cost.rejects import Reader
from llmopt.errors import InputError, UsageError
from tests.conftest import ROOT
from tests.cost.logs import written
from tests.cost.records import BUILDERS

SAMPLES = sorted(
    path
    for path in (ROOT / "samples").iterdir()
    if path.name not in ("prompts", "wordy", "projecting", "openai-usage.json")
)
ENDS = ("finish_reason", "stop_reason")
Json = Any


def read(path: Path, *, at_once: bool, **kwargs: Any) -> tuple[CallColumns, list[Call]]:
    """Read a log at once, however small it is, or one by one."""
    seen: list[Call] = []

    def see(call: Call) -> int:
        seen.append(call)
        return len(seen) - 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SMALL_BYTES", -1 if at_once else 10**12)
        return read_columns(path, see, **kwargs), seen


def told(columns: CallColumns, seen: list[Call]) -> list[tuple[object, ...]]:
    """What the columns say of each call, but for the numbers of things and the sizes."""
    rows: list[tuple[object, ...]] = []
    for row, at_us in enumerate(columns.at_us):
        kind, number = columns.kinds[columns.kind[row]], columns.request[row]
        asked = (seen[number].request, seen[number].whole, seen[number].model) if number >= 0 else None
        usage = {bucket: column[row] for bucket, column in columns.usage.items() if column[row]}
        label = dict(columns.labels[columns.label[row]])
        rows.append((at_us, kind, asked, usage, columns.took_us[row], columns.flags[row], label))
    return rows


def beside(columns: CallColumns) -> tuple[object, ...]:
    own = (columns.files, columns.aggregated, columns.aggregated_usd, columns.free, columns.duplicates)
    return (*own, columns.skipped, columns.rejected, columns.warnings)


def alike(path: Path, **kwargs: Any) -> tuple[CallColumns, list[Call]]:
    slow, fast = read(path, at_once=False, **kwargs), read(path, at_once=True, **kwargs)
    assert told(*fast) == told(*slow)
    assert beside(fast[0]) == beside(slow[0])
    return fast


def log(folder: Path, *records: Json, name: str = "app.jsonl") -> Path:
    return written(folder / name, *(json.dumps(record).encode() + b"\n" for record in records))


def total(columns: CallColumns) -> Decimal:
    found = columns.aggregated_usd
    for row in range(len(columns)):
        price = columns.kinds[columns.kind[row]].price
        if price is not None:
            usage = Usage(**{bucket: column[row] for bucket, column in columns.usage.items()})
            found = EXACT.add(found, cost_usd(usage, price))
    return found


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_reads_alike_and_costs_what_its_bill_says(path: Path) -> None:
    found, _ = alike(path, columns=("tag", "metadata.tag"), ends=ENDS)
    bill = price_logs([path])
    assert total(found) == bill.total.cost_usd
    assert found.duplicates == bill.duplicates
    assert found.free == bill.free


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_records_read_alike(tmp_path: Path, data: st.DataObject) -> None:
    counts = st.integers(0, 300_000)
    names = sorted(name for name in BUILDERS if name != "openai-usage")
    records = []
    for _ in range(data.draw(st.integers(1, 8))):
        _, buckets, build = BUILDERS[data.draw(st.sampled_from(names))]
        records.append(build({bucket: data.draw(counts) for bucket in buckets}))
    path = log(tmp_path, *records, *records[: data.draw(st.integers(0, 3))])
    found, _ = alike(path)
    assert total(found) == price_logs([path]).total.cost_usd


BASE: Mapping[str, Json] = {"model": "gpt-4o", "input_tokens": 1000, "output_tokens": 50}


def at(second: float) -> str:
    return f"2025-10-01T00:00:{second:06.3f}Z"


def test_a_last_line_without_its_newline_does_not_change_places(tmp_path: Path) -> None:
    records = [
        {**BASE, "timestamp": at(n % 60), "input_tokens": n, "tier": ("weird" if n % 7 else "batch")}
        for n in range(3000)
    ]
    path = tmp_path / "app.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records))
    found, _ = alike(path)
    assert total(found) == price_logs([path]).total.cost_usd


def test_an_answer_where_other_lines_have_a_whole_record_is_looked_at(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 1}
    body = {"id": "a", "object": "chat.completion", "created": 1759300000, "model": "gpt-4o", "usage": usage}
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    cut = {**BASE, "timestamp": at(1), "response": {"choices": [{"finish_reason": "length"}]}}
    path = log(tmp_path, {"request": request, "response": body}, cut, {**BASE, "timestamp": at(2)})
    for sizes in (True, False):
        found, _ = alike(path, kept=lambda text, _: "length" not in (text or ""), sizes=sizes)
        assert sorted(flags & KEPT for flags in found.flags) == [0, KEPT, KEPT]


def test_only_the_groups_that_are_asked_for_are_kept(tmp_path: Path) -> None:
    records = [{**BASE, "timestamp": at(n), "user": f"u{n}", "team": "a"} for n in range(9)]
    found, _ = alike(log(tmp_path, *records), groups=("team",))
    assert [found.labels[number] for number in set(found.label)] == [{"team": "a"}]


def test_hashes_of_prompts_stand_for_requests(tmp_path: Path) -> None:
    records = [{**BASE, "timestamp": at(n), "prompt_sha256": f"h{n % 3}", "team": "a"} for n in range(9)]
    found, seen = alike(log(tmp_path, *records))
    assert found.hashed
    assert [call.request for call in seen] == [{"prompt_hash": f"h{n}"} for n in range(3)]
    assert list(found.request) == [0, 1, 2] * 3


def test_hashes_are_shown_together_where_that_is_asked_for(tmp_path: Path) -> None:
    models = ("gpt-4o", "gpt-4o-mini")
    records = [{**BASE, "timestamp": at(n), "prompt_hash": f"h{n // 2 % 3}", "model": models[n % 2]} for n in range(20)]
    asked: list[tuple[str | None, int]] = []

    def see_hashed(call: Call, count: int) -> int:
        asked.append((call.model, count))
        return sum(number for _, number in asked[:-1])

    found, seen = read(log(tmp_path, *records), at_once=True, see_hashed=see_hashed)
    assert not seen
    assert sorted(asked) == [("gpt-4o", 3), ("gpt-4o-mini", 3)]
    names = {(found.kinds[kind].model, number) for kind, number in zip(found.kind, found.request, strict=True)}
    assert len(names) == len(set(found.request)) == 6


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        ({"model": "gpt-4o", "prompt_hash": "abc"}, {"usage": {"prompt_tokens": 9, "completion_tokens": 1}}),
        (
            {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]},
            {"usage": {"input_tokens": 9, "output_tokens": 1}},
        ),
        (
            {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]},
            {"object": "chat.completion", "id": "x", "usage": {"prompt_tokens": 9, "completion_tokens": 1}},
        ),
    ],
)
def test_a_line_holds_the_request_beside_the_response(tmp_path: Path, request_: Json, response: Json) -> None:
    found, seen = alike(log(tmp_path, {"timestamp": at(1.25), "request": request_, "response": response}))
    assert found.at_us[0] == 1759276801250000
    assert found.kinds[found.kind[0]].price is not None
    assert seen[0].model == "gpt-4o"
    assert total(found) > 0


def test_calls_without_a_time_come_last_in_the_order_of_the_log(tmp_path: Path) -> None:
    records = [{**BASE, "prompt": f"p{n}", **({} if n % 2 else {"timestamp": at(30 - n)})} for n in range(6)]
    found, seen = alike(log(tmp_path, *records))
    assert [(seen[number].request or {})["prompt"] for number in found.request] == ["p4", "p2", "p0", "p1", "p3", "p5"]
    assert list(found.at_us[3:]) == [NO_TIME] * 3
    assert list(found.flags) == [KEPT] * 3 + [KEPT | UNTIMED] * 3


def test_calls_of_one_instant_keep_the_order_of_the_log(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        log(tmp_path, *({**BASE, "timestamp": at(1), "prompt": f"{name}{n}"} for n in range(3)), name=name)
    found, seen = alike(tmp_path)
    texts = [(seen[number].request or {})["prompt"] for number in found.request]
    assert texts == [f"{name}{n}" for name in ("a.jsonl", "b.jsonl") for n in range(3)]


@pytest.mark.parametrize("ending", ["\n", "\n\n", "\n \n\n"])
def test_calls_that_are_read_one_by_one_keep_their_place(tmp_path: Path, ending: str) -> None:
    """Blank lines count where a line is named, not where duckdb counts."""
    records = [{**BASE, "prompt": f"p{n}"} for n in range(20)]
    for n in (3, 7, 12):
        records[n] = {"model": "gpt-4o", "prompt": f"p{n}"}
    path = written(tmp_path / "app.jsonl", *((json.dumps(record) + ending).encode() for record in records))
    found, seen = alike(path)
    assert [(seen[number].request or {})["prompt"] for number in found.request] == [f"p{n}" for n in range(20)]


@pytest.mark.parametrize("more", ["", "\nmore", "\n\nmore\n"])
def test_rows_of_several_lines_keep_their_place(tmp_path: Path, more: str) -> None:
    rows = [f'gpt-4o,{n},3,"p{n}{more}",{"weird" if n % 4 == 3 else ""}\n' for n in range(20)]
    rows[5] = rows[9] = 'gpt-4o,,,"p",\n'
    path = written(
        tmp_path / "app.csv", *(row.encode() for row in ("model,input_tokens,output_tokens,prompt,tier\n", *rows))
    )
    found, seen = alike(path)
    texts = [(seen[number].request or {})["prompt"] for number in found.request]
    assert len(texts) == 15
    assert [n for n, text in enumerate(texts) if text == "p"] == [4, 7]
    assert total(found) == price_logs([path]).total.cost_usd


def test_what_another_record_of_its_shape_lacks_does_not_hide_a_model(tmp_path: Path) -> None:
    counts = {"model": None, "input_tokens": 1000, "output_tokens": 50}
    request = json.dumps({"model": "gpt-4o", "prompt": "z"})
    path = log(tmp_path, BASE, {**counts, "request": "s"}, {**counts, "request": request})
    found, _ = alike(path)
    assert len(found) == 2
    assert total(found) == 2 * total(read(log(tmp_path, BASE, name="b.jsonl"), at_once=True)[0])


def test_records_that_are_logged_twice_are_one_call(tmp_path: Path) -> None:
    once = [{**BASE, "request_id": f"r{n}", "timestamp": at(n), "prompt": "p"} for n in range(4)]
    found, _ = alike(log(tmp_path, *once, *once[:2], {**once[2], "input_tokens": 7}))
    assert (len(found), found.duplicates) == (5, 2)
    kept, _ = alike(tmp_path / "app.jsonl", dedupe="none")
    assert (len(kept), kept.duplicates) == (7, 0)


def test_requests_in_columns_take_their_settings_along(tmp_path: Path) -> None:
    prompts: list[Json] = ["a", [{"role": "user", "content": "b"}], '["c"]']
    records = [{**BASE, "timestamp": at(n), "prompt": prompt, "temperature": 0.5} for n, prompt in enumerate(prompts)]
    _, seen = alike(log(tmp_path, *records))
    assert [call.request for call in seen] == [
        {"model": "gpt-4o", "temperature": 0.5, "prompt": prompt} for prompt in prompts
    ]


def test_tables_read_alike(tmp_path: Path) -> None:
    rows = [f"{at(n)},gpt-4o,{n * 100},{n},h{n % 2},team-{n % 2},0.{n}" for n in range(1, 9)]
    text = "\n".join(["timestamp,model,input_tokens,output_tokens,prompt,team,latency_s", *rows]) + "\n"
    found, seen = alike(written(tmp_path / "app.csv", text.encode()))
    assert len(found) == 8
    assert len(seen) == 2
    assert found.took_us[2] == 300_000
    hashed, _ = alike(tmp_path / "app.csv", mapping={"prompt": "prompt_hash"}, columns=("latency_s",))
    assert hashed.labels[hashed.label[0]] == {"team": "team-1", "latency_s": "0.1"}


@pytest.mark.parametrize("sizes", [True, False])
def test_a_log_of_long_lines_is_read_at_once(tmp_path: Path, sizes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stops the statement is read one by one without a word; nothing may stop it here."""
    slowly: list[object] = []
    monkeypatch.setattr(Reader, "read_all", lambda _, source: slowly.append(source))
    records = [{**BASE, "timestamp": at(n), "prompt": f"p{n} " + "word " * 200} for n in range(9)]
    found, _ = read(log(tmp_path, *records), at_once=True, sizes=sizes)
    assert (len(found), slowly) == (9, [])


def test_odd_records_are_read_one_by_one(tmp_path: Path) -> None:
    good = [{**BASE, "timestamp": at(n), "prompt": "p"} for n in range(3)]
    records = [good[0], {**BASE, "input_tokens": "many"}, good[1], {"no": "log"}, {**good[2], "requests": 5}]
    found, _ = alike(log(tmp_path, *records))
    assert (len(found), found.aggregated) == (2, 1)
    assert found.aggregated_usd == Decimal("0.003")
    assert sum(item.count for item in found.rejected) == 2


def test_a_period_leaves_the_others_out(tmp_path: Path) -> None:
    path = log(tmp_path, *({**BASE, "timestamp": at(n), "prompt": "p"} for n in range(6)))
    found, _ = alike(
        path, since=datetime(2025, 10, 1, 0, 0, 2, tzinfo=UTC), until=datetime(2025, 10, 1, 0, 0, 4, tzinfo=UTC)
    )
    assert (len(found), found.skipped) == (2, 4)


def test_whoever_looks_may_ask_by_label(tmp_path: Path) -> None:
    records = [{**BASE, "timestamp": at(n), "prompt": "p", "team": "ab"[n % 2]} for n in range(4)]
    path = log(tmp_path, *records)
    assert [len(alike(path, by_label=by_label)[1]) for by_label in (False, True)] == [1, 2]


def test_answers_that_a_cache_would_not_keep_say_so(tmp_path: Path) -> None:
    records = [
        {**BASE, "timestamp": at(1), "prompt": "p", "response": "whole", "finish_reason": "stop"},
        {**BASE, "timestamp": at(2), "prompt": "p", "response": "cut", "finish_reason": "length"},
    ]

    def kept(response: str | None, ends: Mapping[str, str]) -> bool:
        return ends.get("finish_reason") != "length"

    found, _ = alike(log(tmp_path, *records), ends=ENDS, kept=kept)
    assert list(found.flags) == [KEPT, 0]
    assert list(found.answer_bytes) == [405, 403]
    assert not found.sizes_estimated


def test_an_empty_log_and_an_unknown_format_are_errors(tmp_path: Path) -> None:
    path = log(tmp_path, {"no": "log"})
    for at_once in (True, False):
        with pytest.raises(InputError, match="no known format"):
            read(path, at_once=at_once)
        with pytest.raises(UsageError, match="no such input format"):
            read(path, at_once=at_once, input_format="paper")


def test_no_log_and_a_log_without_records_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no log is named") as none:
        read_columns([], lambda _: 0)
    assert "name files" in str(none.value.hint)
    with pytest.raises(InputError, match=r"app\.jsonl: no record in it") as empty:
        read_columns(log(tmp_path), lambda _: 0)
    assert empty.value.hint == "is it a request log? See docs/cost.md"
