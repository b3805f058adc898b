"""The points that were measured, as the report lists them."""

from __future__ import annotations

from llmopt.models.auto.choice import on_frontier
from llmopt.models.auto.explored import Explored
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.quantizing.report import Variant


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


def title(recipe: Recipe) -> str:
    """Return what a variant is called, such as `openvino int8 group 64, 4 layers kept`."""
    kept = len(recipe.kept)
    return recipe.name + (f", {kept} layer{'' if kept == 1 else 's'} kept" if kept else "")
