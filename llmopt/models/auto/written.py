"""The figures that count: the result, saved and opened again as a user will, on inputs that no choice was made on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmopt.core.ratio import Ratio, speedup
from llmopt.core.stats import median
from llmopt.models.auto.opening import Opened
from llmopt.models.auto.speed import Timed, times_in_turn
from llmopt.models.auto.trial import Explored
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.cpu.saved import open_saved, save, weight_bytes
from llmopt.models.quality.data import Sample
from llmopt.models.quality.measure import quality, reference
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.report import Speedup

ROUNDS, TIME_S = 15, 20.0
"""Of the last comparison, at most."""
_SAME = Ratio(1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Written:
    """What was measured of the result."""

    size_bytes: int
    """Of its weights in the files."""
    quality: Quality | None
    """None without data."""
    speedup: Speedup


def written(
    start: Opened,
    explored: Explored,
    recipe: Recipe,
    held_out: Sequence[Sample],
    destination: Path,
    config: QuantizeConfig,
    *,
    texts: int,
) -> Written:
    """Save a variant and measure what was saved.

    Args:
        start: the source.
        explored: what was measured to choose from; the first trial is what runs today.
        recipe: of the variant.
        held_out: inputs that no choice was made on; none: quality is not measured.
        destination: an empty folder.
        config: of the user.
        texts: to compare answers on at most.

    Raises:
        InputError: it cannot be written.
    """
    source = start.subject.source
    save(start.subject.build(recipe), recipe, start.folder, destination)
    result = open_saved(destination)
    today = explored.trials[0].recipe
    fastest = _strongest(explored)
    strongest = source if fastest == today else start.subject.build(fastest)
    found_speedup = final_speedup(
        result, (today.name, source), (fastest.name, strongest), start.subject.requests, threads=config.threads
    )
    found = None
    if held_out:
        answers = reference(source, held_out, batch_size=config.batch_size, most=texts)
        found = quality(answers, result, gate=config.max_quality_drop)
    return Written(weight_bytes(destination), found, found_speedup)


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


def _strongest(explored: Explored) -> Recipe:
    """Return the fastest FP32 that was measured."""
    plain = [trial for trial in explored.trials if trial.recipe.numbers == "float32"]
    return max(plain, key=lambda trial: trial.speedup.value).recipe


def _distinct(models: Sequence[Timed]) -> list[Timed]:
    found: list[Timed] = []
    for model in models:
        if not any(model is other for other in found):
            found.append(model)
    return found
