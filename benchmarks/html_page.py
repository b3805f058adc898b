"""The page of a large log: how large it is, how long it takes to write, and to load in Chromium.

Writes a log of a million requests by 100,000 users (seeded), prices it with and without days in turn, and writes the
page by model and that by user. Prints a table; the last line is one JSON object with every figure, goal and raw time.
The exit code is 1 where what the page's chart adds up to is not what the log cost, to the last digit.

    python benchmarks/html_page.py [--rows 1000000] [--users 100000] [--rounds 3] [--dir DIR]
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from decimal import Decimal
from os import cpu_count, getloadavg
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import llmopt
from llmopt.report import as_html
from llmopt.report.cost_view import view
from llmopt.report.page.tables import MOST_ROWS
from llmopt.report.table import Bars

GOALS = {"page_bytes": 1_000_000, "render_s": 1.0, "days_ratio": 1.5, "load_s": 1.0}
"""At most: bytes of the larger page, seconds to write it, pricing with days against without, and to load it."""
_ROWS = """SELECT 'req-' || i AS request_id,
  ['gpt-4o', 'gpt-4o-mini', 'gpt-4.1', 'o3', 'gpt-5', 'gpt-5-mini', 'claude-sonnet-4-5', 'claude-haiku-4-5',
   'gemini-2.5-pro', 'gemini-2.5-flash'][CAST(1 + hash(i + 1) % 10 AS INTEGER)] AS model,
  CAST(100 + hash(i) % 2000 AS INTEGER) AS input_tokens, CAST(hash(i + 7) % 500 AS INTEGER) AS output_tokens,
  TIMESTAMP '2026-09-01' + to_milliseconds(CAST(i AS BIGINT) * {step_ms}) AS timestamp,
  'u' || (hash(i + 3) % {users}) AS "user" FROM range({rows}) t(i)"""
_SPAN_MS = 60 * 86_400_000


def main() -> None:
    """Make the log, time everything, print the figures."""
    parser = argparse.ArgumentParser(description="Time the page of a large log.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", type=Path, help="where to write the log (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-", dir=options.dir) as folder:
        result = measure(Path(folder), options.rows, options.users, options.rounds)
    print(json.dumps(result))
    sys.exit(0 if result["exact"] else 1)


def measure(folder: Path, rows: int, users: int, rounds: int) -> dict[str, Any]:
    """Run the benchmark in `folder`."""
    log = folder / "log.parquet"
    query = _ROWS.format(step_ms=max(_SPAN_MS // rows, 1), users=users, rows=rows)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{log}' (FORMAT PARQUET)")
    raw: dict[str, list[float]] = {"price": [], "price_daily": [], "render": []}
    for _ in range(rounds):
        plain = timed(raw["price"], lambda: llmopt.price_logs([log]))
        daily = timed(raw["price_daily"], lambda: llmopt.price_logs([log], daily=True))
    by_user = llmopt.price_logs([log], by=["user"], daily=True)
    for _ in range(rounds):
        page = timed(raw["render"], lambda: as_html.render(view(by_user, top=MOST_ROWS - 1)))
    pages = {"by-user": page, "by-model": as_html.render(view(daily))}
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    raw["load"] = loads(folder / "by-user.html", rounds)
    exact = plain.total == daily.total == by_user.total and drawn(daily) == drawn(by_user) == plain.total.cost_usd
    return report(raw, {name: len(text.encode()) for name, text in pages.items()}, rows, len(by_user.groups), exact)


def timed(raw: list[float], call: Callable[[], Any]) -> Any:
    """Run something, and note its seconds."""
    start = perf_counter()
    result = call()
    raw.append(perf_counter() - start)
    return result


def drawn(priced: llmopt.CostReport) -> Decimal:
    """Return what the chart of a report adds up to."""
    (chart,) = view(priced).charts
    if not isinstance(chart, Bars):
        raise TypeError("no days in the report")
    return sum((value for layer in chart.layers for value in layer.values), Decimal(0))


def loads(page: Path, rounds: int) -> list[float]:
    """Return how long Chromium takes until the load event of a page, in seconds; nothing where there is none."""
    if shutil.which("chromium") is None:
        return []
    from tests.report.chromium import Chromium

    found = []
    with tempfile.TemporaryDirectory(prefix="llmopt-bench-") as folder, Chromium(Path(folder)) as browser:
        for _ in range(rounds + 1):
            browser.show(page)
            found.append(browser.run("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000)
    return found[1:]


def report(raw: dict[str, list[float]], pages: dict[str, int], rows: int, groups: int, exact: bool) -> dict[str, Any]:
    """Return the figures and goals, and print them as a table."""
    price, render = statistics.median(raw["price"]), statistics.median(raw["render"])
    figures: dict[str, float] = {
        "page_bytes": max(pages.values()),
        "render_s": render,
        "days_ratio": statistics.median(raw["price_daily"]) / price,
        "render_to_price": render / price,
    }
    if raw["load"]:
        figures["load_s"] = statistics.median(raw["load"])
    print(f"{rows:,} requests, {groups:,} users")
    for name, figure in figures.items():
        goal = f"at most {GOALS[name]:,}" if name in GOALS else ""
        print(f"{name:<16} {figure:>12,.3f}  {goal}")
    machine = {"python": platform.python_version(), "cpus": cpu_count(), "load": getloadavg()[0]}
    return {"exact": exact, "figures": figures, "goals": GOALS, "pages": pages, "raw_s": raw, "machine": machine}


if __name__ == "__main__":
    main()
