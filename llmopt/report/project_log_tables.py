"""The tables of a projection that are of its log: curves of a cache, where prompts part, what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from llmopt.core.money import dollars
from llmopt.report.cache_simulate_notes import counted, room, time_to_live
from llmopt.report.project_words import share
from llmopt.report.table import Axis, Cell, Column, Note, Plot, PlotPoint, Series, Table
from llmopt.report.text import percent
from llmopt.savings.project.result import BreakEven, CurvePoint, Projection

_HOUR_S = 3600.0


def curves(result: Projection, prefix: str = "") -> list[Table]:
    """Return what a response cache alone would save, by time to live and by size.

    Args:
        result: the plan whose tenants, time to live and room the cache has, or usual ones.
        prefix: put before the titles.
    """
    found = result.break_even
    if found is None:
        return []
    kept = {time_to_live(one.ttl_s) for one in found.by_size}
    title = f"{prefix}A response cache alone"
    by_size = f"{title}, by size{f', answers kept for {kept.pop()}' if len(kept) == 1 else ''}"
    rooms = tuple(Note(text) for text in [_sampled(found.sizes_sampled), _estimated(found)] if text)
    return [
        Table(
            "by_ttl", f"{title}, by time to live", *_curve(found.by_ttl, result, "ttl"), notes=_advice(result, found)
        ),
        Table("by_size", by_size, *_curve(found.by_size, result, "size"), notes=rooms),
    ]


def plots(result: Projection, prefix: str = "") -> list[Plot]:
    """Return the dollars that a response cache alone saves over its time to live."""
    found = result.break_even
    if found is None or len(found.by_ttl) < 3 or not any(one.saved_usd for one in found.by_ttl):
        return []
    points = tuple(PlotPoint(one.ttl_s / _HOUR_S, float(one.saved_usd)) for one in found.by_ttl)
    axes = Axis("time to live", "h", log=True), Axis("saved", "USD")
    return [Plot("ttl", f"{prefix}What a response cache alone saves", *axes, (Series("response cache", points),))]


def divergences(result: Projection) -> Table:
    """Return where prompts that begin alike part, and what moving that to their end is worth."""
    columns = (
        Column("model", "Model"),
        Column("calls", "Calls", "int"),
        Column("shared_tokens", "Tokens alike", "int", priority=1),
        Column("needed_tokens", "Cached from", "int", priority=2),
        Column("saved_usd", "Saved if moved", "money"),
        Column("text", "What stands there", priority=3),
        Column("first", "First at", priority=4),
    )
    rows = tuple(
        (one.model, one.calls, one.shared_tokens, one.needed_tokens, one.saved_usd, one.text, one.first)
        for one in result.divergences
    )
    note = (
        "Put what changes from call to call behind what stays the same: the provider then caches the longer beginning."
    )
    return Table("divergences", "Where prompts part", columns, rows, notes=(Note(note),) if rows else ())


def left_out(result: Projection) -> Table:
    """Return the records that the replay leaves out."""
    columns = (
        Column("reason", "Reason"),
        Column("records", "Records", "int"),
        Column("cost_usd", "Cost", "money"),
    )
    rows = tuple((one.reason, one.records, one.cost_usd) for one in result.left_out)
    return Table("left_out", "Not replayed", columns, rows)


def rejected(result: Projection) -> Table:
    """Return the records that could not be read."""
    columns = (Column("reason", "Reason"), Column("count", "Records", "int"), Column("first", "First at"))
    rows = tuple((one.reason, one.count, one.first) for one in result.rejected)
    count = sum(one.count for one in result.rejected)
    text = f"{counted(count, 'record was', 'records were')} rejected."
    return Table("rejected", "Rejected", columns, rows, notes=(Note(text, "warning"),) if rows else ())


def _curve(
    points: Sequence[CurvePoint], result: Projection, over: Literal["ttl", "size"]
) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    """Return the columns and rows of a curve; a setting that all its points share is no column."""
    settings = {"ttl": len({one.ttl_s for one in points}), "size": len({one.size_bytes for one in points})}
    columns = (
        Column("ttl", "Kept for", machine=over != "ttl" and settings["ttl"] == 1),
        Column("size", "Size", machine=over != "size" and settings["size"] == 1),
        Column("hits", "Hits", "int"),
        Column("saved_usd", "Saved", "money"),
        Column("saved_ratio", "Of the bill", "percent", priority=1),
        Column("peak_bytes", "Held at most", "bytes", priority=2),
    )
    rows = tuple(
        (
            time_to_live(one.ttl_s),
            room(one.size_bytes),
            one.hits,
            one.saved_usd if result.replay.baseline_usd else None,
            share(one.saved_usd, result.replay.baseline_usd),
            one.peak_bytes,
        )
        for one in points
    )
    return columns, rows


def _advice(result: Projection, found: BreakEven) -> tuple[Note, ...]:
    said = [_recommended(found), _pays(result, found), _sampled(found.sampled)]
    return tuple(Note(text) for text in said if text)


def _recommended(found: BreakEven) -> str:
    longest = max(found.by_ttl, key=lambda one: one.ttl_s).ttl_s
    if found.recommended_ttl_s == longest and len(found.by_ttl) > 1:
        return f"The longer the better: no shorter time saves 95 % of what {time_to_live(longest)} saves."
    if found.recommended_ttl_s is not None:
        kept = time_to_live(found.recommended_ttl_s)
        return f"{kept} is enough: it saves at least 95 % of what {time_to_live(longest)} saves."
    if any(one.hits for one in found.by_ttl):
        return "What repeats here has no price, or saves none: there is no time to live to recommend."
    return "Nothing repeats within any of these times: a response cache saves nothing here."


def _pays(result: Projection, found: BreakEven) -> str:
    """Say what a store may cost: in the plan where the cache is on, else alone and kept for as long as saves most."""
    usd, names = found.least_usd_per_month, [lever.name for lever in result.replay.levers]
    if usd is None or not any(one.hits for one in found.by_ttl):
        return ""
    if "cache" not in names:
        most = max(found.by_ttl, key=lambda one: one.saved_usd)
        how = f"alone and kept for {time_to_live(most.ttl_s)}"
    else:
        kept = [f"kept for {time_to_live(found.by_size[0].ttl_s)}"] if found.by_size else []
        how = ", ".join(["beside the plan's other levers" if len(names) > 1 else "as the plan has it", *kept])
    if usd <= 0:
        return f"Break-even: {how}, the cache saves nothing, whatever its store costs."
    return f"Break-even: {how}, the cache saves {dollars(usd)} a month; a store that costs more does not pay."


def _estimated(found: BreakEven) -> str:
    if not found.by_size or not found.sizes_estimated:
        return ""
    return (
        "Sizes of answers are estimated from their tokens; with a bound (size in a plan), logged answers are measured."
    )


def _sampled(share: Decimal | None) -> str:
    if share is None:
        return ""
    return f"Replayed on {percent(share)} of the calls, all calls of each question that was chosen, and scaled up."
