from collections import Counter
from dataclasses import replace

import pytest

from llmopt.bench.plan import Limits, Mix
from llmopt.bench.result import Point, Sweep
from llmopt.bench.sweep import Sizes, sweep
from llmopt.core.batch import Shape
from llmopt.errors import OutOfMemory, UsageError
from tests.bench.machines import FACTS, Clock, Fake, Machine, guard


def swept(
    target: Fake,
    sizes: Sizes = "auto",
    seq_lens: tuple[int | Mix, ...] = (32,),
    limits: Limits | None = None,
    machine: Machine | None = None,
) -> Sweep:
    return sweep(
        target,
        batch_sizes=sizes,
        seq_lens=seq_lens,
        limits=limits or Limits(max_time_s=30),
        guard=guard(target.clock, machine),
        clock=target.clock,
    )


def by_size(result: Sweep) -> dict[int, Point]:
    return {point.shape.batch_size: point for point in result.points}


def test_every_shape_is_measured_until_it_is_known() -> None:
    result = swept(Fake(Clock(), spread=0.05), [1, 2, 4], (32, 64))
    assert [point.shape for point in result.points] == [Shape(b, s) for s in (32, 64) for b in (1, 2, 4)]
    for point in result.points:
        assert point.status == "ok"
        assert point.samples >= 30
        assert point.throughput_per_s is not None
        assert point.throughput_low is not None
        assert point.throughput_high is not None
        half = (point.throughput_high - point.throughput_low) / 2
        assert half <= 0.025 * point.throughput_per_s
    assert result.environment.noise.quiet
    assert result.elapsed_s < 30
    assert not result.warnings


def test_auto_finds_the_knee() -> None:
    sizes = sorted(by_size(swept(Fake(Clock(), lambda b, s: 0.001 * max(b, 16)))))
    assert sizes == [1, 2, 4, 8, 12, 16, 24, 32, 64]


def test_rounds_are_interleaved_in_changing_order() -> None:
    target = Fake(Clock())
    swept(target, [1, 2, 4, 8], limits=Limits(min_samples=20, max_samples=20, max_time_s=60))
    measured = target.batches[-80:]
    rounds = [tuple(measured[first : first + 4]) for first in range(0, 80, 4)]
    assert all(len(set(each)) == 4 for each in rounds)
    assert len(set(rounds)) > 5


def test_the_first_slow_batches_are_not_samples() -> None:
    result = swept(Fake(Clock(), cold=18), [1, 8])
    assert all(max(point.times_s) < 2 * min(point.times_s) for point in result.points)


def test_the_time_bounds_the_whole_run_and_every_shape_has_its_share() -> None:
    target = Fake(Clock(), lambda b, s: 0.01 * b, spread=0.1)
    result = swept(target, [1, 2, 4, 8, 16], limits=Limits(max_time_s=4, ci=0))
    assert result.elapsed_s <= 4.3
    counts = [point.samples for point in result.points]
    assert min(counts) >= 3
    assert max(counts) <= min(counts) + 2


def test_what_there_is_no_time_for_is_skipped_and_said() -> None:
    target = Fake(Clock(), lambda b, s: 0.1 * b)
    result = swept(target, [1, 2, 64], limits=Limits(max_time_s=3))
    points = by_size(result)
    assert (points[1].status, points[64].status) == ("ok", "skipped")
    assert points[64].reason == "the time was up"
    assert result.elapsed_s <= 3.3
    assert "1 of 3 shapes" in result.warnings[0]


def test_auto_says_that_it_was_cut_short() -> None:
    result = swept(Fake(Clock(), lambda b, s: 0.05 * b**0.5), limits=Limits(max_time_s=4))
    assert max(by_size(result)) < 1024
    assert "before throughput stopped growing" in result.warnings[0]
    assert result.elapsed_s <= 4.4


def test_very_little_time_gives_a_batch_of_the_warm_up() -> None:
    result = swept(Fake(Clock(), lambda b, s: 0.1), [1], limits=Limits(max_time_s=0.25))
    assert [point.samples for point in result.points] == [1]
    none = swept(Fake(Clock(), lambda b, s: 0.1, cold=9), [1], limits=Limits(max_time_s=0.25))
    assert [(point.samples, point.status) for point in none.points] == [(0, "skipped")]


