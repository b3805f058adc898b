"""The CPU route from a checkpoint to a report: open, measure, choose, save, open again, measure that, tell."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from llmopt.core.ratio import Ratio
from llmopt.errors import InputError
from llmopt.models.auto.candidates import DEFAULT_GATE, chosen
from llmopt.models.auto.explore import explore
from llmopt.models.auto.explored import Explored
from llmopt.models.auto.frontier import title, variants
from llmopt.models.auto.gates import failures
from llmopt.models.auto.impact import impact
from llmopt.models.auto.opening import Opened, computing_with, opened
from llmopt.models.auto.peak import Peak
from llmopt.models.auto.remarks import remarks
from llmopt.models.auto.steps import Steps
from llmopt.models.auto.told import kept_of, layers_of
from llmopt.models.auto.written import Written, written
from llmopt.models.cpu.features import int8_warning
from llmopt.models.cpu.recipe import recipes
from llmopt.models.cpu.saved import load_line
from llmopt.models.located import located
from llmopt.models.quality.data import Sample, halves, read_samples
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.destination import atomic_folder
from llmopt.models.quantizing.report import CostImpact, QuantizeReport, TensorCounts

Progress = Callable[[int, int], None]


def quantize_for_cpu(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    config: QuantizeConfig,
    *,
    progress: Progress | None = None,
) -> QuantizeReport:
    """Find the fastest way to run a model on this processor within the gate, and write it.

    Args:
        src: folder of the checkpoint, or its name in the hub's local cache.
        dst: folder to make; must not exist.
        config: how; a `scheme` other than `auto` leaves less to choose from.
        progress: called with (steps done, steps foreseen).

    Raises:
        UsageError: options that do not go together, or cannot be had here.
        InputError: no checkpoint, or data that cannot be read.
        OutOfMemory: the model does not fit.
    """
    began_s, peak = time.perf_counter(), Peak()
    folder = located(src)
    said: list[str] = []
    choosing, held_out = _inputs(config, said)
    with (
        tempfile.TemporaryDirectory(prefix="llmopt-") as scratch,
        atomic_folder(dst, folder) as partial,
        computing_with(config.threads),
    ):
        start = opened(folder, Path(scratch), choosing, config)
        steps = Steps(2, progress)
        explored = explore(start.subject, recipes(start.subject.source.facts.task), config, steps)
        steps.step()
        at = chosen(explored.points, [trial.recipe for trial in explored.trials], config.scheme, _gate(config))
        result = written(start, explored, explored.trials[at].recipe, held_out, partial, config)
        steps.step()
        return _report((str(src), str(dst)), config, start, explored, at, result, (began_s, peak), said)


def _inputs(config: QuantizeConfig, said: list[str]) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Return the inputs to choose by and those held out; none of either without data."""
    if config.data is None:
        return (), ()
    found = halves(read_samples(config.data, refused=said.append))
    if not all(found):
        raise InputError(f"{config.data}: one text cannot be split in two halves", "give some hundreds")
    return found


def _gate(config: QuantizeConfig) -> float:
    return DEFAULT_GATE if config.max_quality_drop is None else config.max_quality_drop


def _report(
    places: tuple[str, str],
    config: QuantizeConfig,
    start: Opened,
    explored: Explored,
    at: int,
    result: Written,
    spent: tuple[float, Peak],
    said: list[str],
) -> QuantizeReport:
    recipe = explored.trials[at].recipe
    layers = layers_of(start.source, recipe, explored.sensitivity)
    kept = kept_of(start.source, recipe, layers)
    before = start.source.stored.size_bytes
    duration_s = time.perf_counter() - spent[0]
    peak_bytes, working_bytes = spent[1].read()
    told = remarks(
        config,
        explored,
        recipe,
        gate=_gate(config),
        quality=result.quality,
        speedup=result.speedup,
        processor=int8_warning(),
    )
    return QuantizeReport(
        scheme=title(recipe),
        format=recipe.engine,
        target=config.target,
        source=places[0],
        destination=places[1],
        tensors=TensorCounts(len(layers), len(kept)),
        bytes_before=before,
        bytes_after=result.size_bytes,
        peak_memory_bytes=peak_bytes,
        working_memory_bytes=working_bytes,
        mb_per_s=before / 1e6 / duration_s,
        duration_s=duration_s,
        layers=layers,
        kept=kept,
        quality=result.quality,
        speedup=result.speedup,
        cost=_cost(config, result),
        frontier=variants(explored, at, _gate(config) if config.data else None, size_bytes=result.size_bytes),
        load_line=load_line(places[1]),
        failures=failures(config, result.quality, result.speedup),
        warnings=tuple(dict.fromkeys([*start.source.stored.warnings, *said, *told])),
    )


def _cost(config: QuantizeConfig, result: Written) -> CostImpact | None:
    if config.price_per_month is None:
        return None
    speedup = result.speedup
    return impact(config.price_per_month, Ratio(speedup.value, speedup.low, speedup.high))
