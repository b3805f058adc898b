"""A look at a followed log as a line, as JSON, and on a live screen."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console

from llmopt.cost.follow.pace import Tick
from llmopt.report.follow_screen import LiveScreen
from llmopt.report.follow_view import json_line, line, live
from llmopt.report.render import Screen, render
from tests.cost.reports import empty, group, report_of, troubled

AT = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
REPORT = report_of(group("gpt-4o", "21.5", requests=12), group("gpt-4o-mini", "1.25", requests=3))
TICK = Tick(
    REPORT, 90.0, 2, Decimal("0.5"), Decimal("12.345"), Decimal(21600), (Decimal(1), Decimal(0), Decimal("0.5"))
)
FIRST = Tick(empty(), 0.0, 0, None, None, None, ())


def test_a_line_says_what_is_known() -> None:
    assert line(TICK, AT) == (
        "2026-11-23T08:30:00Z, $22.75 for 15 requests, 2 new, $0.500000 a minute, 12.3 requests a minute, "
        "$21,600.00 a month at this pace"
    )
    assert line(FIRST, AT) == "2026-11-23T08:30:00Z, $0.00 for 0 requests, 0 new"


def test_json_has_it_exactly_and_on_one_line() -> None:
    text = json_line(TICK, AT, top=1)
    assert "\n" not in text
    found = json.loads(text)
    assert found["schema"] == "llmopt.cost.follow/1"
    assert found["groups"] == [{"key": {"model": "gpt-4o"}, "requests": 12, "cost_usd": "21.5"}]
    assert {name: found[name] for name in ("at", "cost_usd", "usd_per_min", "new_requests", "monthly_usd")} == {
        "at": "2026-11-23T08:30:00Z",
        "cost_usd": "22.75",
        "usd_per_min": "0.5",
        "new_requests": 2,
        "monthly_usd": "21600",
    }
    assert json.loads(json_line(FIRST, AT))["usd_per_min"] is None


def test_the_screen_shows_the_dearest_groups_the_pace_and_what_is_wrong() -> None:
    text = render(live(TICK, top=1), {}, "table")
    assert "$22.75 for 15 requests, $0.500000 a minute" in text
    assert "(1 other)" in text
    assert "the last 3 min: █ ▅" in text
    assert "rejected" not in text
    bad = render(live(replace(TICK, report=troubled())), {}, "table")
    assert "warning: " in bad
    assert "without a price" in bad


def test_the_live_screen_draws_over_itself_and_leaves_nothing() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=80, height=30)
    with LiveScreen(Screen(80), console) as screen:
        screen.show(live(TICK))
        screen.show(live(FIRST))
    text = written.getvalue()
    assert "$22.75 for 15 requests" in text
    assert "$0.00 for 0 requests" in text
    assert text.index("$22.75") < text.index("\x1b[1A") < text.index("$0.00 for")
    assert text.rstrip().endswith("\x1b[2K")
