import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from llmopt.bench.baseline import Baseline
from llmopt.bench.environment import environment
from llmopt.bench.paired import interleaved
from llmopt.bench.points import point
from llmopt.bench.regression import compare
from llmopt.bench.result import Comparison, Noise, Point, Sweep
from llmopt.bench.typical import typical
from llmopt.core.batch import BatchTiming, Shape
from llmopt.errors import InputError, UsageError
from tests.bench.machines import FACTS, Clock

SHAPES = [Shape(size, 32) for size in (1, 4, 16)]
QUIET = Noise(quiet=True, waiting=0.005, calibration_s=0.004)
NEAR_S, FAR_S = 2e-7, 6.5e-7


def measured(
    seed: int,
    *,
    slower: float = 1.0,
    shapes: list[Shape] = SHAPES,
    samples: int = 60,
    noise: Noise = QUIET,
    far: float | None = None,
    inflated: float = 1.0,
) -> Sweep:
    """Return a run with bursts of other work; `far` is the share of it with CPUs far apart: 1.5 ms a batch."""
    rng = random.Random(seed)
    points: list[Point] = []
    for shape in shapes:
        times_s, handovers_s, burst = [], [], 1.0
        for sample in range(samples):
            burst = rng.choice((1.0, 1.0, 1.0, 1.8)) if sample % 5 == 0 else burst
            is_far = far is not None and sample < far * samples
            usual_s = (0.005 + 0.003 * shape.batch_size + 0.0015 * is_far) * slower * inflated
            times_s.append(usual_s * burst * rng.lognormvariate(0, 0.02))
            handovers_s.append(FAR_S if is_far else NEAR_S)
        made = point(shape, [BatchTiming(time_s, 0, 1, 1) for time_s in times_s])
        points.append(replace(made, handovers_s=tuple(handovers_s) if far is not None else ()))
    return Sweep(tuple(points), environment(FACTS, noise), 1.0)


def test_the_same_code_is_no_regression_and_a_slow_down_is_one() -> None:
    raised = [compare(measured(2 * pair), measured(2 * pair + 1)).regressed for pair in range(20)]
    caught = [compare(measured(2 * pair), measured(2 * pair + 1, slower=1.1)).regressed for pair in range(20)]
    assert not any(raised)
    assert sum(caught) >= 19


def test_the_change_is_about_what_it_is_and_within_its_interval() -> None:
    found = compare(measured(1), measured(2, slower=1.2))
    assert found.change == pytest.approx(0.2, abs=0.02)
    assert found.low < 0.2 < found.high
    assert [change.shape for change in found.shapes] == SHAPES
    assert all(change.low < 0.2 < change.high for change in found.shapes)
    assert found.warnings == ()


def test_faster_is_no_regression() -> None:
    found = compare(measured(1), measured(2, slower=0.8))
    assert not found.regressed
    assert found.change < -0.15


def test_a_single_shape_that_is_much_slower_is_a_regression() -> None:
    before, now = measured(1), measured(2)
    slow = measured(3, slower=1.4).points[0]
    found = compare(before, replace(now, points=(slow, *now.points[1:])), threshold=0.2)
    assert found.regressed
    assert found.low < 0.2


def test_a_single_shape_says_nothing_beside_other_work() -> None:
    before, now = measured(1), measured(2, noise=replace(QUIET, quiet=False, waiting=0.6))
    slow = measured(3, slower=1.4).points[0]
    assert not compare(before, replace(now, points=(slow, *now.points[1:])), threshold=0.2).regressed


def test_the_threshold_is_kept() -> None:
    assert not compare(measured(1), measured(2, slower=1.1), threshold=0.15).regressed


@pytest.mark.parametrize(("was", "is_now"), [(0.0, 1.0), (1.0, 0.0), (0.5, 0.2), (0.0, 0.0), (1.0, 1.0)])
def test_cpus_that_moved_apart_are_no_regression(was: float, is_now: float) -> None:
    for seed in range(5):
        assert not compare(measured(seed, far=was), measured(50 + seed, far=is_now)).regressed


@pytest.mark.parametrize(("was", "is_now"), [(0.5, 0.2), (0.0, 0.5), (1.0, 1.0)])
def test_a_slow_down_is_caught_although_cpus_moved(was: float, is_now: float) -> None:
    caught = [compare(measured(seed, far=was), measured(50 + seed, far=is_now, slower=1.1)) for seed in range(5)]
    assert sum(found.regressed for found in caught) >= 4


