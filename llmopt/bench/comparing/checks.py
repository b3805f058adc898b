"""What a comparison has to hold to be a success: fast enough, good enough, and measured on a quiet machine."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.bench.comparing.result import BenchResult, ModelResult
from llmopt.core import check
from llmopt.core.check import Check


def failed_checks(result: BenchResult, *, allow_noisy: bool = False) -> tuple[str, ...]:
    """Return a line for each check that does not hold, for `llmopt bench` to exit with 1.

    Args:
        result: of `llmopt.bench.compare`.
        allow_noisy: let a machine pass that was not quiet.
    """
    return check.failures(checks(result, allow_noisy=allow_noisy))


def checks(result: BenchResult, *, allow_noisy: bool = False) -> tuple[Check, ...]:
    """Return each check that was asked for with its outcome; arguments as `failed_checks`."""
    known = bounds(result.models, result.min_speedup, result.max_quality_drop)
    found = check.with_others(known, result.failures, "bounds")
    if allow_noisy:
        return found
    noise = result.environment.noise
    why = f"the machine was not quiet: {'; '.join(noise.reasons)}; --allow-noisy lets it pass"
    return (*found, Check("quiet machine", failures=() if noise.quiet else (why,)))


def failures(
    models: Sequence[ModelResult], min_speedup: float | None, max_quality_drop: float | None
) -> tuple[str, ...]:
    """Return what of the user's bounds does not hold, a sentence each; arguments as `bounds`."""
    return check.failures(bounds(models, min_speedup, max_quality_drop))


def bounds(
    models: Sequence[ModelResult], min_speedup: float | None, max_quality_drop: float | None
) -> tuple[Check, ...]:
    """Return each bound of the user with its outcome: the points count, not the ends of their intervals.

    What could not be measured does not hold.

    Args:
        models: the base is not looked at.
        min_speedup: times as fast as the base; None: no bound.
        max_quality_drop: share that may be lost; None: no bound.
    """
    found = []
    for model in models:
        if model.is_base:
            continue
        if min_speedup is not None:
            told = "" if model.speedup is None else f"{model.speedup:.2f}x"
            slow = tuple(_too_slow(model, min_speedup))
            found.append(Check("--min-speedup", f"{min_speedup:g}x", told, model.name, failures=slow))
        if max_quality_drop is not None:
            told = "" if model.quality is None else f"{model.quality.drop:.2%}"
            bad = tuple(_too_bad(model, max_quality_drop))
            found.append(Check("--max-quality-drop", f"{max_quality_drop:.3%}", told, model.name, failures=bad))
    return tuple(found)


def unsure(models: Sequence[ModelResult], min_speedup: float | None) -> tuple[str, ...]:
    """Return a warning for each speed-up whose interval holds the bound; arguments as `failures`.

    Where that of a quality drop does, `Quality.warnings` says so.
    """
    found = []
    for model in models:
        if model.is_base:
            continue
        low, high = model.speedup_low, model.speedup_high
        if min_speedup is not None and low is not None and high is not None and low < min_speedup < high:
            found.append(
                f"{model.name}: the speed-up asked for, {min_speedup:g}, is inside the interval measured "
                f"({low:.2f} to {high:.2f}); another run may say otherwise: raise --max-time"
            )
    return tuple(found)


def _too_slow(model: ModelResult, least: float) -> list[str]:
    if model.speedup is None:
        return [f"{model.name}: no speed-up could be measured, {least:g} was asked for: {model.reason}"]
    if model.speedup >= least:
        return []
    interval = f"95% interval {model.speedup_low:.2f} to {model.speedup_high:.2f}"
    return [f"{model.name} is {model.speedup:.2f} times as fast as the base ({interval}), less than {least:g}"]


def _too_bad(model: ModelResult, most: float) -> list[str]:
    if model.quality is None:
        return [f"{model.name}: its quality could not be measured, a drop of {most:.3%} at most was asked for"]
    if model.quality.drop <= most:
        return []
    return [f"{model.name}: {model.quality.drop:.2%} {model.quality.drop_metric}, more than {most:.3%}"]
