"""The result: saved, opened again as a user will, and measured on inputs that no choice was made on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmopt.models.auto.explore import MOST_TEXTS
from llmopt.models.auto.explored import Explored
from llmopt.models.auto.opening import Opened
from llmopt.models.auto.verdict import final_speedup
from llmopt.models.cpu.build import build
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.cpu.saved import open_saved, save, weight_bytes
from llmopt.models.quality.data import Sample
from llmopt.models.quality.measure import quality, reference
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.config import QuantizeConfig
from llmopt.models.quantizing.report import Speedup


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
) -> Written:
    """Save a variant and measure what was saved.

    Args:
        start: the source.
        explored: what was measured to choose from; the first trial is what runs today.
        recipe: of the variant.
        held_out: inputs that no choice was made on; none: quality is not measured.
        destination: an empty folder.
        config: of the user.

    Raises:
        InputError: it cannot be written.
    """
    source = start.subject.source
    save(build(source, recipe), recipe, start.folder, destination)
    result = open_saved(destination)
    today = explored.trials[0].recipe
    fastest = _strongest(explored)
    strongest = source if fastest == today else build(source, fastest)
    speedup = final_speedup(
        result, (today.name, source), (fastest.name, strongest), start.subject.requests, threads=config.threads
    )
    found = None
    if held_out:
        answers = reference(source, held_out, batch_size=config.batch_size, most=MOST_TEXTS)
        found = quality(answers, result, gate=config.max_quality_drop)
    return Written(weight_bytes(destination), found, speedup)


def _strongest(explored: Explored) -> Recipe:
    """Return the fastest FP32 that was measured."""
    plain = [trial for trial in explored.trials if trial.recipe.numbers == "float32"]
    return max(plain, key=lambda trial: trial.speedup.value).recipe
