"""Measure batches of many shapes in interleaved rounds until each is known well enough or the time is up.

First every shape is warmed up, small batches of every length first; `auto` finds its sizes meanwhile, and what does not
fit in memory is bisected. Then each round runs every shape once, in an order drawn anew, so that a drift of the machine
hits all alike and, when time is short, all have as many samples. A shape whose interval is narrow leaves the rounds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Literal

from llmopt.bench.environment import environment
from llmopt.bench.guard import Guard
from llmopt.bench.plan import (
    Climb,
    Limits,
    Mix,
    check_lengths,
    check_sizes,
    doubling,
    listed,
    longest,
    with_bisection,
)
from llmopt.bench.result import Point, Sweep
from llmopt.bench.resume import Store, Stored, measured
from llmopt.bench.runner import WARM_SHARE, Runner
from llmopt.bench.target import Target
from llmopt.core.batch import Shape
from llmopt.errors import OutOfMemory, UsageError

Progress = Callable[[int, int, str], None]
"""Called with what is done, the total, and what is being done."""
Sizes = Sequence[int] | Literal["auto"]


def sweep(
    target: Target,
    *,
    batch_sizes: Sizes = "auto",
    seq_lens: Sequence[int | Mix] = (128,),
    limits: Limits | None = None,
    guard: Guard | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Sweep:
    """Measure every batch size at every length, and return all points, by sequence length and batch size.

    Args:
        target: runs the batches; it is not closed.
        batch_sizes: requests in a batch; `auto` doubles until throughput no longer grows or memory ends.
        seq_lens: tokens of each request, or a mix of lengths.
        limits: when it is enough; None for the defaults.
        guard: looks at the machine between rounds; None for one of its own.
        store: keeps the raw samples, and gives those of a run that was stopped.
        progress: is told how far it is.
        seed: of the order of each round and of what a mix draws.
        clock: seconds, monotonic.

    Raises:
        UsageError: a batch size or a length that makes no sense, or the target takes none of the lengths.
        ConfigError: the store holds samples of something else.
        OutOfMemory: not even a single request fits, at any length.
    """
    facts = target.facts()
    check_lengths(seq_lens)
    sizes: Sizes = batch_sizes if batch_sizes == "auto" else check_sizes(batch_sizes)
    runnable = [entry for entry in seq_lens if facts.max_tokens is None or longest(entry) <= facts.max_tokens]
    if not runnable:
        raise UsageError(f"{facts.name} takes {facts.max_tokens} tokens at most", "name a shorter --seq-len")
    stored = store.begin(measured(facts, sizes, seq_lens)) if store else Stored()
    watcher = guard or Guard(clock=clock)
    try:
        runner = Runner(target, limits or Limits(), watcher, store, stored, seed, clock)
        runner.begin()
        _warm_up(runner, sizes, runnable, progress)
        _rounds(runner, random.Random(seed), progress)
        runner.look(now=True)
    finally:
        if guard is None:
            watcher.close()
    too_long = _too_long(sizes, [entry for entry in seq_lens if entry not in runnable])
    points = [*(series.made(runner.readings) for series in runner.series.values()), *too_long]
    return Sweep(
        points=tuple(sorted(points, key=lambda made: (made.shape.seq_len, made.shape.batch_size))),
        environment=environment(target.facts(), watcher.noise()),
        elapsed_s=clock() - runner.began_s,
        warnings=_warnings(points, cut_short=runner.cut_short and sizes == "auto"),
    )


def _warm_up(runner: Runner, sizes: Sizes, entries: Sequence[int | Mix], progress: Progress | None) -> None:
    """Climb through the batch sizes of all lengths, a step of each in turn.

    Raises:
        OutOfMemory: nothing fits.
    """
    most, longest_s = runner.limits.max_batch_size, runner.limits.longest_s
    climbs = {
        entry: with_bisection(doubling(most, longest_s) if isinstance(sizes, str) else listed(sizes))
        for entry in entries
    }
    wanted = {entry: next(climb) for entry, climb in climbs.items()}
    while wanted:
        for entry, size in list(wanted.items()):
            if progress:
                progress(0, 0, f"warm-up: batch {size}, {longest(entry)} tokens")
            following = _step(runner, climbs[entry], entry, size)
            if following is None:
                del wanted[entry]
            else:
                wanted[entry] = following
    if not isinstance(sizes, str):
        _name_the_rest(runner, sizes, entries)
    if all(series.status == "oom" for series in runner.series.values()):
        least = min(series.shape for series in runner.series.values())
        raise OutOfMemory(
            f"not even {least.batch_size} request of {least.seq_len} tokens fits in memory",
            "take a smaller model or --dtype, or shorter requests",
        )


def _step(runner: Runner, climb: Climb, entry: int | Mix, size: int) -> int | None:
    """Warm one size up and return the next one of its climb; None where it ends or time does."""
    series = runner.of(Shape(size, longest(entry)), entry)
    if not runner.fits_in(2 * runner.expected_s(series), WARM_SHARE):
        runner.cut_short = True
        return None
    took_s = runner.warm(series)
    try:
        return climb.send(took_s)
    except StopIteration:
        return None


def _name_the_rest(runner: Runner, sizes: Sequence[int], entries: Sequence[int | Mix]) -> None:
    """Give every size that was asked for a series; what is beyond memory is skipped."""
    for entry in entries:
        tokens = longest(entry)
        too_large = [
            shape.batch_size
            for shape, series in runner.series.items()
            if shape.seq_len == tokens and series.status == "oom"
        ]
        for size in sizes:
            shape = Shape(size, tokens)
            if shape not in runner.series and too_large and size > min(too_large):
                runner.of(shape, entry).drop("skipped", f"a batch of {min(too_large)} did not fit in memory already")
            runner.of(shape, entry)


def _rounds(runner: Runner, rng: random.Random, progress: Progress | None) -> None:
    """Measure every shape once a round until all are known well enough or the time is up."""
    number = 0
    for series in runner.series.values():
        series.check(runner.limits)
    while True:
        running = [series for series in runner.series.values() if series.open]
        rng.shuffle(running)
        number += 1
        if progress:
            progress(*_done(runner), f"measuring, round {number}")
        if not [series for series in running if runner.sample(series)]:
            return
        for series in running:
            series.check(runner.limits)


def _done(runner: Runner) -> tuple[int, int]:
    """Return how much of the work is done, in hundredths: of the time, or of the shapes where these are ahead."""
    measurable = [series for series in runner.series.values() if series.status == "ok"]
    finished = sum(series.enough for series in measurable) / max(len(measurable), 1)
    used = 1 - runner.left_s / runner.limits.max_time_s
    return min(round(100 * max(finished, used)), 100), 100


def _too_long(sizes: Sizes, entries: Sequence[int | Mix]) -> list[Point]:
    reason = "the target does not take so many tokens"
    named = [1] if isinstance(sizes, str) else sizes
    return [Point(Shape(size, longest(entry)), "too_long", reason=reason) for entry in entries for size in named]


def _warnings(points: Sequence[Point], *, cut_short: bool) -> tuple[str, ...]:
    """Return a line for what was not measured for want of time."""
    skipped = [made for made in points if made.status == "skipped" and "time" in made.reason]
    lines = []
    if cut_short:
        lines.append("the time was up before throughput stopped growing; raise --max-time to try larger batches")
    if skipped:
        lines.append(f"{len(skipped)} of {len(points)} shapes were not measured; raise --max-time or name fewer")
    return tuple(lines)
