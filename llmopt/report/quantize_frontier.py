"""The variants that were measured, as a table and as a plot of quality lost against times faster."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from llmopt.models.auto.points import drop_of
from llmopt.models.quantizing.report import Variant
from llmopt.report.model_words import lost, size, times, times_span
from llmopt.report.table import Axis, Cell, Column, LimitLine, Note, Plot, PlotPoint, Series, Table

MOST = 30
"""Variants that people see; JSON has all."""
_FAR = 10
"""Gates: what loses more is not drawn, so that what is near the gate can be told apart."""

_UNSURE = (
    "unsure: within the gate on these texts, but too near to it to expect the same of others; more texts would tell."
)
_COLUMNS = (
    Column("number", "#", "int"),
    Column("name", "variant"),
    Column("speedup", "speed-up", "number"),
    Column("interval", "95% interval", "number", priority=3),
    Column("quality_drop", "drop", "number", optional=True),
    Column("size_bytes", "size", "number", priority=2, optional=True),
    Column("kept_layers", "layers kept", "int", priority=4, optional=True),
    Column("batch_mates", "batch-mates", priority=5, optional=True),
    Column("status", "status", priority=1),
)


def numbered(variants: Sequence[Variant]) -> tuple[tuple[int, Variant], ...]:
    """Return the variants that are shown with their numbers, the fastest first; none on the frontier is left out."""
    matters = sorted(variants, key=lambda one: (not one.chosen, not one.on_frontier, -_speed(one)))[:MOST]
    return tuple(enumerate(sorted(matters, key=lambda one: -_speed(one)), 1))


def frontier_table(variants: Sequence[Variant], max_quality_drop: float | None) -> Table:
    """Return a row a variant, the fastest first.

    Args:
        variants: all that were measured.
        max_quality_drop: the gate; None: there is none.
    """
    gate = max_quality_drop
    shown = numbered(variants)
    notes = []
    if len(shown) < len(variants):
        notes.append(Note(f"{len(variants) - len(shown):,} more, all of them beaten by others, are in JSON."))
    if any(one.quality_drop is not None for _, one in shown):
        notes.append(Note("drop: on the half of the data that the choice was made on, not the half in the verdict."))
    if any(_is_unsure(one, gate) for _, one in shown):
        notes.append(Note(_UNSURE))
    if any(not one.batch_independent for _, one in shown):
        notes.append(Note("batch-mates: a text's result depends on the texts that share its batch."))
    rows = tuple(_row(number, one, gate) for number, one in shown)
    return Table("frontier", "Variants, speed-up against torch float32", _COLUMNS, rows, notes=tuple(notes))


def frontier_plot(variants: Sequence[Variant], max_quality_drop: float | None) -> Plot | None:
    """Return quality lost over speed-up, the frontier joined by a line; None with fewer than two points.

    Args:
        variants: all that were measured.
        max_quality_drop: the gate, a line; None: there is none.
    """
    drawn = [pair for pair in numbered(variants) if _is_known(pair[1])]
    if len(drawn) < 2:
        return None
    gate = max_quality_drop
    most = math.inf if not gate else max([_FAR * gate, *(one.quality_drop or 0.0 for _, one in drawn if one.chosen)])
    near = [pair for pair in drawn if (pair[1].quality_drop or 0.0) <= most]
    line = tuple(_point(*pair) for pair in near if pair[1].on_frontier)
    mine = tuple(_point(*pair) for pair in near if pair[1].chosen and not pair[1].on_frontier)
    others = tuple(_point(*pair) for pair in near if not pair[1].chosen and not pair[1].on_frontier)
    others = _told_apart(others, (*line, *mine))
    series = (
        Series("frontier", line),
        Series("beaten by another", others, joined=False),
        Series("chosen", mine, joined=False),
    )
    limits = () if gate is None else (LimitLine("y", 100 * gate, f"gate {lost(gate)}"),)
    far = ", ".join(f"{number} ({lost(one.quality_drop or 0.0)})" for number, one in drawn if (number, one) not in near)
    return Plot(
        "frontier",
        "Quality lost against speed-up",
        Axis("speed-up", "x torch float32"),
        Axis("quality drop", "%"),
        tuple(one for one in series if one.points),
        limits,
        "number in the table of variants",
        (Note(f"Not drawn, far above the gate: {far}."),) if far else (),
    )


def _speed(one: Variant) -> float:
    return one.speedup.value if math.isfinite(one.speedup.value) else 0.0


def _is_known(one: Variant) -> bool:
    return one.quality_drop is not None and math.isfinite(one.quality_drop) and _speed(one) > 0


def _point(number: int, one: Variant) -> PlotPoint:
    label = f"{number} chosen" if one.chosen else str(number)
    return PlotPoint(one.speedup.value, 100 * (one.quality_drop or 0.0), label)


def _told_apart(points: Sequence[PlotPoint], labelled: Sequence[PlotPoint]) -> tuple[PlotPoint, ...]:
    """Return points without those labels that would be written over others."""
    whole = (*points, *labelled)
    wide = max((one.x for one in whole), default=0.0) / 20
    high = max((one.y for one in whole), default=0.0) / 20
    found: list[PlotPoint] = []
    for one in points:
        near = (other for other in (*labelled, *found) if other.label)
        crowded = any(abs(one.x - other.x) < wide and abs(one.y - other.y) <= high for other in near)
        found.append(replace(one, label="") if crowded else one)
    return tuple(found)


def _is_unsure(one: Variant, gate: float | None) -> bool:
    """Whether a variant was passed over though it is within the gate on the texts that were chosen by."""
    if gate is None or one.quality is None or one.chosen or not one.passes:
        return False
    return not drop_of(one.quality, one.scheme).within(gate)


def _row(number: int, one: Variant, gate: float | None) -> tuple[Cell, ...]:
    return (
        number,
        one.name,
        times(one.speedup.value),
        times_span(one.speedup),
        None if one.quality_drop is None else lost(one.quality_drop),
        None if one.size_bytes is None else size(one.size_bytes),
        len(one.kept_layers),
        None if one.batch_independent else "matter",
        _status(one, unsure=_is_unsure(one, gate)),
    )


def _status(one: Variant, *, unsure: bool) -> str:
    if one.chosen:
        return "chosen" if one.passes else "chosen, over the gate"
    if not one.passes:
        return "over the gate" if one.quality_drop is not None else "too slow"
    if unsure:
        return "unsure"
    return "frontier" if one.on_frontier else "beaten"
