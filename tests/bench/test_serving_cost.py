"""What serving takes besides the model, from loads of lone requests."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from llmopt.bench.curve import fit
from llmopt.bench.serving_cost import serving_cost
from llmopt.bench.simulate import NO_OVERHEAD, Overhead, simulate
from llmopt.bench.target import LoadPlan, LoadRun
from llmopt.errors import OutOfMemory
from tests.bench.machines import Clock, Fake, service_s
from tests.bench.swept import points

CURVE = fit(points(service_s))
LONE_S = service_s(1, 64)
OTHERWISE = Overhead(9.0, 9.0)


@dataclass
class Serving(Fake):
    """Serves as a simulation does, at some cost."""

    cost: Overhead = NO_OVERHEAD
    fails: int = 0
    loads: list[LoadPlan] = field(default_factory=list)

    def load(self, plan: LoadPlan) -> LoadRun:
        self.loads.append(plan)
        arrivals = np.array(plan.arrivals_s)
        ran = simulate(CURVE, arrivals, np.array(plan.lengths), plan.settings, overhead=self.cost)
        # Of the overhead of a batch, what comes after a pause is in its own time; the gap to the next one is not.
        apart = bool(arrivals[-1])
        took_s = [LONE_S + (self.cost.idle_s if apart and number else 0.0) for number in range(len(arrivals))]
        batches = tuple((1, 64, seconds) for seconds in took_s)
        return LoadRun(tuple(ran.latencies_s.tolist()), self.fails, ran.elapsed_s, batches, 0.0)


def cost(target: Serving, limit_s: float = 10.0) -> Overhead:
    return serving_cost(target, LONE_S, 64, limit_s, lambda: OTHERWISE)


def test_ways_gaps_and_pauses_are_told_apart() -> None:
    wanted = Overhead(batch_s=0.0, request_s=0.0004, idle_s=0.0009, busy_s=0.0003)
    found = cost(Serving(Clock(), cost=wanted))
    assert found.request_s == pytest.approx(wanted.request_s)
    assert found.idle_s == pytest.approx(wanted.idle_s)
    assert found.busy_s == pytest.approx(wanted.busy_s)
    assert found.batch_s == pytest.approx(0.0, abs=1e-9)


def test_the_gap_between_batches_is_found() -> None:
    found = cost(Serving(Clock(), cost=Overhead(batch_s=0.0002, request_s=0.0001)))
    assert found.batch_s == pytest.approx(0.0002)


def test_it_costs_nothing_where_nothing_is_added() -> None:
    target = Serving(Clock())
    found = cost(target)
    assert (found.batch_s, found.request_s, found.idle_s, found.busy_s) == pytest.approx((0, 0, 0, 0), abs=1e-9)
    assert {len(plan.lengths) for plan in target.loads} == {8}


def test_a_pause_costs_half_of_a_lone_request_at_most() -> None:
    assert cost(Serving(Clock(), cost=Overhead(idle_s=5 * LONE_S))).idle_s == pytest.approx(LONE_S / 2)


def test_a_slow_model_is_not_asked() -> None:
    target = Serving(Clock())
    assert cost(target, limit_s=0.05) == OTHERWISE
    assert target.loads == []


def test_a_target_that_fails_is_not_asked_twice() -> None:
    class Dies(Serving):
        def load(self, plan: LoadPlan) -> LoadRun:
            raise OutOfMemory("its process was killed")

    assert cost(Dies(Clock())) == OTHERWISE
    assert cost(Serving(Clock(), fails=1)) == OTHERWISE


def test_batches_in_a_row_may_be_quicker_than_in_the_sweep() -> None:
    swept = Serving(Clock(), time_s=lambda size, length: 1.1 * service_s(size, length))
    assert cost(swept).batch_s == pytest.approx(-0.1 * LONE_S)
    far = Serving(Clock(), time_s=lambda size, length: 3 * service_s(size, length))
    assert cost(far).batch_s == pytest.approx(-0.25 * 3 * LONE_S)
