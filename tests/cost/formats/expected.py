"""What a sample must come to, held against the engine, the price table and the oracle."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import llmopt
from llmopt.cost.pricing.table import PriceTable
from tests.cost.oracle import total
from tests.cost.oracle_formats import parsers
from tests.cost.reading import sample_files, sample_lines

PRICES = PriceTable.load()


@dataclass(frozen=True)
class Expected:
    """Dollars by logged model name, and what became of the records."""

    costs: dict[str, Decimal]
    read: int
    priced: int
    free: int = 0
    unpriced: int = 0
    duplicates: int = 0
    skipped: int = 0
    requests: int | None = None
    """None: as many as records were priced."""
    unknown: tuple[str, ...] = ()
    """Logged model names that no price is known for."""


def check(name: str, expected: Expected) -> None:
    """Assert that engine and oracle both arrive at `expected` for the sample of a format, exactly."""
    report = llmopt.price_logs(sample_files(name), by=["model"])
    assert {group.key["model"]: group.totals.cost_usd for group in report.groups if group.totals.cost_usd} == (
        expected.costs
    )
    assert report.total.cost_usd == sum(expected.costs.values())
    assert set(report.formats) == {name}
    unpriced = sum(entry.requests for entry in report.unpriced)
    assert (report.read, report.priced, report.free, unpriced, report.duplicates, report.skipped) == (
        expected.read,
        expected.priced,
        expected.free,
        expected.unpriced,
        expected.duplicates,
        expected.skipped,
    )
    assert not report.rejected
    assert report.total.requests == (expected.priced if expected.requests is None else expected.requests)
    assert {entry.model for entry in report.unpriced if entry.reason == "unknown model"} == set(expected.unknown)
    assert oracle(name) == expected.costs


def oracle(name: str) -> dict[str, Decimal]:
    """Return the oracle's dollars by model for the sample of a format."""
    parse = parsers()[name]
    return total((seen for path in sample_files(name) for line in sample_lines(path) for seen in parse(line)), PRICES)
