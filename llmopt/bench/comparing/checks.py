"""What a comparison has to hold to be a success: fast enough, good enough, and measured on a quiet machine."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.bench.comparing.result import BenchResult, ModelResult


def failed_checks(result: BenchResult, *, allow_noisy: bool = False) -> tuple[str, ...]:
    """Return a line for each check that does not hold, for `llmopt bench` to exit with 1.

    Args:
        result: of `llmopt.bench.compare`.
        allow_noisy: let a machine pass that was not quiet.
    """
    noise = result.environment.noise
    if allow_noisy or noise.quiet:
        return result.failures
    return (*result.failures, f"the machine was not quiet: {'; '.join(noise.reasons)}; --allow-noisy lets it pass")


def failures(
    models: Sequence[ModelResult], min_speedup: float | None, max_quality_drop: float | None
) -> tuple[str, ...]:
    """Return what of the user's bounds does not hold: the points count, not the ends of their intervals.

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
        found += [] if min_speedup is None else _too_slow(model, min_speedup)
        found += [] if max_quality_drop is None else _too_bad(model, max_quality_drop)
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
