"""What the user asked to hold: the drop of quality and the speed-up, as sentences where they do not."""

from __future__ import annotations

from llmopt.errors import UsageError
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.report import Speedup


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
    return tuple(said for said in (_quality(config, quality), _speed(config, speedup)) if said)


def _quality(config: QuantizeConfig, quality: Quality | None) -> str:
    gate = config.max_quality_drop
    if gate is None:
        return ""
    if quality is None:
        return f"quality could not be measured; the gate is a drop of {gate:.2%}"
    if quality.drop <= gate:
        return ""
    held_out = f"on {quality.inputs:,} texts that nothing was chosen on" if config.target == "cpu" else "on the data"
    return f"{quality.drop:.2%} {quality.drop_metric} {held_out}; the gate is {gate:.2%}"


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