def test_other_work_beside_a_run_widens_the_interval() -> None:
    busy = Noise(quiet=False, waiting=0.5, calibration_s=0.004)
    found = compare(measured(1), measured(2, noise=busy, inflated=1.35))
    assert not found.regressed
    silent = Noise(quiet=False)
    assert not compare(measured(1), measured(2, noise=silent, inflated=1.15)).regressed


def test_nothing_is_called_where_others_had_most_of_the_machine() -> None:
    busy = Noise(quiet=False, waiting=0.8, calibration_s=0.004)
    found = compare(measured(1), measured(2, noise=busy, inflated=30))
    assert not found.regressed
    assert "no regression can be told" in found.warnings[0]


def test_a_machine_with_another_clock_today_is_named() -> None:
    slow = replace(QUIET, calibration_s=0.0046)
    found = compare(measured(1), measured(2, noise=slow, slower=1.1))
    assert not found.regressed
    assert "+15% slower" in found.warnings[0]


def test_few_samples_give_a_wide_interval() -> None:
    few = compare(measured(1, samples=2), measured(2, samples=2))
    many = compare(measured(1), measured(2))
    assert few.high - few.low > many.high - many.low


def test_shapes_of_one_side_are_named() -> None:
    more = [Shape(size, 64) for size in range(1, 7)]
    found = compare(measured(1), measured(2, shapes=[*SHAPES[:2], *more]))
    assert "not measured in this run, so not compared: 16x32" in found.warnings
    assert any("the baseline" in line and "4x64 and 2 more" in line for line in found.warnings)


def test_nothing_in_common_is_an_error() -> None:
    with pytest.raises(InputError, match="no shape in common"):
        compare(measured(1), measured(2, shapes=[Shape(1, 99)]))


@pytest.mark.parametrize("threshold", [-0.1, math.inf, math.nan])
def test_a_threshold_that_makes_no_sense_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match="threshold"):
        compare(measured(1), measured(2), threshold)


def test_another_machine_is_refused() -> None:
    before, now = measured(1), measured(2)
    other = replace(now.environment, cpu_count=64, target=replace(FACTS, device_name="Another CPU"))
    with pytest.raises(InputError, match=r"A CPU before, Another CPU now.*CPUs .* before, 64 now"):
        compare(Baseline(before.points, before.environment), replace(now, environment=other))


def test_what_differs_of_the_target_is_told() -> None:
    before, now = measured(1), measured(2)
    target = replace(FACTS, dtype="bfloat16", versions=(("torch", "9"),))
    noisy = replace(before.environment, noise=replace(QUIET, quiet=False))
    found = compare(Baseline(before.points, noisy), replace(now, environment=replace(now.environment, target=target)))
    assert found.warnings == (
        "the machine was not quiet when the baseline was measured",
        "dtype of the target differs: float32 before, bfloat16 now",
        "versions of the target differs: none before, torch=9 now",
    )


def test_the_typical_time_is_of_the_fastest_third() -> None:
    assert typical([1.0, 2.0, 3.0, 100.0]) == 1.5
    assert typical(range(1, 101)) == 20.5
    assert typical([5.0]) == 5


def paired(slower: float, seed: int = 1, rounds: int = 100) -> Comparison:
    clock, rng = Clock(), random.Random(seed)

    def work(usual_s: float) -> Callable[[], None]:
        return lambda: clock.sleep(usual_s * rng.choice((1.0, 1.0, 1.0, 2.5)) * rng.lognormvariate(0, 0.03))

    return interleaved(work(0.01), work(0.01 * slower), rounds=rounds, clock=clock)


def test_two_functions_in_turn() -> None:
    assert not any(paired(1.0, seed).regressed for seed in range(20))
    assert sum(paired(1.15, seed).regressed for seed in range(20)) >= 19
    assert paired(1.15).change == pytest.approx(0.15, abs=0.05)


def test_two_functions_end_in_time_but_not_before_three_rounds() -> None:
    clock, calls = Clock(), []

    def work() -> None:
        clock.sleep(1)
        calls.append(1)

    interleaved(work, work, max_time_s=0.5, clock=clock)
    assert len(calls) == 4 + 6
    with pytest.raises(UsageError, match="at least 3"):
        interleaved(work, work, rounds=2)


def test_functions_that_take_no_time_can_be_compared() -> None:
    assert interleaved(lambda: None, lambda: None, rounds=5, clock=Clock()).change == 0
