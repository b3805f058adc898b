"""A verification puts the simulation of the very requests that were sent beside what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from llmopt.bench import verify as bench_verify
from llmopt.bench.arrivals import Workload
from llmopt.bench.curve import ServiceCurve, fit
from llmopt.bench.guard import Guard
from llmopt.bench.result import Noise, Recommendation, Verification
from llmopt.bench.simulate import NO_OVERHEAD, Overhead, simulate
from llmopt.bench.target import LoadPlan, LoadRun
from llmopt.bench.verify import CAPACITY_SHARE, most_rate
from llmopt.core.batch import BatchTiming
from llmopt.core.target import TargetFacts
from llmopt.errors import CheckFailed
from llmopt.models.others import Others
from llmopt.serving.batching.settings import BatchSettings
from tests.bench.swept import points, slow

CURVE = fit(points())
EQUAL = Workload((64,))
BEST = Recommendation(BatchSettings(8), "", 60.0, 0.02, 0.08, 0.9, slo_p99_s=0.1)
QUIET = Noise(True)


class Quiet(Guard):
    """A guard of a machine on which nothing happens."""

    def __init__(self, noise: Noise = QUIET) -> None:
        self.readings = 0
        self._found = noise

    def reading(self) -> None:  # type: ignore[override]
        self.readings += 1

    def noise(self) -> Noise:
        return self._found


class Nobody(Others):
    """Other processes that take a share of the CPUs."""

    def __init__(self, share: float = 0.0) -> None:
        self._share = share

    def start(self) -> None:
        """Nothing to begin."""

    def share(self) -> float:
        return self._share


class Machine:
    """A target that is so many times as slow as the sweep said; it is simulated itself."""

    def __init__(self, slowness: float = 1.0, *, failing: int = 0, curve: ServiceCurve = CURVE) -> None:
        self.slowness, self.failing, self.curve = slowness, failing, curve
        self.plans: list[LoadPlan] = []
        self.alone: list[tuple[int, ...]] = []

    def facts(self) -> TargetFacts:
        return TargetFacts("fake", "callable", "cpu", "none")

    def run(self, lengths: Sequence[int]) -> BatchTiming:
        self.alone.append(tuple(lengths))
        took_s = self.curve.time_s(len(lengths), max(lengths)) * self.slowness
        return BatchTiming(took_s, took_s, sum(lengths), len(lengths) * max(lengths))

    def load(self, plan: LoadPlan) -> LoadRun:
        self.plans.append(plan)
        arrivals, lengths = np.array(plan.arrivals_s), np.array(plan.lengths)
        noise = (self.curve.noise(len(arrivals), seed=77) * self.slowness).tolist()
        ran = simulate(self.curve, arrivals, lengths, plan.settings, noise=noise)
        batches = [
            (int(size), int(size * lengths[0]), self.curve.time_s(int(size), int(lengths[0])) * self.slowness)
            for size in ran.batch_sizes
        ]
        return LoadRun(
            tuple(ran.latencies_s[self.failing :].tolist()), self.failing, ran.elapsed_s, tuple(batches), 0.0004
        )

    def close(self) -> None:
        """Nothing to give back."""


def verify(target: Machine, best: Recommendation, curve: ServiceCurve, workload: Workload, **more: Any) -> Verification:
    return bench_verify.verify(target, best, curve, workload, **{"others": Nobody(), **more})


def test_a_machine_that_is_as_the_sweep_said_is_predicted() -> None:
    noisy = fit(points(noise=0.05, samples=50))
    guard, machine = Quiet(), Machine(curve=noisy)
    found = verify(machine, BEST, noisy, EQUAL, guard=guard)
    assert abs(found.p50_error) < 0.03
    assert abs(found.p99_error) < 0.1
    assert found.service_ratio == pytest.approx(1, abs=0.03)
    assert (found.rate_per_s, found.requests, found.failed, found.settings) == (60.0, 2_000, 0, BatchSettings(8))
    assert found.slo_met is True
    assert found.measured_p99_upper_s is not None
    assert found.measured_p99_upper_s >= found.measured_p99_s
    assert found.measured_throughput_per_s == pytest.approx(found.predicted_throughput_per_s, rel=0.02)
    assert found.mean_batch_size > 1
    assert found.late_s == 0.0004
    assert guard.readings == 6
    assert found.noise.quiet
    assert found.speed_before == pytest.approx(1)
    assert found.speed_after == pytest.approx(1)


def test_a_slower_machine_shows_as_an_error_and_why() -> None:
    plain = verify(Machine(), BEST, CURVE, EQUAL, guard=Quiet())
    tight = replace(BEST, slo_p99_s=1.01 * plain.measured_p99_s)
    found = verify(Machine(1.2), tight, CURVE, EQUAL, guard=Quiet())
    assert found.p50_error > 0.1
    assert found.service_ratio == pytest.approx(1.2)
    assert found.slo_met is False
    assert found.speed_before == found.speed_after == pytest.approx(1.2)
    assert not found.noise.quiet
    said = (
        "batches took +20% against the sweep (the same ones +20% right before the load, +20% after; up to 5% is quiet)"
    )
    assert found.noise.reasons == (said,)


def test_the_times_of_the_run_itself_explain_what_the_machine_did() -> None:
    found = verify(Machine(1.2), BEST, CURVE, EQUAL, guard=Quiet())
    assert found.replayed_p50_s == pytest.approx(found.measured_p50_s, rel=0.01)
    assert found.replayed_p99_s == pytest.approx(found.measured_p99_s, rel=0.01)


def test_an_error_of_the_simulation_is_not_the_machines() -> None:
    class Late(Machine):
        def load(self, plan: LoadPlan) -> LoadRun:
            run = super().load(plan)
            return replace(run, latencies_s=tuple(latency_s * 1.3 for latency_s in run.latencies_s))

    found = verify(Late(), BEST, CURVE, EQUAL, guard=Quiet())
    assert found.p50_error == pytest.approx(0.3, abs=0.01)
    assert found.replayed_p50_s == pytest.approx(found.predicted_p50_s, rel=0.01)
    assert found.noise.quiet


def test_next_to_the_capacity_a_little_slower_matters() -> None:
    near = replace(BEST, rate_per_s=10_000.0, slo_p99_s=None)
    found = verify(Machine(1.045), near, CURVE, EQUAL, guard=Quiet())
    assert found.p50_error > 0.1
    assert found.noise.reasons[0].startswith("batches took +4.5% against the sweep")
    assert verify(Machine(1.045), replace(BEST, rate_per_s=5.0), CURVE, EQUAL, guard=Quiet()).noise.quiet


def test_what_else_uses_the_cpus_is_told() -> None:
    found = verify(Machine(), BEST, CURVE, EQUAL, guard=Quiet(), others=Nobody(0.3), requests=100)
    assert found.others == 0.3
    assert found.noise.reasons == ("other processes took 30% of the CPUs' time (up to 5% is quiet)",)


def test_the_same_batches_run_before_and_after_the_load() -> None:
    machine = Machine()
    verify(machine, BEST, CURVE, EQUAL, guard=Quiet())
    sizes = [len(batch) for batch in machine.alone]
    assert sizes[: len(sizes) // 2] == sizes[len(sizes) // 2 :]
    assert {length for batch in machine.alone for length in batch} == {64}
    assert 1 <= min(sizes) < max(sizes) <= 8


def test_it_is_warm_before_it_counts() -> None:
    machine = Machine()
    verify(machine, BEST, CURVE, EQUAL, guard=Quiet())
    warm, real = machine.plans
    assert set(warm.arrivals_s) == {0.0}
    assert len(warm.arrivals_s) == 24
    assert len(real.arrivals_s) == 2_000


def test_near_its_capacity_nothing_is_verified() -> None:
    most = most_rate(CURVE, EQUAL, BatchSettings(8))
    assert most == pytest.approx(CAPACITY_SHARE * 8 / slow(8, 64), rel=0.01)
    found = verify(Machine(), replace(BEST, rate_per_s=10_000.0, slo_p99_s=None), CURVE, EQUAL, guard=Quiet())
    assert found.rate_per_s == pytest.approx(most)
    assert found.slo_met is None


def test_the_users_own_rate_can_be_run() -> None:
    assert verify(Machine(), BEST, CURVE, EQUAL, guard=Quiet(), rate_per_s=12.5).rate_per_s == 12.5


def test_time_bounds_the_requests_and_few_have_no_bound() -> None:
    found = verify(Machine(), BEST, CURVE, EQUAL, guard=Quiet(), max_time_s=2.0)
    assert found.requests == 120
    assert found.measured_p99_upper_s is None
    assert verify(Machine(), BEST, CURVE, EQUAL, guard=Quiet(), requests=500).requests == 500


def test_requests_that_fail_are_counted() -> None:
    found = verify(Machine(failing=3), BEST, CURVE, EQUAL, guard=Quiet(), requests=400)
    assert found.failed == 3


def test_a_target_that_answers_nothing_is_an_error() -> None:
    class Broken(Machine):
        def load(self, plan: LoadPlan) -> LoadRun:
            return LoadRun((), len(plan.arrivals_s), 0.0, (), 0.0)

    with pytest.raises(CheckFailed, match="none of the 400 requests"):
        verify(Broken(), BEST, CURVE, EQUAL, guard=Quiet(), requests=400)


def test_what_serving_takes_is_part_of_the_prediction() -> None:
    more = Overhead(0.0, 0.02)
    plain = verify(Machine(), BEST, CURVE, EQUAL, guard=Quiet(), overhead=NO_OVERHEAD)
    found = verify(Machine(), BEST, CURVE, EQUAL, guard=Quiet(), overhead=more)
    assert found.predicted_p50_s == pytest.approx(plain.predicted_p50_s + 0.02)


@pytest.mark.parametrize(
    ("before_s", "now_s", "quiet"), [(1e-7, 1.1e-7, True), (2e-7, 7e-7, False), (7e-7, 2e-7, False)]
)
def test_cpus_that_were_moved_since_the_sweep_are_noise(before_s: float, now_s: float, quiet: bool) -> None:
    before, now = replace(QUIET, handover_s=before_s), replace(QUIET, handover_s=now_s)
    found = verify(Machine(), BEST, CURVE, EQUAL, guard=Quiet(now), before=before, requests=100)
    assert found.noise.quiet is quiet
    assert bool(found.noise.reasons) is not quiet


def test_the_noise_is_the_guards() -> None:
    loud = Noise(False, ("others use the CPU",))
    assert verify(Machine(), BEST, CURVE, EQUAL, guard=Quiet(loud), before=QUIET, requests=100).noise == loud
