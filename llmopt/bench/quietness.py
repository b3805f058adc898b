"""Whether the machine of a verification was that of the sweep: what the load itself shows, besides the guard.

A guard looks before and after a load. In between, the times of the batches tell: where they are not those of the sweep,
the prediction is of another machine. How much that matters depends on the load, so it is judged by what a simulation
with those very times says: next to the capacity of a setting two percent of the speed are a tenth of the latency.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from llmopt.bench.result import Noise

MOST_SLOWER = 0.05
"""Distance of the speed from that of the sweep."""
MOST_P50, MOST_P99 = 0.08, 0.16
"""What the times of the batches may change of the prediction: a little less than the error that is promised."""
MOST_OTHERS = 0.05
"""Of the CPUs' time, what other processes may take."""
_MOVED = 1.5
"""Ratio of hand-over times at which CPUs were moved."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a load shows of the machine."""

    service_ratio: float
    """Time of the batches of the load over that of the sweep."""
    speed_before: float
    """Time of the same batches right before the load over that of the sweep."""
    speed_after: float
    """Right after it."""
    p50_change: float
    """What a simulation says with the times of these batches over what it said with those of the sweep, minus 1."""
    p99_change: float
    others: float | None = None
    """Share of the CPUs' time that other processes took; None: not known."""
    sweep: Noise | None = None
    """Of the sweep; None: not known."""


def judged(noise: Noise, evidence: Evidence) -> Noise:
    """Return the noise of a guard with what the load itself shows."""
    reasons = (*noise.reasons, *_reasons(noise, evidence))
    return replace(noise, quiet=noise.quiet and not reasons, reasons=reasons)


def _reasons(noise: Noise, evidence: Evidence) -> Iterator[str]:
    before_s, now_s = evidence.sweep.handover_s if evidence.sweep else None, noise.handover_s
    if before_s and now_s and not 1 / _MOVED < now_s / before_s < _MOVED:
        times = f"{now_s / before_s:.2g} times the time of the sweep"
        yield f"the CPUs reach each other in {times}: the host has moved them"
    if evidence.others is not None and evidence.others > MOST_OTHERS:
        yield f"other processes took {evidence.others:.0%} of the CPUs' time (up to {MOST_OTHERS:.0%} is quiet)"
    slower = evidence.service_ratio - 1
    around = (
        f"the same ones {evidence.speed_before - 1:+.0%} right before the load, {evidence.speed_after - 1:+.0%} after"
    )
    if abs(slower) > MOST_SLOWER:
        yield f"batches took {slower:+.0%} against the sweep ({around}; up to {MOST_SLOWER:.0%} is quiet)"
    elif abs(evidence.p50_change) > MOST_P50 or abs(evidence.p99_change) > MOST_P99:
        effect = f"p50 by {evidence.p50_change:+.0%} and p99 by {evidence.p99_change:+.0%}"
        yield f"batches took {slower:+.1%} against the sweep ({around}); that and their scatter change {effect}"
