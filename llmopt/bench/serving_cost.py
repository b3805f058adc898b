"""What serving takes besides what a sweep measured, with the model itself.

A request waits for the event loop on its way in, its answer on its way out, and the longer while the model's threads
hold all CPUs. A batch right after another finds threads awake and caches warm, which one after a pause does not: up to
a tenth of a lone request on a CPU. A sweep, with a little pause before each batch, is somewhere between. So lone
requests run in three ways, in turns: as in the sweep; served all at once, so that the device never idles; and served
each some time after the last answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from llmopt.bench.simulate import Overhead
from llmopt.bench.target import LoadPlan, LoadRun, Target
from llmopt.core.stats import median
from llmopt.errors import LlmoptError
from llmopt.serving.batching.settings import BatchSettings

_PAUSE_S = 0.01
"""Longer than idle threads spin, and of the order of the pauses between requests."""
_REQUESTS = 8
"""Of each load; the first one warms it up."""
_ROUNDS, _FEWEST_ROUNDS = 4, 2
_MOST = 0.5
"""Of the time of a lone request, what a pause may cost: more is something else."""
_MOST_SAVED = 0.25
"""And what being right after another batch may save."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What loads showed, in seconds."""

    swept_s: list[float] = field(default_factory=list)
    """Times of batches as in the sweep."""
    together_s: list[float] = field(default_factory=list)
    """Served, each right after another."""
    apart_s: list[float] = field(default_factory=list)
    """As many, each after a pause."""
    gaps_s: list[float] = field(default_factory=list)
    """Between two batches."""
    busy_ways_s: list[float] = field(default_factory=list)
    """Of requests, in and out, while the device goes on."""
    free_ways_s: list[float] = field(default_factory=list)
    """While it does not."""


def serving_cost(
    target: Target, lone_s: float, seq_len: int, limit_s: float, otherwise: Callable[[], Overhead]
) -> Overhead:
    """Return what serving a target takes besides its model.

    Args:
        target: serves.
        lone_s: time of a lone request.
        seq_len: its tokens.
        limit_s: about as long as it may take.
        otherwise: what to return where that is too short, as for a slow model, of which it is a small part.
    """
    apart_s = lone_s * (1 + _MOST) + _PAUSE_S
    rounds = min(_ROUNDS, int(limit_s / (_REQUESTS * (2 * lone_s + apart_s))))
    if rounds < _FEWEST_ROUNDS:
        return otherwise()
    seen = _Seen()
    for _ in range(rounds):
        try:
            swept_s = [target.run([seq_len]).wall_s for _ in range(_REQUESTS)]
            together, apart = (target.load(_plan(seq_len, gap_s)) for gap_s in (0.0, apart_s))
        except LlmoptError:  # a target that cannot serve is told of where it is verified
            return otherwise()
        if any(run.failed or len(run.batches) < _REQUESTS for run in (together, apart)):
            return otherwise()
        seen.swept_s.extend(swept_s[1:])
        _together(together, seen)
        _apart(apart, seen)
    return _overhead(seen)


def _overhead(seen: _Seen) -> Overhead:
    usual_s = median(seen.swept_s)
    together_s = median(seen.together_s)
    batch_s = max(0.0, median(seen.gaps_s)) + together_s - usual_s
    free_s = max(0.0, median(seen.free_ways_s))
    return Overhead(
        batch_s=max(batch_s, -_MOST_SAVED * usual_s),
        request_s=free_s,
        idle_s=min(max(0.0, median(seen.apart_s) - together_s), _MOST * usual_s),
        busy_s=max(0.0, median(seen.busy_ways_s) - free_s),
    )


def _plan(seq_len: int, gap_s: float) -> LoadPlan:
    return LoadPlan(tuple(gap_s * number for number in range(_REQUESTS)), (seq_len,) * _REQUESTS, BatchSettings(1))


def _together(run: LoadRun, seen: _Seen) -> None:
    """Take note of a load whose requests came at once: what a latency holds besides the batches until then."""
    ended_s, extra_s = 0.0, []
    for latency_s, (_, _, took_s) in zip(run.latencies_s, run.batches, strict=True):
        ended_s += took_s
        extra_s.append(latency_s - ended_s)
    # The answer to the last one finds the CPUs free.
    gap_s = (extra_s[-2] - extra_s[0]) / (_REQUESTS - 2)
    seen.gaps_s.append(gap_s)
    seen.busy_ways_s.extend(extra - gap_s * number for number, extra in enumerate(extra_s[:-1]))
    seen.together_s.extend(took_s for _, _, took_s in run.batches[1:])


def _apart(run: LoadRun, seen: _Seen) -> None:
    """Take note of a load whose requests came one by one."""
    times_s = [took_s for _, _, took_s in run.batches[1:]]
    seen.apart_s.extend(times_s)
    seen.free_ways_s.extend(whole - took for whole, took in zip(run.latencies_s[1:], times_s, strict=True))
