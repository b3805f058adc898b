"""What routing by a score would have saved, for people and for machines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal

from llmopt.report.as_json import Json, document, plain
from llmopt.report.figures import cell, plural, share
from llmopt.report.table import Axis, Cell, Column, Note, Plot, PlotPoint, Report, Series, Table
from llmopt.savings.routing_curve import Chosen, Curve, Point
from llmopt.savings.routing_log import LeftOut
from llmopt.savings.routing_ranking import Measured
from llmopt.savings.routing_result import Evaluation, Policy

_CURVE = (
    Column("way", "Routed by"),
    Column("threshold", "Threshold", "number", priority=1),
    Column("strong_share", "To the strong", "percent"),
    Column("usd", "Cost", "money", priority=2),
    Column("usd_per_1k", "Cost per 1,000", "money"),
    Column("saved", "Saved", "percent"),
    Column("quality", "Quality", "number"),
    Column("random_quality", "Random for the same money", "number", priority=1),
    Column("gap_kept", "Gain kept", "percent", priority=3),
)
_LEFT_OUT = (Column("reason", "Reason"), Column("calls", "Records", "int"), Column("first", "First"))


def view(result: Evaluation) -> Report:
    """Return the curve, the recommended threshold with its intervals, and what was left out."""
    notes = [Note(text) for text in (*_basis(result), *_worth(result))]
    notes += [Note(text, "warning") for text in (*_doubts(result), *result.warnings)]
    return Report(
        f"Routing between {result.cheap} and {result.strong}",
        headline(result),
        (curve_table(result), *left_out_table(result.left_out)),
        tuple(notes),
        plots=(_plot(result.curve, result.chosen, result.policy),),
        subject=next(iter(result.files), ""),
    )


def headline(result: Evaluation) -> str:
    """Return the answer in one sentence."""
    point = result.chosen.point
    if math.isinf(result.threshold):
        saved = result.chosen.saved.value
        costs = f"saves {share(saved)}" if saved >= 0 else f"would cost {share(-saved)} more"
        return f"{result.strong} was not better: everything to {result.cheap} {costs}"
    return (
        f"At threshold {result.threshold:.4g}, {share(point.strong_share)} of the prompts go to {result.strong}: "
        f"{share(result.chosen.saved.value)} of its cost saved, quality {_quality(point.quality)} "
        f"instead of {_quality(result.curve.strong.quality)}"
    )


def payload(result: Evaluation, *, failed_checks: Sequence[str] = ()) -> dict[str, Json]:
    """Return everything as the document of `llmopt.route.eval/1`; an infinite threshold is null."""
    body = plain(result)
    finite = body if isinstance(body, dict) else {}
    return document("route.eval", {**_finite(finite), "failed_checks": list(failed_checks)})


def missed(result: Evaluation) -> tuple[str, ...]:
    """Return why the score is not to be trusted; nothing where it is better than a random router for certain."""
    margin = result.curve.margin
    if margin.low > 0:
        return ()
    return (f"the score is not better than a random router for certain: margin {_interval(margin)}",)


def curve_table(result: Evaluation) -> Table:
    """Return every point of the curve, between the cheap model alone and the best that hindsight could do."""
    curve, most = result.curve, result.curve.strong.usd
    ways = [(f"{result.cheap} alone", curve.cheap)]
    ways += [("score", point) for point in curve.points if 0 < point.strong_share < 1]
    ways += [(f"{result.strong} alone", curve.strong), ("hindsight", curve.oracle)]
    ways += [("recommended", result.chosen.point)]
    rows = [_row(way, point, curve.prompts, (most - point.usd) / most if most else None) for way, point in ways]
    if (policy := result.policy) is not None:
        prompts = curve.prompts - policy.elsewhere
        rows.append(_row("policy", policy.chosen.point, prompts, cell(policy.chosen.saved.value)))
    return Table("curve", f"{plural(curve.prompts, 'held-out prompt')}, each routed in every way", _CURVE, tuple(rows))


def left_out_table(left_out: Sequence[LeftOut]) -> tuple[Table, ...]:
    """Return the records that nothing could be learned from, where there are any."""
    if not left_out:
        return ()
    rows = tuple((one.reason, one.calls, one.first) for one in left_out)
    return (Table("left_out", "Records left out", _LEFT_OUT, rows, detail=True),)


def finite(value: Json) -> Json:
    """Return JSON values with null for what is infinite, and floats without digits that mean nothing."""
    if isinstance(value, float):
        return round(value, 9) if math.isfinite(value) else None
    if isinstance(value, dict):
        return _finite(value)
    return [finite(inner) for inner in value] if isinstance(value, list) else value


def _finite(body: dict[str, Json]) -> dict[str, Json]:
    return {name: finite(value) for name, value in body.items()}


def _row(way: str, point: Point, prompts: int, saved: Decimal | None) -> tuple[Cell, ...]:
    threshold = None if point.threshold is None or math.isinf(point.threshold) else cell(round(point.threshold, 4))
    return (
        way,
        threshold,
        cell(point.strong_share),
        point.usd,
        point.usd * 1000 / prompts,
        saved,
        cell(round(point.quality, 6)),
        None if point.random_quality is None else cell(round(point.random_quality, 6)),
        cell(point.gap_kept),
    )


def _basis(result: Evaluation) -> Iterable[str]:
    parts = result.parts
    learned = (
        f"{parts.fit:,} for the weights, {parts.validation:,} for calibration and threshold, " if parts.fit else ""
    )
    yield f"Distinct prompts that both models answered: {learned}{parts.held_out:,} held out. Each counts once."
    if result.keep is not None and not math.isinf(result.threshold):
        yield f"The threshold is to keep {share(result.keep)} of what {result.strong} is better."
    if parts.alone:
        yield f"{plural(parts.alone, 'prompt')} that only {result.cheap} answered: not used."
    if result.others:
        more = f" and {len(result.others) - 5:,} more" if len(result.others) > 5 else ""
        yield f"Not used: answers of {', '.join(result.others[:5])}{more}; --cheap and --strong pick other models."
    if result.policy is not None and result.policy.elsewhere:
        yield f"The policy sends {plural(result.policy.elsewhere, 'prompt')} to neither model; its row leaves them out."


def _worth(result: Evaluation) -> Iterable[str]:
    curve, chosen = result.curve, result.chosen
    yield (
        f"Intervals are 95 %, over prompts. {result.strong} is better by {_interval(curve.gap)}; "
        f"margin over a random router {_interval(curve.margin)}, the mean over all shares."
    )
    if curve.area is not None:
        area = f"{curve.area.value:.3g} ({curve.area.low:.3g} to {curve.area.high:.3g})"
        best = "" if curve.best_area is None else f", and {curve.best_area:.3g} would be the best, in hindsight"
        yield f"Area under the gain kept: {area}; a random router has 0.5{best}."
    lift = "" if chosen.lift is None else f", {_interval(chosen.lift)} above a random router for the same money"
    yield (
        f"Recommended: saved {_shares(chosen.saved)} of the cost of {result.strong} alone; "
        f"quality lost {_interval(chosen.lost)}{lift}."
    )
    if result.policy is not None:
        of = result.policy.chosen
        above = "" if of.lift is None else f", {_interval(of.lift)} above a random router for the same money"
        yield f"Policy: saved {_shares(of.saved)}; quality lost {_interval(of.lost)}{above}."


def _doubts(result: Evaluation) -> Iterable[str]:
    curve = result.curve
    if result.parts.unpriced:
        yield f"{plural(result.parts.unpriced, 'prompt')} left out: an answer has no price"
    if curve.strong.usd <= curve.cheap.usd:
        yield f"{result.strong} costs no more than {result.cheap} on these prompts: are they the wrong way round?"
    if curve.gap.low <= 0:
        yield f"{result.strong} is not better than {result.cheap} for certain on these prompts"
    yield from missed(result)


def _plot(curve: Curve, chosen: Chosen, policy: Policy | None) -> Plot:
    def place(point: Point) -> PlotPoint:
        return PlotPoint(float(point.usd * 1000 / curve.prompts), point.quality)

    series: tuple[Series, ...] = (
        Series("score", tuple(place(point) for point in curve.points)),
        Series("random router", (place(curve.cheap), place(curve.strong))),
        Series("recommended", (place(chosen.point),), joined=False),
    )
    if policy is not None and not policy.elsewhere:
        series += (Series("policy", (place(policy.chosen.point),), joined=False),)
    return Plot("quality", "Quality against cost", Axis("cost per 1,000 prompts", "USD"), Axis("quality"), series)


def _quality(value: float) -> str:
    return f"{value:.4g}"


def _interval(figure: Measured) -> str:
    return f"{figure.value:+.3g} ({figure.low:+.3g} to {figure.high:+.3g})"


def _shares(figure: Measured) -> str:
    return f"{share(figure.value)} ({share(figure.low)} to {share(figure.high)})"
