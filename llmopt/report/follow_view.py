"""A followed log as it is shown at each look: a live screen, a line of text, or a line of JSON."""

from __future__ import annotations

import json
from datetime import datetime

from llmopt.core.money import dollars
from llmopt.cost.follow.pace import Tick
from llmopt.report.as_json import Json, document, plain
from llmopt.report.cost_view import groups_table
from llmopt.report.table import Note, Report
from llmopt.report.text import figures, iso
from llmopt.report.text_bars import sparkline

TOP = 10
"""Groups that are shown where the user does not say."""


def line(tick: Tick, at: datetime) -> str:
    """Return one look as a line for people."""
    parts = [
        iso(at),
        f"{dollars(tick.report.total.cost_usd)} for {_count(tick.report.total.requests, 'request')}",
        f"{tick.new_requests:,} new",
        *_pace(tick),
    ]
    return ", ".join(parts)


def json_line(tick: Tick, at: datetime, top: int | None = None) -> str:
    """Return one look as a line of JSON (`llmopt.cost.follow/1`): the sums, the pace, and the dearest groups."""
    report = tick.report
    groups: list[Json] = [
        {"key": plain(group.key), "requests": group.totals.requests, "cost_usd": plain(group.totals.cost_usd)}
        for group in report.groups[: top or TOP]
    ]
    body: dict[str, Json] = {
        "at": iso(at),
        "watched_s": round(tick.watched_s, 3),
        "cost_usd": plain(report.total.cost_usd),
        "requests": report.total.requests,
        "new_requests": tick.new_requests,
        "usd_per_min": plain(tick.usd_per_min),
        "requests_per_min": plain(tick.requests_per_min),
        "monthly_usd": plain(tick.monthly_usd),
        "read": report.read,
        "priced": report.priced,
        "free": report.free,
        "duplicates": report.duplicates,
        "rejected": sum(entry.count for entry in report.rejected),
        "unpriced": sum(entry.requests for entry in report.unpriced),
        "groups": groups,
    }
    return json.dumps(document("cost.follow", body))


def live(tick: Tick, *, top: int | None = None, boxes: bool = True) -> Report:
    """Return one look as a report for a screen that is drawn over and over."""
    report = tick.report
    headline = f"{dollars(report.total.cost_usd)} for {_count(report.total.requests, 'request')}"
    said = [headline, *_pace(tick)]
    notes = [
        Note(f"Dollars a minute, the last {len(tick.minutes_usd)} min: {sparkline(tick.minutes_usd, boxes=boxes)}")
    ]
    problems = _problems(tick)
    if problems:
        notes.append(Note(problems, "warning"))
    notes.append(Note("Ctrl-C ends with the whole report."))
    return Report("", ", ".join(said) + ".", (groups_table(report, top or TOP),), tuple(notes))


def _pace(tick: Tick) -> list[str]:
    said = []
    if tick.usd_per_min is not None:
        said.append(f"{dollars(tick.usd_per_min)} a minute")
    if tick.requests_per_min is not None:
        said.append(f"{figures(tick.requests_per_min)} requests a minute")
    if tick.monthly_usd is not None:
        said.append(f"{dollars(tick.monthly_usd)} a month at this pace")
    return said


def _problems(tick: Tick) -> str:
    rejected = sum(entry.count for entry in tick.report.rejected)
    unpriced = sum(entry.requests for entry in tick.report.unpriced)
    said = [f"{rejected:,} rejected"] if rejected else []
    said += [f"{_count(unpriced, 'request')} without a price"] if unpriced else []
    return ", ".join(said)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
