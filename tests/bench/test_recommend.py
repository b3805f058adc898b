"""The recommendation: what carries the most within a bound, or the smallest that is fast enough."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from llmopt.bench.arrivals import Workload
from llmopt.bench.curve import fit
from llmopt.bench.recommend import Unmet, queue, ready, recommend, to_toml
from llmopt.bench.result import Recommendation
from llmopt.bench.search import Trial, largest_rate, p99
from llmopt.errors import InputError, UsageError
from llmopt.serving.batching import AdaptiveBatcher
from llmopt.serving.batching.settings import BatchSettings
from llmopt.serving.batching.toml import read_config
from tests.bench.swept import out_of_memory, points, slow

POINTS = points(noise=0.02)
CURVE = fit(POINTS)
EQUAL = Workload((64,))
MIXED = Workload(tuple(np.random.default_rng(0).integers(8, 128, 300).tolist()), rate_per_s=20.0)
TUTORIAL = BatchSettings(32, 0.05)


@pytest.fixture(autouse=True)
def shorter_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate fewer requests: what is asserted here needs no p99 to a percent."""
    monkeypatch.setattr("llmopt.bench.recommend._EQUAL", (2_000, 10_000, 40_000))
    monkeypatch.setattr("llmopt.bench.recommend._MIXED", (400, 1_000, 4_000))


@cache
def best(slo_p99_s: float | None, workload: Workload = EQUAL, **more: object) -> Recommendation:
    """Recommend once for all tests that ask the same."""
    return made(slo_p99_s, workload, **more)


def made(slo_p99_s: float | None, workload: Workload = EQUAL, **more: object) -> Recommendation:
    found = recommend(POINTS, CURVE, workload, slo_p99_s=slo_p99_s, **more)  # type: ignore[arg-type]
    assert isinstance(found, Recommendation)
    return found


@pytest.mark.parametrize("slo_p99_s", [0.035, 0.1, 0.4])
def test_nothing_carries_much_more_than_the_recommended_setting(slo_p99_s: float) -> None:
    trial = Trial.of(CURVE, EQUAL, 10_000, seed=50)
    chosen = largest_rate(trial, best(slo_p99_s).settings, slo_p99_s, p99).rate_per_s
    others = [BatchSettings(size, wait) for size, wait in ((3, 0.0), (8, 0.0), (32, 0.0), (8, 0.004))]
    for other in others:
        assert largest_rate(trial, other, slo_p99_s, p99, at_least=chosen / 0.95).rate_per_s == 0.0


def test_under_a_tight_bound_it_carries_far_more_than_waiting_does() -> None:
    trial = Trial.of(CURVE, EQUAL, 4_000, seed=51)
    waiting = largest_rate(trial, TUTORIAL, 0.1, p99).rate_per_s
    assert best(0.1).rate_per_s >= 1.5 * waiting


def test_the_bound_is_met_at_the_recommended_rate() -> None:
    found = best(0.1)
    run = Trial.of(CURVE, EQUAL, 40_000, seed=52).run(found.settings, found.rate_per_s)
    assert found.p50_s < found.p99_upper_s <= 0.1
    assert run.quantile(0.99) <= 0.1
    assert 0.02 < found.slack < 0.03
    assert f"even if batches take {found.slack:.1%} longer" in found.reason
    slower = Trial.of(CURVE.slower(found.slack), EQUAL, 40_000, seed=53).run(found.settings, found.rate_per_s)
    assert slower.quantile(0.99) <= 0.102
    assert run.quantile(0.5) == pytest.approx(found.p50_s, rel=0.05)
    assert run.utilization == pytest.approx(found.utilization, abs=0.03)
    assert found.slo_p99_s == 0.1
    assert found.settings_tried >= 60
    assert "100 ms" in found.reason


def test_requests_of_several_lengths_get_a_token_budget() -> None:
    found = best(0.25, MIXED)
    assert found.settings.max_batch_tokens is not None
    assert found.p99_upper_s <= 0.25


def test_a_bound_that_nothing_meets_names_the_nearest() -> None:
    found = recommend(POINTS, CURVE, EQUAL, slo_p99_s=0.005)
    assert isinstance(found, Unmet)
    assert found.settings == BatchSettings(1)
    assert found.p99_s == pytest.approx(slow(1, 64), rel=0.1)
    assert found.message.startswith("no setting meets p99 <= 5 ms: the nearest of 64, max batch 1, has 1")


def test_without_a_bound_it_is_the_smallest_batch_near_the_most() -> None:
    found = recommend(points(), fit(points()), EQUAL)
    rates = {size: size / slow(size, 64) for size in (1, 2, 4, 8, 16, 32)}
    wanted = min(size for size, rate in rates.items() if rate >= 0.95 * rates[32])
    assert isinstance(found, Recommendation)
    assert found.settings == BatchSettings(wanted)
    assert found.rate_per_s == pytest.approx(rates[wanted])
    assert found.p50_s == pytest.approx(slow(wanted, 64))
    assert found.p99_upper_s >= found.p50_s
    assert found.slo_p99_s is None


