"""`llmopt project`: how often does the interval of a month hold the truth?

Logs are made up whose mean month is known: their days have a level, weekdays, noise that may depend on the day before,
and calls at random times that each save a cent. Each log begins and ends within a day. The interval has to hold the
mean month in at least 90 of 100 logs of each kind and length; how often it holds the 30 days that really follow is
printed beside it, and so is its width as a share of the truth.

Prints a table; the last line is one JSON object with every figure and the goals. The exit code is 1 when one is missed.

    python benchmarks/project_interval.py [--logs 200] [--days 10,14,21,30,60] [--seed 1]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import random
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from llmopt import __version__
from llmopt.savings.project.covered import covered
from llmopt.savings.project.monthly import Day, monthly
from llmopt.savings.project.times import at_edges, times_of

GOAL = 0.9
MONTH = 30
LEVEL = 120.0
"""Calls of a mean day."""
CENT = Decimal("0.01")
DAY_US = 86_400_000_000
BEGINS = datetime(2024, 3, 4, tzinfo=UTC)
OFFICE = (1.2, 1.3, 1.25, 1.25, 1.1, 0.5, 0.4)
JAGGED = (0.5, 1.6, 1.0, 0.7, 1.3, 1.2, 0.7)
FLAT = (1.0,) * 7
Noise = Callable[[random.Random, int], list[float]]


def independent(size: float) -> Noise:
    """Return factors around 1 that are normal, cut off at 0."""
    return lambda rng, days: [max(rng.gauss(1, size), 0.0) for _ in range(days)]


def dependent(size: float, correlation: float) -> Noise:
    """Return factors around 1 of an AR(1) series, cut off at 0."""

    def noise(rng: random.Random, days: int) -> list[float]:
        value, found = rng.gauss(0, 1), []
        for _ in range(days):
            found.append(max(1 + size * value, 0.0))
            value = correlation * value + math.sqrt(1 - correlation**2) * rng.gauss(0, 1)
        return found

    return noise


def lognormal(size: float) -> Noise:
    """Return factors with mean 1 whose logarithms are normal."""
    return lambda rng, days: [math.exp(rng.gauss(-size * size / 2, size)) for _ in range(days)]


def pareto(shape: float) -> Noise:
    """Return factors with mean 1 of a Pareto distribution."""
    return lambda rng, days: [rng.paretovariate(shape) * (shape - 1) / shape for _ in range(days)]


KINDS: dict[str, tuple[tuple[float, ...], Noise]] = {
    "independent days": (FLAT, independent(0.2)),
    "office weeks": (OFFICE, independent(0.15)),
    "jagged weeks": (JAGGED, independent(0.15)),
    "office weeks, AR(1) 0.5": (OFFICE, dependent(0.2, 0.5)),
    "AR(1) 0.3": (FLAT, dependent(0.25, 0.3)),
    "AR(1) 0.5": (FLAT, dependent(0.25, 0.5)),
    "AR(1) 0.7": (FLAT, dependent(0.25, 0.7)),
    "lognormal 0.6": (FLAT, lognormal(0.6)),
    "lognormal 1": (FLAT, lognormal(1.0)),
    "office weeks, lognormal 0.6": (OFFICE, lognormal(0.6)),
    "Pareto 2.5": (FLAT, pareto(2.5)),
}
"""Name -> (weekdays, noise)."""


def main() -> None:
    """Measure every kind and length, print the figures."""
    options = _options()
    lengths = [int(days) for days in options.days.split(",")]
    began_s, cells = process_time(), []
    for kind in KINDS:
        for days in lengths:
            cell = _cell(kind, days, options.logs, options.seed)
            cells.append(cell)
            met = "met" if cell["held"] >= GOAL else "MISSED"
            print(
                f"{kind:28} {days:3} days  mean month {cell['held']:.3f}  goal {GOAL:g}  {met:6} "
                f" next 30 days {cell['held_next']:.3f}  width {cell['width']:.2f}"
            )
    missed = [f"{cell['kind']}, {cell['days']} days" for cell in cells if cell["held"] < GOAL]
    figures = {
        "benchmark": "project_interval",
        "logs": options.logs,
        "seed": options.seed,
        "cells": cells,
        "goal": GOAL,
        "missed": missed,
        "cpu_s": round(process_time() - began_s, 1),
        "environment": {"python": platform.python_version(), "llmopt": __version__, "load_average": os.getloadavg()},
    }
    print(json.dumps(figures))
    sys.exit(1 if missed else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what the interval of a month holds.")
    parser.add_argument("--logs", type=int, default=200, help="of each kind and length")
    parser.add_argument("--days", default="10,14,21,30,60", help="whole days of a log")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _cell(kind: str, days: int, logs: int, seed: int) -> dict[str, Any]:
    """Return how often the interval of logs of one kind and length held."""
    held = held_next = 0
    widths = []
    truth = MONTH * LEVEL * float(CENT)
    for number in range(logs):
        at_us, rows, following = _log(kind, days, random.Random(f"{seed} {kind} {days} {number}"))
        most = times_of(at_us).most()
        found, _ = monthly(rows, covered(most, at_edges(at_us, most)), seed=seed)
        if found is None:
            continue
        held += found.low <= truth <= found.high
        held_next += found.low <= following <= found.high
        widths.append(float(found.high - found.low) / truth)
    return {
        "kind": kind,
        "days": days,
        "held": held / logs,
        "held_next": held_next / logs,
        "width": round(median(widths), 3) if widths else math.inf,
    }


def _log(kind: str, days: int, rng: random.Random) -> tuple[list[int], list[Day], Decimal]:
    """Return when the calls of a log were, its days, and what the 30 days after its last whole day save."""
    weekdays, noise = KINDS[kind]
    scale = 7 / sum(weekdays)
    first = BEGINS + timedelta(days=rng.randrange(7))
    factors = noise(rng, days + 2 + MONTH)
    begins_us = int(first.timestamp()) * 1_000_000
    head, tail = rng.randrange(DAY_US), rng.randrange(DAY_US)
    at_us: list[int] = []
    following = 0
    for day, factor in enumerate(factors):
        level = LEVEL * scale * weekdays[(first.weekday() + day) % 7] * factor
        calls = max(round(rng.gauss(level, math.sqrt(level))), 0)
        following += calls if day > days else 0
        if day < days + 2:
            at_us += [begins_us + day * DAY_US + rng.randrange(DAY_US) for _ in range(calls)]
    last = days + 1
    kept = sorted(at for at in at_us if begins_us + head <= at < begins_us + last * DAY_US + tail)
    counted = Counter((at - begins_us) // DAY_US for at in kept)
    rows = [(first.date() + timedelta(days=day), 3 * calls * CENT, 2 * calls * CENT) for day, calls in counted.items()]
    return kept, rows, following * CENT


if __name__ == "__main__":
    main()
