"""From a log to a projection, on logs small enough to work out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt.cost.api import price_logs
from llmopt.cost.read_columns import read_columns
from llmopt.errors import ConfigError, InputError, UsageError
from llmopt.savings.project import api
from llmopt.savings.project.api import project, project_all
from llmopt.savings.project.plan import (
    BatchLever,
    CacheLever,
    OwnCost,
    Plan,
    PromptCacheLever,
    SwapLever,
)
from llmopt.savings.project.result import Check, Lever, Projection

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
SWAP = SwapLever((("acme-large", "acme-small"),))
EACH = Decimal("0.012")
"""Dollars of a call of `line`: 1,000 tokens in, 100 out."""


def acme(folder: Path, small: str = "5") -> Path:
    """Write prices: large and other $10 and $20 a million tokens, small half of it; large has a batch tier."""

    def row(uncached: str, output: str, tier: str = "default") -> Any:
        rates = {"input_uncached": uncached, "output_text": output}
        return {"tier": tier, "from": "2025-01-01", "usd_per_mtok": rates, "bands": [], "source": "https://example.com"}

    models = {
        "acme-large": [row("10", "20"), row("5", "10", "batch")],
        "acme-other": [row("10", "20")],
        "acme-small": [row(small, "10")],
    }
    path = folder / f"acme-{small}.json"
    shape = {
        "schema": 1,
        "provider": "openai",
        "checked": "2026-11-22",
        "models": {name: {"aliases": [], "rows": rows} for name, rows in models.items()},
    }
    path.write_text(json.dumps(shape), encoding="utf-8")
    return path


def line(at_s: float | None, text: str = "Where is my parcel?", model: str = "acme-large", **columns: Any) -> Any:
    """Return the line of a call, so many seconds after the start."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    choices = [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Tomorrow."}}]
    found = {
        "request": {"model": model, "temperature": 0, "messages": [{"role": "user", "content": text}]},
        "response": {"object": "chat.completion", "model": model, "choices": choices, "usage": usage},
        **columns,
    }
    return found if at_s is None else {**found, "timestamp": (START + timedelta(seconds=at_s)).isoformat()}


def written(folder: Path, *lines: Any) -> Path:
    path = folder / "app.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Ten calls that ask the same of the large model, ten that differ of another one."""
    same = [line(second) for second in range(10)]
    return written(tmp_path, *same, *(line(second, f"No. {second}", "acme-other") for second in range(10, 20)))


@pytest.fixture
def prices(tmp_path: Path) -> tuple[Path, ...]:
    return (acme(tmp_path),)


def lever(found: Projection, name: str) -> Lever:
    return next(one for one in found.replay.levers if one.name == name)


def check(found: Projection, name: str) -> Check:
    return next(one for one in found.checklist if one.name == name)


def test_levers_that_share_calls_share_what_they_save(log: Path, prices: tuple[Path, ...]) -> None:
    found = project(log, Plan(cache=CacheLever(), swap=SWAP), prices=prices)
    assert found.replay.baseline_usd == 20 * EACH == price_logs(log, prices=prices).total.cost_usd
    assert found.replay.optimized_usd == 10 * EACH + EACH / 2
    assert found.replay.savings_ratio == Decimal("0.475")
    cache, swap = found.replay.levers
    assert (cache.name, cache.alone_usd, cache.last_in_usd) == ("cache", 9 * EACH, 9 * EACH / 2)
    assert (swap.name, swap.alone_usd, swap.last_in_usd) == ("swap", 10 * EACH / 2, EACH / 2)
    assert cache.saved_usd == (cache.alone_usd + cache.last_in_usd) / 2
    assert swap.saved_usd == (swap.alone_usd + swap.last_in_usd) / 2
    assert (cache.calls, swap.calls) == (9, 1)
    assert found.replay.hurts == ()


def test_the_brochure_stands_beside_the_replay(log: Path, prices: tuple[Path, ...]) -> None:
    found = project(log, Plan(cache=CacheLever(), swap=SWAP), prices=prices)
    assert found.brochure.optimized_usd == 20 * EACH * Decimal("0.55") * Decimal("0.75")
    assert found.brochure.gap_usd == found.replay.optimized_usd - found.brochure.optimized_usd
    assert found.brochure.gap_usd > 0


def test_own_costs_are_taken_off(log: Path, prices: tuple[Path, ...]) -> None:
    own = OwnCost(usd_per_call=Decimal("0.001"))
    found = project(log, Plan(cache=CacheLever(own=own)), prices=prices)
    assert lever(found, "cache").own_usd == Decimal("0.02")
    assert lever(found, "cache").saved_usd == 9 * EACH - Decimal("0.02")
    assert found.replay.savings_usd == lever(found, "cache").saved_usd


