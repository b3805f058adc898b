"""The report of the CPU route: what became of each tensor, the variants that were measured, and the figures.

The error of a layer is that of its weight alone, by row or for the whole tensor as the recipe scales it:
`s = max|w| / 127`, `w' = s round(w / s)`; the engines round the same way. Where columns are scaled first (static
scales), that is done before and undone after.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmopt.core.ratio import Ratio
from llmopt.errors import MissingExtraError
from llmopt.models.auto.candidates import DEFAULT_GATE, title
from llmopt.models.auto.impact import impact
from llmopt.models.auto.opening import Opened, Source
from llmopt.models.auto.points import on_frontier
from llmopt.models.auto.remarks import failures, remarks
from llmopt.models.auto.trial import Explored
from llmopt.models.auto.written import Written
from llmopt.models.cpu.calibration import Calibration, Range
from llmopt.models.cpu.features import int8_warning
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.cpu.saved import load_line
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.report import CostImpact, KeptTensor, Layer, QuantizeReport, TensorCounts, Variant

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

_MOST, _SCALE_BYTES = 127, 4
_NO_RANGES: Calibration = {}


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run took."""

    duration_s: float
    peak_bytes: int
    """Most memory that the process held."""
    working_bytes: int
    """Of it above what was held at the start."""
    others: float | None = None
    """Share of the CPUs' time that other programs took meanwhile; None where the system does not tell."""


def report_of(
    places: tuple[str, str],
    config: QuantizeConfig,
    start: Opened,
    explored: Explored,
    at: int,
    result: Written,
    spent: Spent,
    said: Sequence[str],
) -> QuantizeReport:
    """Return the report of a run.

    Args:
        places: source and destination, as the user named them.
        config: of the user.
        start: the source.
        explored: what was measured.
        at: place of the variant that was taken.
        result: what was measured of it in the end.
        spent: by the run.
        said: warnings so far.
    """
    recipe = explored.trials[at].recipe
    layers = layers_of(start.source, recipe, explored.sensitivity, start.ranges(recipe))
    kept = kept_of(start.source, recipe, layers)
    before = start.source.stored.size_bytes
    gate = DEFAULT_GATE if config.max_quality_drop is None else config.max_quality_drop
    told = remarks(
        config,
        explored,
        recipe,
        gate=gate,
        quality=result.quality,
        speedup=result.speedup,
        processor=int8_warning(),
        others=spent.others,
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
        peak_memory_bytes=spent.peak_bytes,
        working_memory_bytes=spent.working_bytes,
        mb_per_s=before / 1e6 / spent.duration_s,
        duration_s=spent.duration_s,
        layers=layers,
        kept=kept,
        quality=result.quality,
        speedup=result.speedup,
        cost=_cost(config, result),
        frontier=variants(explored, at, gate if config.data else None, size_bytes=result.size_bytes),
        load_line=load_line(places[1]),
        failures=failures(config, result.quality, result.speedup),
        warnings=tuple(dict.fromkeys([*start.source.stored.warnings, *said, *told])),
    )


def variants(explored: Explored, chosen: int, gate: float | None, *, size_bytes: int) -> tuple[Variant, ...]:
    """Return all variants that were measured, the fastest first.

    Args:
        explored: what was measured.
        chosen: place of the one that was taken.
        gate: most quality to lose, None without data: nothing is known of it.
        size_bytes: of the one that was taken.
    """
    flags = on_frontier(explored.points)
    found = [
        Variant(
            name=title(trial.recipe),
            engine=trial.recipe.engine,
            scheme=trial.recipe.scheme,
            kept_layers=trial.recipe.kept,
            speedup=trial.speedup,
            quality_drop=point.drop.value if point.drop is not None else None,
            size_bytes=size_bytes if at == chosen else None,
            batch_independent=trial.recipe.batch_independent,
            on_frontier=flags[at],
            passes=gate is None or (point.drop is not None and point.drop.value <= gate),
            chosen=at == chosen,
            quality=trial.quality,
        )
        for at, (point, trial) in enumerate(zip(explored.points, explored.trials, strict=True))
    ]
    return tuple(sorted(found, key=lambda variant: -variant.speedup.value))


def layers_of(
    source: Source, recipe: Recipe, sensitivity: Mapping[str, float], ranges: Calibration = _NO_RANGES
) -> tuple[Layer, ...]:
    """Return the linear layers that a recipe computes in fewer bits, with the error of each weight.

    Args:
        source: the checkpoint.
        recipe: that was chosen.
        sensitivity: of the layers whose effect was measured.
        ranges: of the inputs of layers, where their columns are scaled before they are rounded.
    """
    if recipe.numbers == "float32":
        return ()
    kept = set(recipe.kept)
    return tuple(
        _layer(source, name, recipe, sensitivity.get(name), ranges.get(name))
        for name in source.linear
        if name not in kept
    )


def kept_of(source: Source, recipe: Recipe, layers: Sequence[Layer]) -> tuple[KeptTensor, ...]:
    """Return all other tensors with the reason of each."""
    changed = {layer.name for layer in layers}
    linear = {tensor.name for tensor in source.linear.values()}
    kept = []
    for tensor in source.stored.tensors:
        if tensor.name in changed:
            continue
        reason = source.reasons.get(tensor.name, "")
        if recipe.numbers == "float32":
            reason = "the model runs in float32"
        elif tensor.name in linear and not reason.startswith("--skip"):
            reason = "most sensitive"
        kept.append(
            KeptTensor(
                tensor.name, tensor.shape, tensor.dtype, tensor.size_bytes, reason or "not used, or too small to gain"
            )
        )
    return tuple(kept)


def _cost(config: QuantizeConfig, result: Written) -> CostImpact | None:
    if config.price_per_month is None:
        return None
    speedup = result.speedup
    return impact(config.price_per_month, Ratio(speedup.value, speedup.low, speedup.high))


def _layer(source: Source, name: str, recipe: Recipe, sensitivity: float | None, known: Range | None) -> Layer:
    tensor, weight = source.linear[name], source.weight(name)
    factors = 1.0 if known is None else known.factors
    whole = recipe.numbers == "int8"
    scales = len(weight) if recipe.per_channel else 1
    return Layer(
        name=tensor.name,
        shape=tensor.shape,
        scheme=f"int8 per {'channel' if recipe.per_channel else 'tensor'}" if whole else "bfloat16",
        sqnr_db=_sqnr_db(
            weight, _rounded(weight * factors, recipe.per_channel) / factors if whole else weight.bfloat16()
        ),
        bytes_before=tensor.size_bytes,
        bytes_after=weight.numel() + _SCALE_BYTES * scales if whole else 2 * weight.numel(),
        sensitivity=sensitivity,
    )


def _rounded(weight: torch.Tensor, per_channel: bool) -> torch.Tensor:
    peak = weight.abs().amax(1, keepdim=True) if per_channel else weight.abs().max()
    scale = torch.where(peak > 0, peak / _MOST, 1.0)
    return (weight / scale).round_() * scale


def _sqnr_db(weight: torch.Tensor, rounded: torch.Tensor) -> float | None:
    noise = float((weight - rounded).square().sum(dtype=torch.float64))
    signal = float(weight.square().sum(dtype=torch.float64))
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None
