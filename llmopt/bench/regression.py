"""Is this run slower than that one, and by more than the threshold that the user set.

Each shape gives the logarithm of its change (`llmopt.bench.typical`); together they are a mean weighted by precision, a
geometric mean of the changes. Intervals hold two kinds of error: that within the runs, from resampled blocks, and that
between two runs of the same code, which no single run shows. The latter was measured (`benchmarks/sweep.py`): 1.5 % for
all shapes together, more for a single one. Where other work ran beside either run, intervals are wider by what that
may have cost; so a noisy machine hides a regression rather than raising a false one.

A regression is called where the run is slower beyond doubt (its 95 % interval is above 0), and the odds are three to
one that it is slower by more than the threshold. To ask for 95 % there too would take the user's margin twice: of
slow-downs that are twice the threshold many would pass. A single shape counts where all of its interval is above the
threshold, after Bonferroni's correction for looking at many; on a noisy machine only where all shapes together are
slower beyond doubt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

from llmopt.bench.baseline import Baseline
from llmopt.bench.result import Comparison, Environment, Point, ShapeChange, Sweep
from llmopt.bench.typical import Change, changes
from llmopt.core.batch import Shape
from llmopt.errors import InputError, UsageError

BETWEEN_RUNS, BETWEEN_RUNS_SHAPE = 0.015, 0.02
"""Standard error between two runs of the same code, in logarithms: of all shapes together, of a single one."""
FINEST = 0.02
"""Shapes are weighted by their errors, none as if it were more precise than this."""
MOST_CLOCK_CHANGE = 0.05
"""Change of the calibration kernel from which on the machine itself is another one today."""
TOLL, CLEAN_TOLL, SILENT_TOLL = 0.7, 0.02, 0.1
"""Error (a logarithm) for other work beside a run: for the square of the waiting (`Noise.waiting`) of the worse one,
since typical times leave out bursts as long as they are few; for that waiting itself where noisy samples were left out;
and for a noisy machine that tells of no waiting."""
HOPELESS = 0.5
"""Waiting from which on nothing is called: threads that wait for each other then slow a batch down many times."""
_CONFIDENCE = 0.95
_ODDS = 0.75
"""That the slow-down is above the threshold, for a regression of all shapes together."""
_TILT = NormalDist().inv_cdf(_ODDS)
_SHOWN = 4
"""Shapes that a warning names."""


def compare(before: Baseline | Sweep, now: Sweep, threshold: float = 0.05) -> Comparison:
    """Compare a run with an earlier one of the same machine, over all shapes that both measured.

    Args:
        before: the earlier run.
        now: this one.
        threshold: slow-down that is let pass; 0.05 is five percent.

    Raises:
        InputError: the two have no shape in common, or are of different machines or targets.
        UsageError: the threshold makes no sense.
    """
    if not 0 <= threshold < math.inf:
        raise UsageError(f"the threshold is {threshold}; a share from 0 on is needed, such as 0.05")
    _check_machines(before.environment, now.environment)
    was, is_now = _measured(before.points), _measured(now.points)
    shared = [shape for shape in was if shape in is_now]
    if not shared:
        raise InputError("the baseline has no shape in common with this run", "name the same batch sizes and lengths")
    found = changes([was[shape] for shape in shared], [is_now[shape] for shape in shared])
    drift = _clock_change(before.environment, now.environment)
    extra = drift**2 if abs(drift) > MOST_CLOCK_CHANGE else 0.0
    found = [
        replace(change, error=math.hypot(change.error, _doubt(before, now, clean=change.clean))) for change in found
    ]
    value, error = overall(found)
    error = math.sqrt(error**2 + BETWEEN_RUNS**2 + extra)
    errors = [math.sqrt(change.error**2 + BETWEEN_RUNS_SHAPE**2 + extra) for change in found]
    z, corrected = _z(1), _z(len(found))
    limit = math.log1p(threshold)
    hopeless = _worst_waiting(before, now) > HOPELESS
    quiet = before.environment.noise.quiet and now.environment.noise.quiet
    sure = value - z * error > 0
    single = (quiet or sure) and any(
        change.value - corrected * each > limit for change, each in zip(found, errors, strict=True)
    )
    return Comparison(
        change=math.expm1(value),
        low=math.expm1(value - z * error),
        high=math.expm1(value + z * error),
        shapes=tuple(_shown(change, each, z) for change, each in zip(found, errors, strict=True)),
        regressed=not hopeless and (single or (sure and value - _TILT * error > limit)),
        threshold=threshold,
        warnings=_warnings(before, now, was, is_now, drift),
    )


def overall(found: Sequence[Change]) -> tuple[float, float]:
    """Return the mean of the changes of all shapes and its error, both in logarithms.

    Bursts hit all shapes of a round, so errors are not taken as independent: the error of the mean is the mean error.
    """
    weights = [1 / (FINEST**2 + change.error**2) for change in found]
    total = sum(weights)
    value = sum(change.value * weight for change, weight in zip(found, weights, strict=True)) / total
    return value, sum(change.error * weight for change, weight in zip(found, weights, strict=True)) / total


def _measured(points: Sequence[Point]) -> dict[Shape, Point]:
    return {point.shape: point for point in points if point.times_s}


def _z(shapes: int) -> float:
    """Return how many standard errors an interval is wide on each side, after correction for so many."""
    return NormalDist().inv_cdf(1 - (1 - _CONFIDENCE) / 2 / shapes)


def _shown(change: Change, error: float, z: float) -> ShapeChange:
    return ShapeChange(
        shape=change.shape,
        before_s=change.before_s,
        now_s=change.now_s,
        change=math.expm1(change.value),
        low=math.expm1(change.value - z * error),
        high=math.expm1(change.value + z * error),
    )


def _check_machines(before: Environment, now: Environment) -> None:
    """Refuse to compare what is not of the same machine and target.

    Raises:
        InputError: another processor, number of CPUs, device or kind of work.
    """
    was, is_now = before.target, now.target
    pairs = (
        ("device", was.device_name or was.device, is_now.device_name or is_now.device),
        ("CPUs", before.cpu_count, now.cpu_count),
        ("task", was.task, is_now.task),
        ("new tokens", was.new_tokens, is_now.new_tokens),
    )
    differing = [f"{name} ({old} before, {new} now)" for name, old, new in pairs if old != new]
    if differing:
        raise InputError(
            f"the baseline is of another machine or target: {', '.join(differing)}", "measure a baseline here first"
        )


def _doubt(before: Baseline | Sweep, now: Sweep, *, clean: bool) -> float:
    """Return the error that other work on the machine adds to the change of a shape.

    Args:
        before: the earlier run.
        now: this one.
        clean: whether samples were left out beside which other work ran.
    """
    was, is_now = before.environment.noise, now.environment.noise
    if was.waiting is None or is_now.waiting is None:
        return 0.0 if was.quiet and is_now.quiet else SILENT_TOLL
    most = max(was.waiting, is_now.waiting)
    return CLEAN_TOLL * most if clean else TOLL * most**2


def _worst_waiting(before: Baseline | Sweep, now: Sweep) -> float:
    return max(run.environment.noise.waiting or 0.0 for run in (before, now))


def _clock_change(before: Environment, now: Environment) -> float:
    """Return by how much the calibration kernel became slower, in logarithms; 0 where it is not known."""
    was, is_now = before.noise.calibration_s, now.noise.calibration_s
    return math.log(is_now / was) if was and is_now else 0.0


def _warnings(
    before: Baseline | Sweep, now: Sweep, was: dict[Shape, Point], is_now: dict[Shape, Point], drift: float
) -> tuple[str, ...]:
    lines = [
        *_missing("this run", [shape for shape in was if shape not in is_now]),
        *_missing("the baseline", [shape for shape in is_now if shape not in was]),
    ]
    if not before.environment.noise.quiet:
        lines.append("the machine was not quiet when the baseline was measured")
    if _worst_waiting(before, now) > HOPELESS:
        lines.append("other work took so much of the machine that no regression can be told; compare again later")
    if abs(drift) > MOST_CLOCK_CHANGE:
        lines.append(f"the machine itself is {math.expm1(drift):+.0%} slower than then, by its calibration kernel")
    old, new = before.environment.target, now.environment.target
    for name in ("name", "dtype", "attention", "compiled", "threads", "versions"):
        first, second = getattr(old, name), getattr(new, name)
        if first != second:
            lines.append(f"{name} of the target differs: {_text(first)} before, {_text(second)} now")
    return tuple(lines)


def _missing(where: str, shapes: Sequence[Shape]) -> list[str]:
    if not shapes:
        return []
    named = ", ".join(f"{shape.batch_size}x{shape.seq_len}" for shape in shapes[:_SHOWN])
    more = f" and {len(shapes) - _SHOWN} more" if len(shapes) > _SHOWN else ""
    return [f"not measured in {where}, so not compared: {named}{more}"]


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(f"{library}={version}" for library, version in value) or "none"
    return str(value) or "none"