def test_a_call_whose_time_is_wrong_makes_no_half_century(tmp_path: Path, prices: tuple[Path, ...]) -> None:
    calls = [line(hour * 3600.0, f"No. {hour}") for hour in range(96)]
    plan = Plan(cache=CacheLever(own=OwnCost(usd_per_month=Decimal(720))))
    right = project(written(tmp_path, *calls), plan, prices=prices)
    assert lever(right, "cache").own_usd == 95
    assert not any("days away" in text for text in right.warnings)
    for stray in ({**line(0.0, "?"), "timestamp": 0}, line(9e9, "?")):
        found = project(written(tmp_path, stray, *calls), plan, prices=prices)
        assert (found.first, found.last) == (START, START + timedelta(hours=95))
        assert (found.replay.calls, found.replay.baseline_usd) == (97, right.replay.baseline_usd + EACH)
        assert lever(found, "cache").own_usd == 95
        assert found.monthly == right.monthly
        (warning,) = (text for text in found.warnings if "days away" in text)
        assert warning.startswith("1 call is more than 31 days away from the others: ")


def test_a_log_without_a_plan_has_a_checklist(log: Path, prices: tuple[Path, ...]) -> None:
    found = project(log, prices=prices)
    assert found.replay.savings_usd == 0
    assert found.replay.levers == ()
    assert check(found, "cache") == Check("cache", on=False, potential_usd=9 * EACH, say="--ttl 24h")
    assert check(found, "batch").potential_usd == 10 * EACH / 2
    assert check(found, "swap").potential_usd is None
    assert [one.on for one in found.checklist] == [False] * 7