def test_an_interval_that_reaches_95_percent_is_enough() -> None:
    wide = [replace(item, throughput_high=1e9) if item.shape.batch_size == 2 else item for item in points()]
    found = recommend(wide, fit(wide), EQUAL)
    assert isinstance(found, Recommendation)
    assert found.settings == BatchSettings(2)


def test_the_length_next_to_the_requests_own_decides() -> None:
    measured = points(lambda size, length: 0.05 + 0.0001 * size * length)
    short = recommend(measured, fit(measured), Workload((20,)))
    long = recommend(measured, fit(measured), Workload((1000,)))
    assert isinstance(short, Recommendation)
    assert isinstance(long, Recommendation)
    assert "at length 32" in short.reason
    assert "at length 128" in long.reason
    assert short.settings.max_batch_size >= long.settings.max_batch_size


def test_without_a_bound_padding_is_simulated() -> None:
    found = best(None, MIXED)
    assert found.settings.max_wait_s == 0
    assert found.settings.max_batch_tokens is not None
    assert 0 < found.p50_s <= found.p99_upper_s
    assert "simulated" in found.reason


def test_dollars_and_the_users_rate_are_there() -> None:
    found = best(0.1, Workload((64,), rate_per_s=1_000.0), price_per_hour=Decimal("2.5"))
    assert found.usd_per_million is not None
    assert found.usd_per_million == pytest.approx(
        Decimal("2.5") * 10**6 / 3600 / Decimal(found.rate_per_s), abs=Decimal("0.0001")
    )
    assert found.usd_per_million_tokens == pytest.approx(found.usd_per_million / 64, abs=Decimal("1e-5"))
    assert found.devices_at_user_rate == -(-1_000 // int(found.rate_per_s))


def test_useful_tokens_may_be_others_than_the_length() -> None:
    found = best(None, price_per_hour=Decimal(3), tokens_per_request=8.0)
    assert found.usd_per_million_tokens is not None
    assert found.usd_per_million is not None
    assert found.usd_per_million_tokens == pytest.approx(found.usd_per_million / 8, abs=Decimal("1e-5"))


def test_it_is_the_same_every_time() -> None:
    assert made(0.4) == best(0.4)


@pytest.mark.parametrize("slo_p99_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bound_is_above_0(slo_p99_s: float) -> None:
    with pytest.raises(UsageError, match="bound of the p99"):
        recommend(POINTS, CURVE, EQUAL, slo_p99_s=slo_p99_s)


def test_a_price_is_not_below_0() -> None:
    with pytest.raises(UsageError, match="price"):
        recommend(POINTS, CURVE, EQUAL, price_per_hour=Decimal(-1))


def test_where_nothing_fits_nothing_is_recommended() -> None:
    with pytest.raises(InputError, match="not even the smallest batch"):
        recommend([*POINTS, out_of_memory(1, 64)], CURVE, EQUAL, slo_p99_s=0.1)


def test_the_line_makes_the_batcher() -> None:
    settings = BatchSettings(16, 0.002, 1024)
    line = ready(settings, 80)
    assert line == (
        "AdaptiveBatcher(predict, max_batch_size=16, max_wait_s=0.002, max_batch_tokens=1024, length=len, max_queue=80)"
    )
    made = eval(line, {"AdaptiveBatcher": AdaptiveBatcher, "predict": list})
    assert made.settings == settings
    assert ready(BatchSettings(8)) == "AdaptiveBatcher(predict, max_batch_size=8, max_wait_s=0.0)"


def test_the_toml_is_read_back(tmp_path: Path) -> None:
    found = best(0.1)
    path = tmp_path / "batcher.toml"
    path.write_text(to_toml(found))
    config = read_config(path)
    assert config.settings == found.settings
    assert config.max_queue == queue(found)
    assert path.read_text().startswith("# of ")


def test_the_queue_holds_what_can_be_answered_in_time() -> None:
    recommendation = replace(best(0.1), rate_per_s=100.0, slo_p99_s=0.25, settings=BatchSettings(8))
    assert queue(recommendation) == 50
    assert queue(replace(recommendation, settings=BatchSettings(64))) == 128
    assert queue(replace(recommendation, slo_p99_s=None)) == 1024


def test_large_and_small_figures_are_said_without_exponents() -> None:
    quick = points(lambda size, length: 1e-5 + 1e-6 * size, seq_lens=(1,))
    found = recommend(quick, fit(quick), Workload((1,)))
    assert isinstance(found, Recommendation)
    assert "e+" not in found.reason + to_toml(found)
    bounded = recommend(quick, fit(quick), Workload((1,)), slo_p99_s=30.0)
    assert isinstance(bounded, Recommendation)
    assert "a p99 of at most 30 s" in bounded.reason
    assert "e+" not in to_toml(bounded)
