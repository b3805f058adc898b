"""JSON values as the canonical record sees them: text, whole numbers, instants, money."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from llmopt.cost.spec.expr import constant_text
from llmopt.cost.spec.row import MAX_COUNT

OFFSET = r"[+-]\d\d(:?\d\d)?"
ISO = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?( ?UTC|[zZ]|" + OFFSET + r")?)?"
"""ISO 8601 as logs write it; the same pattern in the query."""
NAIVE_ISO = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?"
UNIX_SCALES = ((-6e10, 1e11, 1e6), (1e11, 1e14, 1e3), (1e14, 1e17, 1.0), (1e17, 1e20, 1e-3))
"""Unix numbers from, below -> microseconds in one: seconds, milli-, micro- and nanoseconds."""
SAYS_NOTHING = ("", "{}", "[]", "null")
"""A text that is not there, as JSON or blank."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class BadCount(Exception):
    """A value that should be a token count and is none."""


def to_text(value: Any) -> str | None:
    """Return a JSON value as the text that comparisons and groups see."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, int)):
        return constant_text(value)
    if isinstance(value, (dict, list)):
        return msgspec.json.encode(value).decode()
    return str(value)


def unpacked(value: Any) -> Any:
    """Decode a JSON object or list that was logged as text; anything else comes back as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return value


def to_count(value: Any, label: str = "a count", limit: int = MAX_COUNT, least: int = 0) -> int | None:
    """Return a whole number from `least` to `limit`, or None for null.

    Raises:
        BadCount: for booleans, fractions, negative and huge numbers, and any text that is no whole number.
    """
    if value is None:
        return None
    if isinstance(value, str) and len(value) < 40:
        value = _whole(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if value < least:
            raise BadCount(f"{label} is negative: {value}")
        if value > limit:
            raise BadCount(f"{label} is {value}: more than any request can have")
        return value
    shown = to_text(value) or ""
    raise BadCount(f"{label} is {shown[:40]!r}, not a whole number")


def to_total(value: Any) -> Decimal | None:
    """Return a reported total; None where there is none, or none that is a number."""
    if isinstance(value, bool):
        return Decimal(value)
    try:
        total = Decimal(to_text(value) or "") if not isinstance(value, (dict, list)) else None
    except InvalidOperation:
        return None
    return total if total is not None and total.is_finite() else None


def to_time(value: Any) -> tuple[datetime | None, bool]:
    """Return a UTC instant (None when it cannot be read) and whether its zone had to be assumed."""
    text = to_text(value)
    if text is None:
        return None, False
    try:
        return from_micros(_micros(float(text))), False
    except ValueError:
        return _iso(text.strip())


def to_money(value: Any) -> Decimal | None:
    """Return a decimal amount, or None for what is none."""
    try:
        amount = Decimal(to_text(value) or "")
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < Decimal(10) ** 15 else None


def epoch_micros(stamp: datetime | None) -> int | None:
    """Return microseconds since 1970."""
    return None if stamp is None else (stamp - _EPOCH) // _MICROSECOND


def from_micros(micros: int | None) -> datetime | None:
    """Return the instant of so many microseconds since 1970."""
    try:
        return None if micros is None else _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None


def _iso(text: str) -> tuple[datetime | None, bool]:
    if not re.fullmatch(ISO, text):
        return None, False
    try:
        stamp = datetime.fromisoformat(text.removesuffix("UTC").strip())
    except ValueError:
        return None, False
    naive = re.fullmatch(NAIVE_ISO, text) is not None
    return (stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)), naive


def whole(value: Any) -> int | None:
    """Return a whole number of any size and sign; None for what is none, and for `1e3`."""
    if isinstance(value, str):
        value = None if "e" in value else _whole(value)
    counts = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return value if counts else None


def _whole(text: str) -> int | str:
    """Read a whole number in any spelling (`12`, `1_000`, `0x1F`, `1e3`); return other text as it is."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = Decimal(text) if "." not in text else None
    except InvalidOperation:
        number = None
    if number is not None and number.is_finite() and number == int(number):
        return int(number)
    try:
        return int(text, 0)
    except ValueError:
        return text


def _micros(number: float) -> int | None:
    """Tell seconds, milliseconds, microseconds and nanoseconds apart by size; None far outside of the calendar."""
    scale = next((scale for low, high, scale in UNIX_SCALES if low <= number < high), None)
    return None if scale is None else math.floor(number * scale + 0.5)
