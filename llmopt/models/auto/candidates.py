"""Which ways to run a model are measured and which may be chosen, by the scheme that the user asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmopt.errors import UsageError
from llmopt.models.auto.choice import fastest_within, least_drop
from llmopt.models.auto.points import Point
from llmopt.models.auto.trial import Lineage
from llmopt.models.cpu.recipe import Recipe

DEFAULT_GATE = 0.02
"""Share of quality that may be lost unless the user says otherwise."""
_NUMBERS = {"int8": "int8", "w8a8": "int8", "bf16": "bfloat16"}
"""Scheme -> numbers of the recipes that make it."""


def lineages(
    recipes: Sequence[Recipe], scheme: str, *, skipped: Sequence[str], order: Sequence[str]
) -> tuple[Lineage, ...]:
    """Return what to measure: all FP32 recipes as baselines, the one that runs today first, and those of the scheme.

    Args:
        recipes: that this machine can run, the one that runs today first.
        scheme: of the user.
        skipped: linear layers that stay in floating point in any case.
        order: in which others may stay, where layers are searched.

    Raises:
        UsageError: a scheme that no CPU recipe makes, or that nothing installed here can run.
    """
    if scheme != "auto" and scheme not in _NUMBERS:
        raise UsageError(f"--scheme {scheme} is not made for --target cpu", "take int8, bf16 or auto")
    wanted = {"float32", "bfloat16", "int8"} if scheme == "auto" else {"float32", _NUMBERS[scheme]}
    found = tuple(_lineage(recipe, skipped, order) for recipe in recipes if _measured(recipe, wanted, skipped))
    if scheme != "auto" and not any(choosable(line.recipe, scheme, known=True) for line in found):
        raise UsageError(f"--scheme {scheme}: nothing installed here makes it for this model", "take --scheme auto")
    return found


def choosable(recipe: Recipe, scheme: str, *, known: bool) -> bool:
    """Return whether a recipe may be chosen.

    Args:
        recipe: any of those measured.
        scheme: of the user.
        known: whether its quality was measured; `auto` takes no 8 bits on trust.
    """
    if scheme == "auto":
        return known or recipe.numbers != "int8"
    return recipe.numbers == _NUMBERS[scheme]


def chosen(points: Sequence[Point], recipes: Sequence[Recipe], scheme: str, gate: float) -> int:
    """Return the place of the point to take.

    The fastest within the gate; where none is (a scheme was named), the one that loses least. Without data, 8 bits only
    where they were named, and then first those whose rows do not depend on their batch-mates.

    Args:
        points: that were measured; the first is what runs today.
        recipes: of the points.
        scheme: of the user.
        gate: most quality to lose.
    """
    places = [
        at
        for at, (point, recipe) in enumerate(zip(points, recipes, strict=True))
        if choosable(recipe, scheme, known=point.drop is not None)
    ]
    if not places:
        raise UsageError(f"--scheme {scheme}: no variant of it could be measured", "take --scheme auto")
    mine = [points[at] for at in places]
    best = fastest_within(mine, gate)
    best = least_drop(mine) if best is None else best
    if best is None:
        best = max(range(len(mine)), key=lambda at: (recipes[places[at]].batch_independent, mine[at].speed))
    return places[best]


def _measured(recipe: Recipe, wanted: set[str], skipped: Sequence[str]) -> bool:
    return recipe.numbers in wanted and (recipe.mixable or recipe.numbers != "int8" or not skipped)


def _lineage(recipe: Recipe, skipped: Sequence[str], order: Sequence[str]) -> Lineage:
    if recipe.numbers != "int8" or not recipe.mixable:
        return Lineage(recipe)
    return Lineage(replace(recipe, kept=tuple(skipped)), tuple(name for name in order if name not in skipped))
