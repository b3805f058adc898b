"""Which ways to run a model are measured and which may be chosen, by the scheme that the user asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from llmopt.core.ratio import Ratio
from llmopt.errors import UsageError
from llmopt.models.auto.points import Point, fastest_within, least_drop
from llmopt.models.cpu.recipe import TODAY, TUTORIAL, Recipe

DEFAULT_GATE = 0.02
"""Share of quality that may be lost unless the user says otherwise."""
_NUMBERS = {"int8": "int8", "w8a8": "int8", "bf16": "bfloat16"}
"""Scheme -> numbers of the recipes that make it."""
_TRICKS = {"float32": 0, "bfloat16": 1, "int8": 2}
_GAIN = 0.03
"""Share of speed that is not worth a layer more in fewer bits."""
_NEAR = 0.35
"""Share of speed that a few rounds may be wrong by: what is as near to the fastest is timed again beside it."""
_RIVALS = 2


@dataclass(frozen=True, slots=True)
class Lineage:
    """A recipe and the layers that may stay in floating point."""

    recipe: Recipe
    """Its own `kept` stay in any case."""
    layers: tuple[str, ...] = ()
    """Others, in the order of the model."""

    @property
    def always(self) -> bool:
        """Whether it is told in any case: what runs today, and the tutorial's recipe."""
        return self.recipe == TODAY or self.recipe.name == TUTORIAL.name

    def variant(self, kept: Sequence[str]) -> Recipe:
        """Return the recipe with more layers kept."""
        return replace(self.recipe, kept=(*self.recipe.kept, *kept)) if kept else self.recipe


def lineages(
    recipes: Sequence[Recipe], scheme: str, *, skipped: Sequence[str], layers: Sequence[str]
) -> tuple[Lineage, ...]:
    """Return what to measure: all FP32 recipes as baselines and those of the scheme.

    The one that runs today is first, then the tutorial's and the other baselines; then other engines than torch, which
    are mostly the faster ones and so not those to lack where time ends.

    Args:
        recipes: that this machine can run, the one that runs today first.
        scheme: of the user.
        skipped: linear layers that stay in floating point in any case.
        layers: all linear layers.

    Raises:
        UsageError: a scheme that no CPU recipe makes, or that nothing installed here can run.
    """
    if scheme != "auto" and scheme not in _NUMBERS:
        raise UsageError(f"--scheme {scheme} is not made for --target cpu", "take int8, bf16 or auto")
    wanted = {"float32", "bfloat16", "int8"} if scheme == "auto" else {"float32", _NUMBERS[scheme]}
    searched = layers if scheme == "auto" else ()
    if layers and set(layers) <= set(skipped):
        wanted.discard("int8")
    found = [_lineage(recipe, skipped, searched) for recipe in recipes if recipe.numbers in wanted]
    if scheme != "auto" and not any(choosable(line.recipe, scheme, known=True) for line in found):
        if "int8" not in wanted and _NUMBERS[scheme] == "int8":
            raise UsageError(f"--skip leaves no layer for --scheme {scheme}", "skip fewer, or take bf16")
        raise UsageError(f"--scheme {scheme}: nothing installed here makes it for this model", "take --scheme auto")
    return tuple(sorted(found, key=_urgency))


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
    """Return the place of the point to take by its first measurement.

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


def simplest(
    best: int,
    points: Sequence[Point],
    recipes: Sequence[Recipe],
    scheme: str,
    gate: float,
    against: Callable[[int, int], Ratio],
) -> tuple[int, str]:
    """Return the place of a simpler point where it is as fast as the best, and a sentence that says so.

    Points were timed for a few rounds each; those near to the best are timed again beside it.

    Args:
        best: place of the one that was chosen.
        points: that were measured.
        recipes: of the points.
        scheme: of the user.
        gate: most quality to lose.
        against: times two points in turn: how many times faster the first is.
    """
    rank = _tricks(points[best], recipes[best])
    rivals = [
        at
        for at, point in enumerate(points)
        if choosable(recipes[at], scheme, known=True)
        and point.drop is not None
        and point.drop.within(gate)
        and point.speed >= points[best].speed * (1 - _NEAR)
        and _tricks(point, recipes[at]) < rank
    ]
    nearest = sorted(rivals, key=lambda at: -points[at].speed)[:_RIVALS]
    for at in sorted(nearest, key=lambda at: _tricks(points[at], recipes[at])):
        ratio = against(best, at)
        if ratio.value <= 1 + _GAIN or ratio.low <= 1:
            faster = f"{ratio.value:.2f}x [{ratio.low:.2f} {ratio.high:.2f}]"
            return at, (
                f"{title(recipes[at])} was taken: {title(recipes[best])} is {faster} as fast beside it, "
                "no gain that counts"
            )
    return best, ""


def title(recipe: Recipe) -> str:
    """Return what a variant is called, such as `openvino int8 group 64, 4 layers kept`."""
    kept = len(recipe.kept)
    return recipe.name + (f", {kept} layer{'' if kept == 1 else 's'} kept" if kept else "")


def _tricks(point: Point, recipe: Recipe) -> tuple[int, bool, float]:
    """Return how far a variant is from plain FP32, whether rows depend on each other, and what it loses."""
    drop = point.drop.value if point.drop is not None else 0.0
    return 2 * _TRICKS[recipe.numbers] + bool(recipe.kept), not recipe.batch_independent, drop


def _urgency(line: Lineage) -> tuple[bool, ...]:
    recipe = line.recipe
    return recipe != TODAY, not line.always, recipe.numbers != "float32", recipe.engine == "torch"


def _lineage(recipe: Recipe, skipped: Sequence[str], layers: Sequence[str]) -> Lineage:
    if not recipe.mixable:
        return Lineage(recipe)
    return Lineage(replace(recipe, kept=tuple(skipped)), tuple(name for name in layers if name not in skipped))
