"""Values beside what is drawn: exact enough to be read, as people see them in tables."""

from __future__ import annotations

from decimal import Decimal

from llmopt.report.scale import value_text
from llmopt.report.table import Column, Kind
from llmopt.report.text import shown


def said_value(value: Decimal, kind: Kind, unit: str = "") -> str:
    """Return a value as a table shows it, with its unit."""
    return f"{shown(value, Column('', '', kind))}{f' {unit}' if unit else ''}"


def tick(value: float, kind: Kind) -> str:
    """Return a round value beside an axis."""
    if kind != "money":
        return value_text(value)
    cents = f"{value:,.2f}"
    return f"${value_text(value)}" if value == int(value) or float(cents.replace(",", "")) != value else f"${cents}"