def test_too_many_prompts_are_not_put_to_the_providers_cache_unasked(
    log: Path, prices: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check(project(log, prices=prices), "prompt_cache").potential_usd == 0
    monkeypatch.setattr(api, "MOST_PROMPTS", 9)
    found, other = project_all(log, [Plan(), Plan(prompt_cache=PromptCacheLever())], prices=prices)
    assert check(found, "prompt_cache").potential_usd is None
    assert "unasked" in check(found, "prompt_cache").say
    assert check(other, "prompt_cache") == Check("prompt_cache", on=True, potential_usd=Decimal(0), say="")


def test_the_checklist_says_what_a_lever_that_is_on_is_worth(log: Path, prices: tuple[Path, ...]) -> None:
    found = project(log, Plan(cache=CacheLever(), swap=SWAP), prices=prices)
    assert check(found, "cache") == Check("cache", on=True, potential_usd=lever(found, "cache").saved_usd, say="")
    assert not check(found, "batch").on


def test_plans_side_by_side_are_what_each_is_alone(
    log: Path, prices: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = [
        Plan("one", cache=CacheLever(ttl_s=5)),
        Plan("two", swap=SWAP, batch=BatchLever(tags=(("team", "etl"),))),
        Plan("three", cache=CacheLever(tenant="user"), prompt_cache=PromptCacheLever()),
    ]
    alone = [project(log, plan, prices=prices) for plan in plans]
    readings: list[object] = []

    def counted(*args: Any, **options: Any) -> Any:
        readings.append(args)
        return read_columns(*args, **options)

    monkeypatch.setattr(api, "read_columns", counted)
    assert project_all(log, plans, prices=prices) == tuple(alone)
    assert len(readings) == 1


def test_plans_with_prices_of_their_own_are_read_apart(log: Path, tmp_path: Path, prices: tuple[Path, ...]) -> None:
    dear = Plan("dear", swap=SWAP, prices=(acme(tmp_path, small="9"),))
    cheap = Plan("cheap", swap=SWAP, prices=prices)
    found = project_all(log, [cheap, dear, replace(cheap, name="again")])
    assert [one.name for one in found] == ["cheap", "dear", "again"]
    assert found[0].replay == found[2].replay
    assert found[1].replay.savings_usd == 10 * (EACH - Decimal("0.01"))


def test_a_plan_may_be_a_file_or_a_mapping(log: Path, tmp_path: Path, prices: tuple[Path, ...]) -> None:
    path = tmp_path / "cached.toml"
    path.write_text('[cache]\nttl = "24h"\n', encoding="utf-8")
    by_file, by_mapping = (project(log, plan, prices=prices) for plan in (path, {"cache": {"ttl": "24h"}}))
    assert by_file.name == "cached"
    assert by_file.replay == by_mapping.replay
    assert by_file.replay.savings_usd == 9 * EACH
    with pytest.raises(UsageError, match="a plan is a Plan, a path or a mapping, not int"):
        project(log, 24)  # type: ignore[arg-type]


def test_without_times_caches_see_nothing_and_the_rest_works(tmp_path: Path, prices: tuple[Path, ...]) -> None:
    log = written(tmp_path, *(line(None) for _ in range(4)))
    found = project(log, Plan(cache=CacheLever(), swap=SWAP), prices=prices)
    assert lever(found, "cache").saved_usd == 0
    assert lever(found, "cache").unseen == 4
    assert found.replay.savings_usd == 2 * EACH
    assert (found.first, found.last, found.monthly, found.days) == (None, None, None, ())
    assert found.monthly_note
    assert any("no call has a time" in warning for warning in found.warnings)


def test_without_prompts_caches_see_nothing_and_the_rest_works(tmp_path: Path, prices: tuple[Path, ...]) -> None:
    row = {"model": "acme-large", "input_tokens": 1000, "output_tokens": 100}
    log = written(tmp_path, *({**row, "timestamp": f"2026-03-0{day}T08:00:00Z"} for day in (2, 3, 4)))
    found = project(log, Plan(cache=CacheLever(), swap=SWAP), prices=prices)
    assert lever(found, "cache").unseen == 3
    assert found.replay.savings_usd == 3 * EACH / 2
    assert check(found, "compression").potential_usd is None
    assert check(found, "compression").say == "needs calls with their prompts"
    short = project(written(tmp_path, {**row, "model": "gpt-4o"}), Plan(prompt_cache=PromptCacheLever()))
    assert (lever(short, "prompt_cache").unseen, lever(short, "prompt_cache").notes) == (1, ())
    assert any("no call has its prompt" in warning for warning in found.warnings)


def test_hashes_are_enough_for_a_cache(tmp_path: Path, prices: tuple[Path, ...]) -> None:
    row = {"model": "acme-large", "input_tokens": 1000, "output_tokens": 100}
    hashes = ["ab", "cd", "ab", "ab"]
    log = written(
        tmp_path,
        *({**row, "prompt_hash": text, "timestamp": f"2026-03-02T0{hour}:00:00Z"} for hour, text in enumerate(hashes)),
    )
    plans = [Plan(cache=CacheLever()), Plan(cache=CacheLever(ttl_s=7200)), Plan(prompt_cache=PromptCacheLever())]
    long, short, prefix = project_all(log, plans, prices=prices)
    assert (long.replay.savings_usd, short.replay.savings_usd) == (2 * EACH, EACH)
    assert prefix.replay.savings_usd == 0
    assert lever(prefix, "prompt_cache").unseen == 4
    assert any("hashes only" in warning for warning in long.warnings)


def test_one_day_is_no_month(log: Path, prices: tuple[Path, ...]) -> None:
    found = project(log, Plan(swap=SWAP), prices=prices)
    assert found.monthly is None
    assert found.monthly_note
    assert [day for day, _, _ in found.days] == [START.date()]
    assert found.days[0][1:] == (20 * EACH, 15 * EACH)


def test_a_cache_that_sees_nothing_has_no_days_in_which_it_fills(tmp_path: Path) -> None:
    days = [{**line(3600 * hour), "request": None} for hour in range(24 * 12)]
    alike = project(written(tmp_path, *days), {"cache": "48h"}).monthly
    assert alike is not None
    assert alike.days == 11
    assert not [note for note in alike.notes if "filling" in note]
    seen = project(written(tmp_path, *(line(3600 * hour) for hour in range(24 * 12))), {"cache": "48h"}).monthly
    assert seen is not None
    assert [note for note in seen.notes if "filling" in note]


def test_what_is_estimated_makes_the_interval_of_the_month_longer(tmp_path: Path) -> None:
    days = [line(3600 * hour, f"No. {hour}", "gpt-4o") for hour in range(24 * 8)]
    plan = Plan(swap=SwapLever((("gpt-4o", "claude-haiku-4-5"),)))
    found = project(written(tmp_path, *days), plan)
    assert found.monthly is not None
    assert found.replay.high_usd is not None
    dearer = (found.replay.high_usd - found.replay.optimized_usd) / found.replay.baseline_usd
    assert dearer > Decimal("0.01")
    # days that are all alike leave nothing else open
    less = found.monthly.savings_usd - found.monthly.low
    assert less == pytest.approx(dearer * found.monthly.baseline_usd, abs=Decimal("0.0001"))


def test_a_cache_may_cost_what_it_saves_beside_the_others(tmp_path: Path, prices: tuple[Path, ...]) -> None:
    log = written(tmp_path, line(0), line(3600), line(7200))
    found = project(log, Plan(cache=CacheLever(), swap=SWAP), prices=prices)
    assert found.break_even is not None
    assert found.break_even.least_usd_per_month == EACH * 360  # two hits at half price in 2 of 720 hours
    assert found.break_even.recommended_ttl_s == 21_600


def test_calls_without_a_price_are_left_out_by_name(tmp_path: Path, prices: tuple[Path, ...]) -> None:
    log = written(tmp_path, line(0), line(1, model="nobody-9"), line(2, model="nobody-9"))
    found = project(log, Plan(swap=SWAP), prices=prices)
    assert found.replay.calls == 3
    (left,) = found.left_out
    assert (left.reason, left.records, left.cost_usd) == ("without a price: unknown model", 2, None)


def test_an_empty_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"app\.jsonl"):
        project(written(tmp_path), Plan(cache=CacheLever()))


def test_a_model_without_a_price_is_refused(log: Path, prices: tuple[Path, ...]) -> None:
    with pytest.raises(ConfigError, match="nobody-9"):
        project(log, Plan(swap=SwapLever((("acme-large", "nobody-9"),))), prices=prices)


def test_a_plan_and_its_seed_are_in_what_it_gives(log: Path, prices: tuple[Path, ...]) -> None:
    plan = Plan("night", seed=7, min_savings=Decimal("0.2"))
    found = project(log, plan, prices=prices)
    assert found.plan == plan
    assert (found.name, found.seed, found.min_savings) == ("night", 7, Decimal("0.2"))
    assert found.files == (str(log),)
