"""A log replayed through caches: what hits, what it saves, and what nobody can say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmopt.cost.api import price_logs
from llmopt.errors import InputError, UsageError
from llmopt.savings.caching import CacheSimulation, simulate
from tests.conftest import ROOT
from tests.savings.logs import asked, record, written

ONE = Decimal("0.0038")
"""1,200 tokens in at $2.50 and 80 out at $10.00 a million."""
DAY = 86_400
SAMPLE = ROOT / "samples" / "caching"


def run(path: Path, *, ttl_s: float = DAY, size: int | None = None, **kwargs: Any) -> CacheSimulation:
    return simulate(path, ttls_s=(ttl_s,), sizes_bytes=(size,), **kwargs)


def hits(found: CacheSimulation) -> list[int]:
    return [setting.hits for setting in found.settings]


def test_a_hit_saves_the_whole_of_its_own_call(tmp_path: Path) -> None:
    found = run(written(tmp_path, record(0), record(60, tokens=180), record(120, asked("Another?"))))
    assert (found.requests, found.simulated, found.distinct) == (3, 3, 2)
    assert found.cost_usd == found.simulated_usd == 3 * ONE + Decimal("0.001")
    (setting,) = found.settings
    assert (setting.hits, setting.saved_usd) == (1, ONE + Decimal("0.001"))
    assert setting.hit_rate(found.decided) == pytest.approx(1 / 3)


def test_time_to_live_and_size_are_each_tried(tmp_path: Path) -> None:
    path = written(tmp_path, record(0), record(1, asked("b")), record(3000), record(9000), record(90_000))
    found = simulate(path, ttls_s=(3600, DAY, 7 * DAY), sizes_bytes=(None, 300, 10))
    assert [(each.ttl_s, each.size_bytes) for each in found.settings[:4]] == [
        (3600, None),
        (DAY, None),
        (7 * DAY, None),
        (3600, 300),
    ]
    assert hits(found) == [1, 2, 3, 0, 1, 2, 0, 0, 0]
    assert found.settings[0].peak_bytes > 300
    assert found.settings[5].evicted == 2
    assert found.settings[8].too_large == 5


def test_a_period_is_a_log_of_its_own(tmp_path: Path) -> None:
    untimed = record(7)
    del untimed["response"]["created"]
    path = written(tmp_path, record(0), record(60), record(120), record(180, asked("b")), untimed)
    begin = datetime(2026, 3, 2, 8, 1)  # noqa: DTZ001  # UTC where nothing else is said
    found = run(path, since=begin, until=begin.replace(minute=3, tzinfo=UTC))
    assert (found.requests, found.skipped, hits(found), found.cost_usd) == (2, 3, [1], 2 * ONE)
    bill = price_logs([path], since=begin, until=begin.replace(minute=3))
    assert (bill.total.cost_usd, bill.skipped) == (found.cost_usd, found.skipped)


def test_the_log_may_be_longer_than_what_is_simulated(tmp_path: Path) -> None:
    untimed = record(7)
    del untimed["response"]["created"]
    found = run(written(tmp_path, record(90, asked(temperature=1)), record(60), untimed, record(0, asked(seed=-1))))
    assert [stamp.minute * 60 + stamp.second for stamp in (found.first, found.last) if stamp] == [0, 90]
    nothing = run(written(tmp_path, untimed))
    assert (nothing.first, nothing.last) == (None, None)


def test_tenants_never_share(tmp_path: Path) -> None:
    records = [record(0, team="a"), record(1, team="b"), record(2), record(3, team="a"), record(4)]
    apart = run(written(tmp_path, *records))
    assert hits(apart) == [2]
    assert {part.name: part.settings[0].hits for part in apart.tenants} == {"a": 1, None: 1, "b": 0}
    assert hits(run(written(tmp_path, *records), tenant="")) == [4]
    assert hits(run(written(tmp_path, *records), tenant="user")) == [4]


def test_a_tenant_may_be_any_column(tmp_path: Path) -> None:
    records = [record(n, meta={"shop": shop}) for n, shop in enumerate("aab")]
    found = run(written(tmp_path, *records), tenant="meta.shop")
    assert [(part.name, part.settings[0].hits) for part in found.tenants] == [("a", 1), ("b", 0)]


def test_parts_add_up(tmp_path: Path) -> None:
    found = simulate(SAMPLE)
    for parts in (found.tenants, found.models):
        assert sum(part.simulated for part in parts) == found.simulated
        assert sum(part.simulated_usd for part in parts) == found.simulated_usd
        for place, setting in enumerate(found.settings):
            assert sum(part.settings[place].hits for part in parts) == setting.hits
            assert sum(part.settings[place].saved_usd for part in parts) == setting.saved_usd
            assert sum(part.settings[place].shared for part in parts) == setting.shared


def reasons(found: CacheSimulation) -> dict[str, int]:
    return {part.reason: part.requests for part in found.left_out}


def test_what_cannot_be_replayed_is_neither_hit_nor_miss(tmp_path: Path) -> None:
    untimed = record(5)
    del untimed["response"]["created"]
    bare = record(6)
    del bare["request"]
    parts = {**record(7), "messages": asked()["messages"]}
    del parts["request"]
    found = run(
        written(
            tmp_path,
            *(record(n, asked(temperature=0.7)) for n in (0, 1)),
            record(2, asked(temperature=None)),
            record(3, asked(tools=[{"type": "web_search"}])),
            untimed,
            bare,
            parts,
            record(8),
            record(9),
        )
    )
    assert reasons(found) == {
        "samples (neither temperature 0 nor a seed)": 3,
        "reads more than its own body (a stored conversation, the web)": 1,
        "no prompt in the record": 1,
        "no time in the record": 1,
        "settings not logged (temperature, seed)": 1,
    }
    assert (found.requests, found.simulated, found.decided, hits(found)) == (9, 2, 6, [1])
    sampling = found.left_out[0]
    assert (sampling.cost_usd, sampling.known, sampling.unpriced) == (3 * ONE, True, 0)
    assert sampling.first.endswith("app.jsonl:1")


def test_a_seed_makes_a_request_deterministic_and_nested_settings_count(tmp_path: Path) -> None:
    seeded = asked(temperature=0.7, seed=3)
    gemini = {"contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": {"temperature": 0}}
    found = run(written(tmp_path, record(0, seeded), record(1, seeded), record(2, gemini), record(3, gemini)))
    assert (found.simulated, hits(found)) == (4, [2])


def test_sampling_requests_are_replayed_where_that_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, *(record(n, asked(temperature=0.7)) for n in (0, 1)))
    assert hits(run(path, cache_sampled=True)) == [1]
    assert not run(path, cache_sampled=True).left_out


def test_parts_of_a_request_count_as_one_and_are_counted(tmp_path: Path) -> None:
    def row(at_s: int, temperature: float) -> Any:
        return {**record(at_s), "request": None, "messages": asked()["messages"], "temperature": temperature}

    found = run(written(tmp_path, row(0, 0), row(1, 0)))
    assert (found.simulated, found.settings_assumed, hits(found)) == (2, 2, [1])
    assert reasons(run(written(tmp_path, row(0, 0.5)))) == {"samples (neither temperature 0 nor a seed)": 1}


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_an_answer_that_no_cache_keeps_is_no_source_of_hits(tmp_path: Path, finish: str) -> None:
    found = run(written(tmp_path, record(0, finish=finish), record(1), record(2)))
    assert (found.not_kept, hits(found)) == (1, [1])


def test_text_answers_may_say_in_a_column_that_they_are_cut(tmp_path: Path) -> None:
    def row(at_s: int, reason: str) -> Any:
        own = {"timestamp": 1_772_438_400 + at_s, "model": "gpt-4o", "prompt": "Hi", "temperature": 0}
        return {**own, "response": "Hello", "finish_reason": reason}

    found = run(written(tmp_path, row(0, "length"), row(1, "stop"), row(2, "stop")))
    assert (found.not_kept, hits(found)) == (1, [1])
    assert found.settings[0].peak_bytes == 405


def test_an_answer_that_happens_to_be_json_is_kept(tmp_path: Path) -> None:
    own = {"model": "gpt-4o", "prompt": "Hi", "temperature": 0, "response": '{"label": "refund", "reason": null}'}
    found = run(written(tmp_path, *({**own, "timestamp": 1_772_438_400 + n} for n in range(2))))
    assert (found.not_kept, hits(found)) == (0, [1])


def test_a_request_that_comes_while_the_first_is_answered_is_shared(tmp_path: Path) -> None:
    found = run(written(tmp_path, record(0, latency_s=5), record(3, latency_s=5), record(6)))
    (setting,) = found.settings
    assert (setting.hits, setting.shared, setting.shared_usd) == (1, 1, ONE)
    assert found.latency_known == 2


def test_unpriced_hits_are_hits_that_save_nobody_knows_what(tmp_path: Path) -> None:
    found = run(written(tmp_path, *(record(n, answered_by="gpt-nobody") for n in range(3))))
    (setting,) = found.settings
    assert (setting.hits, setting.unpriced_hits, setting.saved_usd) == (2, 2, Decimal(0))
    assert (found.unpriced, found.cost_usd) == (3, Decimal(0))


def test_sizes_of_answers_that_are_not_logged_are_estimated(tmp_path: Path) -> None:
    own = {"model": "gpt-4o", "prompt": "Hi", "temperature": 0, "input_tokens": 10, "output_tokens": 50}
    found = run(written(tmp_path, *({**own, "timestamp": 1_772_438_400 + n} for n in range(2))))
    assert (found.size_estimated, found.settings[0].peak_bytes, hits(found)) == (2, 600, [1])


def test_two_models_and_two_providers_are_two_requests(tmp_path: Path) -> None:
    path = written(tmp_path, record(0), record(1, asked(model="gpt-4o-mini"), answered_by="gpt-4o-mini"), record(2))
    found = run(path)
    assert (found.distinct, hits(found)) == (2, [1])
    assert [(part.name, part.settings[0].hits) for part in found.models] == [("gpt-4o", 1), ("gpt-4o-mini", 0)]


def test_failed_requests_and_repeated_records_are_no_calls(tmp_path: Path) -> None:
    failed = {"request": asked(), "error": {"message": "overloaded", "type": "server_error"}, "status": "error"}
    found = run(written(tmp_path, record(0), record(0), failed))
    assert (found.requests, found.duplicates, found.free) == (1, 1, 1)


def test_a_log_of_which_nothing_can_be_replayed_is_told_so(tmp_path: Path) -> None:
    found = simulate(ROOT / "samples" / "generic.csv")
    assert (found.simulated, found.start, found.end) == (0, None, None)
    assert found.requests == 6
    assert {part.reason for part in found.left_out} == {"no prompt in the record"}
    assert hits(found) == [0, 0, 0]


@pytest.mark.parametrize(
    "name", [path.name for path in sorted((ROOT / "samples").iterdir()) if path.name not in ("prompts", "wordy")]
)
def test_every_sample_is_accounted_for(name: str) -> None:
    path = ROOT / "samples" / name
    found = simulate(path)
    assert found.requests == found.simulated + sum(part.requests for part in found.left_out)
    assert found.cost_usd == found.simulated_usd + sum(part.cost_usd for part in found.left_out)
    if not found.aggregated:
        assert found.cost_usd == price_logs([path]).total.cost_usd


def test_the_sample_log_has_something_of_everything() -> None:
    found = simulate(SAMPLE)
    assert hits(found) == sorted(hits(found))
    assert hits(found)[0] > 0
    assert {part.name for part in found.tenants} == {"care", "press", "shop"}
    assert found.not_kept
    assert found.settings[0].shared
    assert found.free
    assert found.left_out


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from("abc"), st.sampled_from(["x", "y", None]), st.booleans()),
        min_size=1,
        max_size=25,
    )
)
def test_an_endless_cache_hits_every_repeat_and_no_more(tmp_path: Path, calls: list[Any]) -> None:
    now, records, expected, seen = 0, [], 0, set()
    for gap, text, team, cold in calls:
        now += gap + 1
        request = asked(text, temperature=0 if cold else 0.5)
        records.append(record(now, request, **({"team": team} if team else {})))
        expected += cold and (text, team) in seen
        seen |= {(text, team)} if cold else set()
    found = run(written(tmp_path, *records), ttl_s=10 * DAY)
    assert hits(found) == [expected]
    assert found.simulated == sum(cold for *_, cold in calls)
    assert found.settings[0].saved_usd == expected * ONE


@pytest.mark.parametrize("ttl_s", [0.0, -1.0, float("nan"), float("inf"), 1e12])
def test_a_time_to_live_is_a_number_of_seconds(ttl_s: float) -> None:
    with pytest.raises(UsageError, match="time to live"):
        simulate(SAMPLE, ttls_s=(ttl_s,))


def test_a_size_is_above_nothing_and_there_is_at_least_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds nothing"):
        simulate(SAMPLE, sizes_bytes=(0,))
    with pytest.raises(UsageError, match="at least one"):
        simulate(SAMPLE, sizes_bytes=())
    with pytest.raises(InputError):
        simulate(written(tmp_path, name="empty.jsonl"))


def test_the_same_log_in_another_order_is_the_same(tmp_path: Path) -> None:
    lines = [line for line in (SAMPLE / "support.jsonl").read_text(encoding="utf-8").splitlines() if line]
    shuffled = tmp_path / "support.jsonl"
    shuffled.write_text("\n".join(lines[1::2] + lines[::2]) + "\n", encoding="utf-8")
    one, other = simulate(SAMPLE), simulate(shuffled)
    assert (one.settings, one.tenants, one.models) == (other.settings, other.tenants, other.models)
    assert json.loads(lines[0])["score"] is not None
