"""A whole run on a target whose times are a formula: what it says follows from the formula."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt.bench.asked import Asked
from llmopt.bench.result import Point, Sweep
from llmopt.bench.run import run
from llmopt.bench.sweep import sweep
from llmopt.bench.target import LoadPlan, LoadRun, Target
from llmopt.errors import InputError, OutOfMemory, UsageError
from llmopt.report import as_text, bench_batch_json, bench_batch_view
from llmopt.report.as_json import render
from tests.bench.simulated import QuietGuard, SimulatedTarget


def asked(**more: object) -> Asked:
    defaults: dict[str, object] = {"batch_sizes": (1, 2, 4, 8, 16), "seq_lens": (32,), "max_time_s": 3.0}
    return Asked(**{**defaults, **more})  # type: ignore[arg-type]


def test_without_an_slo_the_smallest_batch_near_the_maximum() -> None:
    # 10 ms + 3.2 ms a request: 75.8, 122, 175, 225, 261 requests a second; 95 % of 261 is 248
    report = run([SimulatedTarget()], asked(), guard=QuietGuard)
    assert [point.shape.batch_size for point in report.sweep.points] == [1, 2, 4, 8, 16]
    assert [point.throughput_per_s for point in report.sweep.points] == pytest.approx(
        [75.76, 121.95, 175.4, 224.7, 261.4], rel=0.01
    )
    assert report.recommended is not None
    assert report.recommended.settings.max_batch_size == 16
    assert report.recommended.usd_per_million is None
    assert report.unmet is None
    assert report.curve is not None
    assert report.curve.base_s == pytest.approx(0.010, rel=0.02)
    assert report.batcher.startswith("AdaptiveBatcher(predict, max_batch_size=16")
    assert "max_batch_size = 16" in report.config
    assert report.verified is None
    assert report.comparison is None


def test_with_an_slo_the_largest_rate_that_meets_it_and_its_price() -> None:
    more = {"slo_p99_s": 0.08, "price_per_hour": Decimal("3.6"), "rate_per_s": 500.0}
    report = run([SimulatedTarget()], asked(**more), guard=QuietGuard)
    best = report.recommended
    assert best is not None
    assert 75 < best.rate_per_s < 261
    assert best.p99_upper_s <= 0.08
    assert best.settings_tried >= 60
    # 3.6 dollars an hour are 0.001 a second
    assert best.usd_per_million == pytest.approx(Decimal(1000) / Decimal(repr(best.rate_per_s)), rel=Decimal("1e-6"))
    assert best.devices_at_user_rate == -(-500 // best.rate_per_s)
    assert report.slo_p99_s == 0.08


def test_auto_ends_where_a_batch_alone_is_over_the_slo() -> None:
    # 10 ms + 3.2 ms a request: 16 take 61 ms, 32 take 112 ms
    swept = run([SimulatedTarget()], asked(batch_sizes="auto", slo_p99_s=0.08), guard=QuietGuard).sweep
    assert max(point.shape.batch_size for point in swept.points) == 32
    assert (
        max(
            p.shape.batch_size
            for p in run([SimulatedTarget()], asked(batch_sizes="auto"), guard=QuietGuard).sweep.points
        )
        > 32
    )


def test_fewer_samples_than_asked_for_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def short_of_time(target: Target, **more: Any) -> Sweep:
        found = sweep(target, **more)
        cut = [replace(point, times_s=point.times_s[: 3 + at]) for at, point in enumerate(found.points)]
        return replace(found, points=tuple(cut))

    monkeypatch.setattr("llmopt.bench.run.sweep", short_of_time)
    few = run([SimulatedTarget()], asked(min_samples=6), guard=QuietGuard)
    assert few.warnings == (
        "3 of 5 shapes have 3 to 5 samples and not 6: raise --max-time, or name fewer --batch-sizes",
    )
    all_few = run([SimulatedTarget()], asked(batch_sizes=(1,)), guard=QuietGuard)
    assert all_few.warnings[0].startswith("all shapes have 3 samples and not 30: raise --max-time")
    assert run([SimulatedTarget()], asked(min_samples=3), guard=QuietGuard).warnings == ()


def test_an_slo_below_the_time_of_one_request_is_met_by_nothing() -> None:
    report = run([SimulatedTarget()], asked(slo_p99_s=0.005), guard=QuietGuard)
    assert report.recommended is None
    assert report.unmet is not None
    assert "p99 <= 5 ms" in report.unmet.message
    assert report.batcher == ""


def test_a_verification_runs_the_recommendation_and_agrees() -> None:
    target = SimulatedTarget()
    report = run([target], asked(slo_p99_s=0.08, verify=True, max_time_s=6.0), guard=QuietGuard)
    found = report.verified
    assert found is not None
    assert report.recommended is not None
    assert target.loads[-1].settings == report.recommended.settings == found.settings
    assert found.requests == len(target.loads[-1].arrivals_s)
    assert target.loads[-1].arrivals_s[-1] < 6.0
    assert abs(found.p50_error) < 0.1
    assert found.slo_met is True


def test_an_unmet_slo_is_not_verified() -> None:
    target = SimulatedTarget()
    assert run([target], asked(slo_p99_s=0.005, verify=True), guard=QuietGuard).verified is None
    assert target.loads == []


def test_what_does_not_fit_is_a_point_and_not_the_end() -> None:
    report = run([SimulatedTarget(most_requests=6)], asked(), guard=QuietGuard)
    status = {point.shape.batch_size: point.status for point in report.sweep.points}
    assert status[4] == "ok"
    assert status[8] == "oom"
    assert report.recommended is not None
    assert report.recommended.settings.max_batch_size <= 6


def test_several_devices_share_the_sweep_and_keep_their_samples_apart(tmp_path: Path) -> None:
    targets = [SimulatedTarget(), SimulatedTarget()]
    report = run(targets, asked(resume=tmp_path / "samples.jsonl"), guard=QuietGuard)
    assert [point.shape.batch_size for point in report.sweep.points] == [1, 2, 4, 8, 16]
    assert all(point.status == "ok" for point in report.sweep.points)
    sizes = [{len(batch) for batch in target.batches} for target in targets]
    assert sizes[0] | sizes[1] == {1, 2, 4, 8, 16}
    assert not sizes[0] & sizes[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["samples.jsonl.0", "samples.jsonl.1"]


def test_the_first_of_several_devices_verifies() -> None:
    targets = [SimulatedTarget(), SimulatedTarget()]
    assert run(targets, asked(verify=True), guard=QuietGuard).verified is not None
    assert [bool(target.loads) for target in targets] == [True, False]


def test_nothing_fits() -> None:
    with pytest.raises(OutOfMemory, match="not even"):
        run([SimulatedTarget(most_requests=0)], asked(), guard=QuietGuard)


def test_lengths_that_the_model_does_not_take() -> None:
    report = run([SimulatedTarget(max_tokens=64)], asked(seq_lens=(32, 128)), guard=QuietGuard)
    assert any("128 tokens are left out" in warning for warning in report.all_warnings)
    with pytest.raises(UsageError, match="the model takes 64 at most"):
        run([SimulatedTarget(max_tokens=64)], asked(seq_lens=(128,)), guard=QuietGuard)


def test_a_baseline_of_the_same_speed_and_of_a_faster_one(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    before = run([SimulatedTarget()], asked(), guard=QuietGuard)
    path.write_text(render(bench_batch_json.payload(before)))
    same = run([SimulatedTarget()], asked(baseline=path), guard=QuietGuard)
    assert same.comparison is not None
    assert not same.comparison.regressed
    slow = run([SimulatedTarget(base_s=0.0125, per_token_s=0.000125)], asked(baseline=path), guard=QuietGuard)
    assert slow.comparison is not None
    assert slow.comparison.regressed
    assert slow.comparison.change == pytest.approx(0.25, abs=0.02)


def test_a_baseline_that_is_not_there_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    target = SimulatedTarget()
    with pytest.raises(InputError):
        run([target], asked(baseline=tmp_path / "none.json"), guard=QuietGuard)
    assert target.batches == []


def test_what_fails_after_the_sweep_does_not_lose_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(self: SimulatedTarget, plan: LoadPlan) -> LoadRun:
        raise OutOfMemory("its process was killed")

    path = tmp_path / "before.json"
    path.write_text(render(bench_batch_json.payload(run([SimulatedTarget()], asked(seq_lens=(64,)), guard=QuietGuard))))
    monkeypatch.setattr(SimulatedTarget, "load", dies)
    report = run([SimulatedTarget()], asked(verify=True, baseline=path), guard=QuietGuard)
    assert report.recommended is not None
    assert (report.verified, report.unverified) == (None, "its process was killed")
    assert report.comparison is None
    assert "no shape in common" in report.uncompared
    text = as_text.render(bench_batch_view.view(report))
    assert "could not be verified: its process was killed" in text
    assert "No comparison with the baseline: the baseline has no shape in common" in text


def test_nothing_was_measured_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = run([SimulatedTarget()], asked(), guard=QuietGuard).sweep
    late = replace(swept, points=tuple(Point(point.shape, "skipped") for point in swept.points))
    monkeypatch.setattr("llmopt.bench.run.sweep", lambda *values, **more: late)
    with pytest.raises(InputError, match="the time was up before a batch was measured"):
        run([SimulatedTarget()], asked(), guard=QuietGuard)
    tight = replace(swept, points=tuple(Point(point.shape, "oom") for point in swept.points))
    monkeypatch.setattr("llmopt.bench.run.sweep", lambda *values, **more: tight)
    with pytest.raises(OutOfMemory, match="not even 1 request of 32 tokens fits"):
        run([SimulatedTarget()], asked(), guard=QuietGuard)


def test_the_report_reads_back_as_json() -> None:
    report = run([SimulatedTarget()], asked(slo_p99_s=0.08), guard=QuietGuard)
    document = json.loads(render(bench_batch_json.payload(report)))
    assert document["recommended"]["max_batch_size"] == report.recommended.settings.max_batch_size  # type: ignore[union-attr]
    assert document["elapsed_s"] == report.elapsed_s
