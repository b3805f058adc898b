r"""Cells as text: for people (`shown`) and for machines (`exact`), with nothing that a terminal would obey.

Logs come from strangers. A model name may hold an escape sequence that recolours the screen, a right-to-left
override that reverses a figure, or a newline that breaks a table. Such characters are written as `\x1b`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

from llmopt.core.money import EXACT, dollars, exact_text
from llmopt.report.table import Cell, Column

HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters, line separators, invisible and direction-changing characters, lone surrogates."""


def clean(text: str) -> str:
    r"""Return `text` with every hostile character spelled out, such as `\x1b` or `\u202e`."""
    return HOSTILE.sub(_spell, text)


def shown(cell: Cell, column: Column) -> str:
    """Return `cell` for people: `1,234`, `$12.34`, `56.7%`, `2024-05-01`; `-` where it is unknown."""
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, date):
        return iso(cell)
    if column.kind in _NUMBERS:
        return _NUMBERS[column.kind](Decimal(cell))
    return f"{cell:,}" if isinstance(cell, int) else exact_text(cell)


def exact(cell: Cell) -> str:
    """Return `cell` for a machine: nothing rounded, no separators; empty where it is unknown."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, date):
        return iso(cell)
    return str(cell) if isinstance(cell, int) else exact_text(cell)


def iso(moment: date) -> str:
    """Return a day as `2024-05-01`, an instant as `2024-05-01T12:00:00Z` (UTC; naive instants are UTC)."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def percent(fraction: Decimal) -> str:
    """Return a fraction as a percentage with one decimal: `0.5` is `50.0%`."""
    rounded = (fraction * 100).quantize(Decimal("0.1"), ROUND_HALF_UP, EXACT)
    return f"{rounded or abs(rounded):,f}%"


def figures(value: Decimal, digits: int = 3) -> str:
    """Return a number with so many significant digits, whole ones never cut: `0.0123`, `12.3`, `1,234`."""
    if not value:
        return "0"
    places = max(digits - 1 - value.adjusted(), 0)
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, EXACT)
    return f"{rounded:,f}"


def milliseconds(duration_s: Decimal) -> str:
    """Return seconds as milliseconds without their unit: `0.0123` is `12.3`."""
    return figures(duration_s * 1000)


def number(value: Decimal) -> str:
    """Return a number with at least four digits: `12.34`, `123.4`, `1,234`."""
    return figures(value, 4)


def byte_size(size: Decimal) -> str:
    """Return bytes with a unit of thousands: `512 B`, `91.3 MB`, `1.50 GB`."""
    power = 0
    while size >= 1000 and power < len(_BYTES) - 1:
        size, power = size / 1000, power + 1
    return f"{figures(size) if power else exact_text(size)} {_BYTES[power]}"


def cell_width(text: str) -> int:
    """Return how many terminal columns `text` takes: wide (Chinese, emoji) two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


_BYTES = ("B", "kB", "MB", "GB", "TB")
_NUMBERS: dict[str, Callable[[Decimal], str]] = {
    "money": dollars,
    "percent": percent,
    "duration": milliseconds,
    "number": number,
    "bytes": byte_size,
}
"""Kind of a column -> how people see its numbers."""


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _spell(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return {9: r"\t", 10: r"\n", 13: r"\r"}.get(code, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
