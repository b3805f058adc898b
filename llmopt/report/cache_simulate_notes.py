"""The lines under a simulated cache: what became of every request, and what was assumed."""

from __future__ import annotations

from decimal import Decimal

from llmopt.core.quantity import significant
from llmopt.report.figures import plural
from llmopt.report.table import Note
from llmopt.report.text import byte_size, iso
from llmopt.savings.caching_result import CacheSimulation, Setting

USUAL_TENANT = "team"
"""What a simulation keeps apart when nobody says; that a log does not name any is no surprise then."""
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def kept_for(setting: Setting) -> str:
    """Return the time to live of a setting as users write it."""
    return time_to_live(setting.ttl_s)


def time_to_live(ttl_s: float) -> str:
    """Return a time to live as users write it: `90s`, `30min`, `24h`, `7d`."""
    for unit_s, name in _UNITS:
        least = 2 * unit_s if name == "d" else unit_s
        if ttl_s >= least and ttl_s % unit_s == 0:
            return f"{int(ttl_s // unit_s):,}{name}"
    return f"{significant(ttl_s, 6)}s"


def room(size_bytes: int | None) -> str:
    """Return the bound of a cache: `64.0 MB`, `unbounded`."""
    return "unbounded" if size_bytes is None else byte_size(Decimal(size_bytes))


def counted(count: int, one: str, several: str) -> str:
    """Return a count with the words that follow it."""
    return f"{count:,} {one if count == 1 else several}"


def nobody_named(result: CacheSimulation) -> bool:
    """Whether tenants are to be kept apart and no simulated request names one."""
    return bool(result.tenant and result.simulated) and all(one.name is None for one in result.tenants)


def notes(result: CacheSimulation, *, brief: bool, dated: bool) -> list[Note]:
    """Return the lines under the tables: the account first, then what was assumed, then warnings."""
    said = [Note(_account(result))]
    said += [Note(text) for text in _too_short(result)]
    if nobody_named(result):
        text = f"No record names a {result.tenant}: all are taken for one."
        said.append(Note(text, "info" if result.tenant == USUAL_TENANT else "warning"))
    beside = _beside(result, dated=dated)
    if beside:
        said.append(Note(f"Records besides: {beside}."))
    if not brief:
        said += [Note(text) for text in _assumed(result)]
    if result.unpriced:
        text = (
            f"{counted(result.unpriced, 'request has', 'requests have')} no price: what a hit there saves is not known."
        )
        said.append(Note(text, "warning"))
    if result.settings_assumed:
        text = (
            f"Of {plural(result.settings_assumed, 'simulated request')} the log holds parts: two that differ in "
            "what is not logged count as one."
        )
        said.append(Note(text, "warning"))
    return said + [Note(text, "warning") for text in result.warnings]


def _account(result: CacheSimulation) -> str:
    known = result.decided - result.simulated
    unknown = result.requests - result.decided
    return (
        f"{plural(result.requests, 'request')} = {result.simulated:,} simulated + {known:,} that no cache answers + "
        f"{unknown:,} not known."
    )


def _beside(result: CacheSimulation, *, dated: bool) -> str:
    """Name the records that are no requests of their own."""
    dropped = sum(one.count for one in result.rejected)
    parts = (
        ("failed or answered by a gateway's cache", result.free),
        ("repeated", result.duplicates),
        ("sums of many requests", result.aggregated),
        ("other things, or not of the time asked for" if dated else "other things", result.skipped),
        ("rejected", dropped),
    )
    return ", ".join(f"{name} {count:,}" for name, count in parts if count)


def _assumed(result: CacheSimulation) -> list[str]:
    if not result.simulated:
        return []
    lines = [
        *_span(result),
        f"{plural(result.distinct, 'different request')} among the {result.simulated:,} simulated: "
        f"at most {result.simulated - result.distinct:,} could be hits.",
        "A hit saves all that its call cost, with the discount that the provider's own cache gave.",
    ]
    if result.not_kept:
        was = counted(result.not_kept, "answer is", "answers are")
        lines.append(f"{was} none that a cache keeps (cut off, filtered, an error): no hit comes from there.")
    if result.size_estimated:
        lines.append(
            f"{counted(result.size_estimated, 'answer is', 'answers are')} not logged: sizes from their tokens."
        )
    if result.latency_known < result.simulated:
        left = result.simulated - result.latency_known
        took = counted(left, "request does not say how long it took", "requests do not say how long they took")
        lines.append(f"{took}: taken as answered at once.")
    return lines


def _too_short(result: CacheSimulation) -> list[str]:
    """Say that a log shorter than a time to live does not tell it from a still longer one."""
    if result.start is None or result.end is None or not result.simulated:
        return []
    span_s = (result.end - result.start).total_seconds()
    longer = sorted({(one.ttl_s, kept_for(one)) for one in result.settings if one.ttl_s > span_s})
    if not longer:
        return []
    return [f"The log covers less than {longer[0][1]}: answers kept for that long, or longer, never expire in it."]


def _span(result: CacheSimulation) -> list[str]:
    """Say what time was simulated; a cache that begins empty misses what it would have had."""
    if result.start is None or result.end is None:
        return []
    start, end = (iso(one.replace(microsecond=0)) for one in (result.start, result.end))
    span = f"From {start} to {end}"
    return [f"{span}, each cache empty at first: one that ran before would have had more hits."]
