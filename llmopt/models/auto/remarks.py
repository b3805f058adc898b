"""Warnings of the CPU route: what a reader must know beside the figures."""

from __future__ import annotations

from llmopt.models.auto.explored import Explored
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.report import Speedup

NO_DATA = "no --data: nothing is known of the quality of answers, only of the error of weights"
_SLOWER, _STEADY = 1.0, 1.25


def remarks(
    config: QuantizeConfig,
    explored: Explored,
    recipe: Recipe,
    *,
    gate: float,
    quality: Quality | None,
    speedup: Speedup,
    processor: str | None,
) -> tuple[str, ...]:
    """Return what to say beside the figures.

    Args:
        config: of the user.
        explored: what was measured.
        recipe: that was chosen.
        gate: most quality to lose, by the user or by default.
        quality: on the half of the data that no choice was made on.
        speedup: of the result.
        processor: what to say of this one where it is slow in 8 bits; None where it is not.
    """
    said = [
        *_of_data(config, recipe),
        *_of_quality(config, quality, gate),
        *_of_recipe(recipe),
        *([processor] if processor and any(one.recipe.numbers == "int8" for one in explored.trials) else []),
        *_of_speed(explored, config, speedup),
        *explored.left_out,
    ]
    return tuple(dict.fromkeys(said))


def _of_data(config: QuantizeConfig, recipe: Recipe) -> list[str]:
    if config.data is not None:
        return []
    if config.scheme == "auto":
        return [NO_DATA, f"without data auto takes nothing in 8 bits: {recipe.name} is the fastest of the others"]
    return [NO_DATA]


def _of_quality(config: QuantizeConfig, quality: Quality | None, gate: float) -> list[str]:
    if quality is None:
        return []
    said = list(quality.warnings)
    if config.max_quality_drop is None and quality.drop > gate:
        said.append(
            f"{quality.drop:.2%} {quality.drop_metric}: more than the {gate:.0%} that is looked for "
            "where no --max-quality-drop is given"
        )
    return said


def _of_recipe(recipe: Recipe) -> list[str]:
    if recipe.batch_independent:
        return []
    return [
        f"{recipe.name} scales the activations of a whole batch at once: the result of a row depends on its batch-mates"
    ]


def _of_speed(explored: Explored, config: QuantizeConfig, speedup: Speedup) -> list[str]:
    """Name the engines whose 8 bits are slower here than their own FP32, a length that was cut, and a noisy machine."""
    said = []
    plain = {trial.recipe.engine: trial for trial in explored.trials if trial.recipe.numbers == "float32"}
    for trial in explored.trials:
        recipe, base = trial.recipe, plain.get(trial.recipe.engine)
        against = base.speedup.value if base else _SLOWER
        if recipe.numbers == "int8" and not _mixed(recipe, explored) and trial.speedup.high < against:
            said.append(f"{recipe.name} is slower than float32 on this processor: {trial.speedup.value / against:.2f}x")
    if speedup.seq_len < config.seq_len:
        said.append(f"requests have {speedup.seq_len:,} tokens: the model reads no more")
    if speedup.high > speedup.low * _STEADY:
        said.append(
            f"times vary: the speed-up is between {speedup.low:.2f}x and {speedup.high:.2f}x; "
            "run it again where nothing else runs"
        )
    return said


def _mixed(recipe: Recipe, explored: Explored) -> bool:
    """Return whether layers are kept that the plain variant of the same recipe does not keep."""
    return any(
        len(trial.recipe.kept) < len(recipe.kept) for trial in explored.trials if trial.recipe.name == recipe.name
    )
