"""What is said beside the figures, in sentences: gates of the user that do not hold, and what a reader must know.

Importing this loads no heavy library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmopt.core import check
from llmopt.core.check import Check
from llmopt.errors import UsageError
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.report import Speedup

if TYPE_CHECKING:
    from llmopt.models.auto.trial import Explored

NO_DATA = "no --data: nothing is known of the quality of answers, only of the error of weights"
_SLOWER, _STEADY, _BUSY = 1.0, 1.15, 0.1


def check_gates(config: QuantizeConfig) -> None:
    """Refuse gates that nothing will be measured for, before any work is done.

    Raises:
        UsageError: a gate on quality without data, or one on speed (or a price) where speed is not measured.
    """
    if config.max_quality_drop is not None and config.data is None:
        raise UsageError("--max-quality-drop: without data nothing is known of quality", "name real inputs with --data")
    for flag, value in (("--min-speedup", config.min_speedup), ("--price-per-month", config.price_per_month)):
        if value is not None and config.target != "cpu":
            raise UsageError(
                f"{flag}: speed is not measured for --target {config.target}",
                "take --target cpu, or compare the result with `llmopt bench`",
            )


def failures(config: QuantizeConfig, quality: Quality | None, speedup: Speedup | None) -> tuple[str, ...]:
    """Return a sentence for each gate of the user that does not hold; what could not be measured does not hold."""
    return check.failures(checks(config, quality, speedup))


def checks(config: QuantizeConfig, quality: Quality | None, speedup: Speedup | None) -> tuple[Check, ...]:
    """Return each gate of the user with its outcome; what could not be measured does not hold."""
    found = []
    if config.max_quality_drop is not None:
        told = "" if quality is None else f"{quality.drop:.2%}"
        said = tuple(filter(None, [_quality(config, quality)]))
        found.append(Check("--max-quality-drop", f"{config.max_quality_drop:.2%}", told, failures=said))
    if config.min_speedup is not None:
        told = "" if speedup is None else f"{speedup.against_strongest.value:.2f}x"
        said = tuple(filter(None, [_speed(config, speedup)]))
        found.append(Check("--min-speedup", f"{config.min_speedup:g}x", told, failures=said))
    return tuple(found)


def remarks(
    config: QuantizeConfig,
    explored: Explored,
    recipe: Recipe,
    *,
    gate: float,
    quality: Quality | None,
    speedup: Speedup,
    processor: str | None,
    others: float | None = None,
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
        others: share of the CPUs' time that other programs took meanwhile; None where nobody knows.
    """
    said = [
        *_of_data(config, recipe),
        *_of_quality(config, quality, gate),
        *([recipe.mates_note] if recipe.mates_note else []),
        *([processor] if processor and any(one.recipe.numbers == "int8" for one in explored.trials) else []),
        *_of_speed(explored, config, speedup),
        *_of_machine(others),
        *explored.said,
    ]
    return tuple(dict.fromkeys(said))


def _quality(config: QuantizeConfig, quality: Quality | None) -> str:
    gate = config.max_quality_drop
    if gate is None:
        return ""
    if quality is None:
        return f"quality could not be measured; the gate is a drop of {gate:.2%}"
    if quality.drop <= gate:
        return ""
    held_out = "texts that nothing was chosen on" if config.target == "cpu" else f"texts of {config.data}"
    return f"{_lost(quality)} on {quality.inputs:,} {held_out}; the gate is {gate:.2%}"


def _lost(quality: Quality) -> str:
    """Return the drop in words."""
    if quality.drop_metric.endswith("changed"):
        return f"{quality.drop:.2%} of {quality.drop_metric}"
    if quality.drop_metric.startswith("accuracy"):
        return f"{100 * quality.drop:.2f} points of {quality.drop_metric}"
    return f"{quality.drop:.2%} {quality.drop_metric}"


def _speed(config: QuantizeConfig, speedup: Speedup | None) -> str:
    gate = config.min_speedup
    if gate is None:
        return ""
    if speedup is None:
        return f"speed could not be measured; the gate is {gate:g}x"
    found = speedup.against_strongest.value
    if found >= gate:
        return ""
    return f"{found:.2f}x the strongest FP32 ({speedup.strongest}); the gate is {gate:g}x"


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
            f"{_lost(quality)}: more than the {gate:.0%} that is looked for where no --max-quality-drop is given"
        )
    return said


def _of_speed(explored: Explored, config: QuantizeConfig, speedup: Speedup) -> list[str]:
    """Name the engines whose 8 bits are slower here than their own FP32, a length that was cut, and a noisy machine."""
    said = []
    plain = {trial.recipe.engine: trial for trial in explored.trials if trial.recipe.numbers == "float32"}
    slower = []
    for trial in explored.trials:
        recipe, base = trial.recipe, plain.get(trial.recipe.engine)
        against = base.speedup.value if base else _SLOWER
        if recipe.numbers == "int8" and not _mixed(recipe, explored) and trial.speedup.high < against:
            slower.append(f"{recipe.name} ({trial.speedup.value / against:.2f}x)")
    if slower:
        said.append(f"slower than float32 of the same engine on this processor: {', '.join(slower)}")
    if speedup.seq_len < config.seq_len:
        said.append(f"requests have {speedup.seq_len:,} tokens: the model reads no more")
    if speedup.high > speedup.low * _STEADY:
        said.append(
            f"times vary: the speed-up is between {speedup.low:.2f}x and {speedup.high:.2f}x; "
            "run it again where nothing else runs"
        )
    return said


def _of_machine(others: float | None) -> list[str]:
    if others is None or others <= _BUSY:
        return []
    return [
        f"other programs took {others:.0%} of the CPUs meanwhile, so speeds are less sure: "
        "run it again where nothing else runs"
    ]


def _mixed(recipe: Recipe, explored: Explored) -> bool:
    """Return whether layers are kept that the plain variant of the same recipe does not keep."""
    return any(
        len(trial.recipe.kept) < len(recipe.kept) for trial in explored.trials if trial.recipe.name == recipe.name
    )