def test_memory_that_ends_is_bisected_and_the_sweep_goes_on() -> None:
    result = swept(Fake(Clock(), most_tokens=21 * 32), [1, 8, 16, 32, 64])
    points = by_size(result)
    assert [points[size].status for size in (1, 8, 16, 20)] == ["ok"] * 4
    assert (points[32].status, points[64].status) == ("oom", "skipped")
    assert "32 did not fit" in points[64].reason or "22 did not fit" in points[64].reason
    assert points[32].times_s == ()
    assert max(size for size, point in points.items() if point.samples) >= 20


def test_memory_that_ends_for_one_length_leaves_the_others_alone() -> None:
    result = swept(Fake(Clock(), most_tokens=512), [1, 2], (32, 400))
    assert [point.status for point in result.points] == ["ok", "ok", "ok", "oom"]


def test_memory_that_ends_late_gives_the_shape_up() -> None:
    class Leaky(Fake):
        def run(self, lengths):  # type: ignore[no-untyped-def]
            if len(lengths) == 4 and len(self.batches) > 40:
                raise OutOfMemory("no more")
            return super().run(lengths)

    points = by_size(swept(Leaky(Clock()), [1, 4]))
    assert (points[1].status, points[4].status) == ("ok", "oom")
    assert points[1].samples >= 30


def test_not_even_one_request_that_fits_is_an_error() -> None:
    with pytest.raises(OutOfMemory, match="not even 1 request of 32 tokens"):
        swept(Fake(Clock(), most_tokens=10), [4], (32, 64))


def test_requests_that_are_too_long_are_named() -> None:
    result = swept(Fake(Clock()), [1, 2], (32, 600))
    assert [point.status for point in result.points] == ["ok", "ok", "too_long", "too_long"]
    with pytest.raises(UsageError, match="takes 512 tokens at most"):
        swept(Fake(Clock()), [1], (600,))


def test_a_mix_shows_its_padding() -> None:
    (point,) = swept(Fake(Clock()), [8], (Mix((4, 4, 4, 60)),)).points
    assert point.shape == Shape(8, 60)
    assert 0 < point.useful_tokens < point.padded_tokens <= 8 * 60


def test_samples_beside_other_work_mark_a_point() -> None:
    clock = Clock()
    result = swept(Fake(clock), [1, 2], machine=Machine(clock, waiting=0.5))
    assert {point.status for point in result.points} == {"noisy"}
    assert "samples beside other work" in result.points[0].reason
    assert not result.environment.noise.quiet


def test_more_threads_than_cpus_wait_for_each_other() -> None:
    clock = Clock()
    target = Fake(clock, facts_of=replace(FACTS, threads=4096))
    result = swept(target, [1, 2], machine=Machine(clock, waiting=0.5))
    assert result.environment.noise.quiet


def test_progress_goes_from_nothing_to_the_end() -> None:
    told: list[tuple[int, int, str]] = []
    clock = Clock()
    sweep(
        Fake(clock),
        batch_sizes=[1, 2],
        seq_lens=[32],
        guard=guard(clock),
        clock=clock,
        progress=lambda done, total, text: told.append((done, total, text)),
    )
    assert told[0] == (0, 0, "warm-up: batch 1, 32 tokens")
    assert told[-1][0] == told[-1][1] == 100


def test_two_sweeps_with_the_same_seed_run_the_same_batches() -> None:
    first, second = Fake(Clock()), Fake(Clock())
    swept(first, [1, 8], (Mix((4, 60)),))
    swept(second, [1, 8], (Mix((4, 60)),))
    assert Counter(first.batches) == Counter(second.batches)


def test_a_sweep_without_a_guard_makes_and_ends_its_own() -> None:
    clock = Clock()
    result = sweep(Fake(clock), batch_sizes=[1], seq_lens=[32], limits=Limits(min_samples=3, max_samples=3))
    assert result.points[0].samples == 3
