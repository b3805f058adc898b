"""The figures that are reported: the result as it was saved and opened again, on texts that no choice was made on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llmopt.core.ratio import Ratio, speedup
from llmopt.core.stats import median
from llmopt.models.auto.speed import Timed, times_in_turn
from llmopt.models.quantizing.report import Speedup

ROUNDS, TIME_S = 20, 20.0
"""Of the last comparison, at most."""
_SAME = Ratio(1.0, 1.0, 1.0)


def final_speedup(
    result: Timed,
    base: tuple[str, Timed],
    strongest: tuple[str, Timed],
    requests: list[list[int]],
    *,
    threads: int,
    times: Callable[..., list[list[float]]] = times_in_turn,
) -> Speedup:
    """Return how much faster the result is than what runs today, and than the strongest FP32, all three in turn.

    Args:
        result: as it was opened again.
        base: name and model of what runs today.
        strongest: name and model of the fastest FP32 that was measured; may be the base, or the result.
        requests: the batch to answer.
        threads: that all of them compute with.
        times: measures models in turn.
    """
    models = _distinct([base[1], strongest[1], result])
    measured = times(models, requests, rounds=ROUNDS, max_time_s=TIME_S)

    def of(model: Timed) -> list[float]:
        return measured[next(at for at, other in enumerate(models) if other is model)]

    against_base = speedup(of(base[1]), of(result)) if result is not base[1] else _SAME
    return Speedup(
        value=against_base.value,
        low=against_base.low,
        high=against_base.high,
        base=base[0],
        against_strongest=speedup(of(strongest[1]), of(result)) if result is not strongest[1] else _SAME,
        strongest=strongest[0],
        batch_size=len(requests),
        seq_len=max(map(len, requests)),
        threads=threads,
        latency_p50_s=median(of(result)),
        base_latency_p50_s=median(of(base[1])),
        rounds=len(measured[0]),
    )


def _distinct(models: Sequence[Timed]) -> list[Timed]:
    found: list[Timed] = []
    for model in models:
        if not any(model is other for other in found):
            found.append(model)
    return found
