"""The largest arrival rate that each setting of a batcher carries within a bound of the p99, by simulation.

All settings meet the same arrivals, lengths and noise (common random numbers), so that their order is not a matter of
luck. Each is first tried at the rate of the best so far and dropped if it fails well below it; the rest is bisection.
A short run ranks the settings, a long one decides among the best few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmopt.bench.arrivals import Floats, Ints, Workload
from llmopt.bench.curve import ServiceCurve
from llmopt.bench.simulate import NO_OVERHEAD, Overhead, simulate
from llmopt.bench.simulated import Simulated
from llmopt.errors import MissingExtraError
from llmopt.serving.batching.settings import BatchSettings

try:
    import numpy as np
except ImportError as error:
    raise MissingExtraError(error.name or "numpy", "bench") from error

P99 = 0.99
FULL_SHARE = 0.98
"""Of its capacity, what a setting may be given at most: beyond, a finite run says nothing of a longer one."""
_LOWEST_SHARE = 1e-4
"""Of its capacity: a rate at which requests hardly ever meet."""
_TIE = 0.02
_CLOSE = 0.93
"""Of the best of a short run: what carries less is not looked at again."""
_FINALISTS = 2
"""Of those that carry the most, and of the simplest."""
_SHARES = (1.02, 1.01, 1.0, 0.99, 0.98, 0.97, 0.96, 0.95, 0.93, 0.91, 0.88, 0.85, 0.82, 0.78, 0.74, 0.7)


@dataclass(frozen=True, slots=True)
class Trial:
    """The requests that settings are tried with, at any rate, and the noise that they meet."""

    curve: ServiceCurve
    unit_arrivals: Floats
    """For a rate of 1 a second."""
    lengths: Ints
    noise: list[float]
    overhead: Overhead = NO_OVERHEAD

    @classmethod
    def of(
        cls, curve: ServiceCurve, workload: Workload, requests: int, seed: int = 0, overhead: Overhead = NO_OVERHEAD
    ) -> Trial:
        """Draw them."""
        arrivals, lengths = workload.drawn(requests, seed)
        return cls(curve, arrivals, lengths, curve.noise(requests, seed).tolist(), overhead)

    def run(self, settings: BatchSettings, rate_per_s: float) -> Simulated:
        """Play a setting through at a rate."""
        arrivals = self.unit_arrivals / rate_per_s
        return simulate(self.curve, arrivals, self.lengths, settings, overhead=self.overhead, noise=self.noise)

    def capacity_per_s(self, settings: BatchSettings) -> float:
        """Return the requests a second when the queue is never empty."""
        run = simulate(
            self.curve,
            np.zeros(len(self.lengths)),
            self.lengths,
            settings,
            overhead=self.overhead,
            noise=self.noise,
        )
        return len(self.lengths) / run.busy_s


@dataclass(frozen=True, slots=True)
class Carried:
    """What a setting carries."""

    settings: BatchSettings
    rate_per_s: float
    """The largest rate at which the bound is met; 0 where it is met at none."""
    p99_s: float
    """At that rate; where the bound is met at none, with hardly any requests."""


def largest_rate(
    trial: Trial,
    settings: BatchSettings,
    slo_p99_s: float,
    tail: Callable[[Simulated], float],
    *,
    at_least: float = 0.0,
    tolerance: float = 0.003,
) -> Carried:
    """Return the largest rate that a setting carries.

    Args:
        trial: the requests.
        settings: of the batcher.
        slo_p99_s: the bound.
        tail: what must be within it, of a run.
        at_least: give up where this rate is not carried.
        tolerance: of the rate, relative.
    """
    high = FULL_SHARE * trial.capacity_per_s(settings)
    low, p99_s = 0.0, 0.0
    if at_least >= high:
        return Carried(settings, 0.0, float("inf"))
    guess = at_least if at_least > 0 else _LOWEST_SHARE * high
    for rate in (guess, high):
        found = tail(trial.run(settings, rate))
        if found > slo_p99_s and rate == guess:
            return Carried(settings, 0.0, found)
        if found > slo_p99_s:
            break
        low, p99_s = rate, found
    while low < high and high - low > tolerance * high:
        rate = (low * high) ** 0.5 if low < high / 4 else (low + high) / 2
        found = tail(trial.run(settings, rate))
        if found <= slo_p99_s:
            low, p99_s = rate, found
        else:
            high = rate
    return Carried(settings, low, p99_s)


def p99(run: Simulated) -> float:
    """Return the p99 of a run."""
    return run.quantile(P99)


def p99_upper(run: Simulated) -> float:
    """Return the upper 95 % bound of the p99 in the long run."""
    return run.upper(P99)


def ranked(
    trial: Trial, candidates: Sequence[BatchSettings], slo_p99_s: float, *, give_up: float = 0.94
) -> list[Carried]:
    """Return what the settings carry by the p99 of a short run, the most first.

    Args:
        trial: the requests.
        candidates: in the order of trying; the promising ones first save time.
        slo_p99_s: the bound.
        give_up: drop a setting that does not carry this share of the best so far; 0: find out what each carries.
    """
    found: list[Carried] = []
    best = 0.0
    for settings in candidates:
        carried = largest_rate(trial, settings, slo_p99_s, p99, at_least=give_up * best, tolerance=0.01)
        best = max(best, carried.rate_per_s)
        found.append(carried)
    return sorted(found, key=lambda carried: (-carried.rate_per_s, carried.p99_s, simplicity(carried.settings)))


def decided(trial: Trial, ranking: Sequence[Carried], slo_p99_s: float) -> Carried | None:
    """Return the best of a ranking in a long run; of near ties the simplest.

    None: even with hardly any requests no setting meets the bound.
    """
    good = [carried for carried in ranking if carried.rate_per_s > 0]
    if not good:
        return None
    close = [carried for carried in good if carried.rate_per_s >= _CLOSE * good[0].rate_per_s]
    simple = sorted(close, key=lambda carried: simplicity(carried.settings))
    finalists = dict.fromkeys(carried.settings for carried in [*close[:_FINALISTS], *simple[:_FINALISTS]])
    found: list[Carried] = []
    best = 0.0
    for settings in finalists:
        carried = largest_rate(trial, settings, slo_p99_s, p99, at_least=(1 - 2 * _TIE) * best)
        best = max(best, carried.rate_per_s)
        found.append(carried)
    ties = [carried for carried in found if carried.rate_per_s >= (1 - _TIE) * best]
    return min(ties, key=lambda carried: simplicity(carried.settings)) if best else None


def bounded(trial: Trial, best: Carried, slo_p99_s: float) -> Carried:
    """Return the largest rate of a setting at which the upper bound of its p99 meets the bound.

    The upper bound need not rise with the rate everywhere, so the rates up to that of the p99 itself are tried one by
    one, from above; where none does, the search goes on below them.
    """
    for share in _SHARES:
        rate = share * best.rate_per_s
        upper = p99_upper(trial.run(best.settings, rate))
        if upper <= slo_p99_s:
            return Carried(best.settings, rate, upper)
    return largest_rate(trial, best.settings, slo_p99_s, p99_upper)


def simplicity(settings: BatchSettings) -> tuple[float, int, int]:
    """Return a key that is smaller for simpler settings: no wait, no token budget, a small batch."""
    return settings.max_wait_s, settings.max_batch_size, settings.max_batch_tokens or 0
