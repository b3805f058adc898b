"""JSON values as counts, instants, texts and amounts: what is none is refused, never rounded or clipped."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.spec.row import MAX_AGGREGATE, MAX_COUNT
from llmopt.cost.spec.values import BadCount, epoch_micros, from_micros, to_count, to_money, to_text, to_time

NOON = datetime(2025, 3, 4, 12, 0, 0, tzinfo=UTC)
STAMPS = st.integers(631_152_000 * 10**6, 4_102_444_800 * 10**6).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (None, None),
        *((number, number) for number in (0, 7, MAX_COUNT)),
        *(("0", 0), ("7", 7), (" 12 ", 12), ("+5", 5), ("007", 7), (str(MAX_COUNT), MAX_COUNT)),
        *(("1_000", 1000), ("1e3", 1000), ("0x10", 16)),
    ],
)
def test_a_count_is_a_whole_number_in_any_spelling(value: Any, count: int | None) -> None:
    assert to_count(value) == count


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (True, "'true', not a whole number"),
        (1.5, "'1.5', not a whole number"),
        (1024.0, "'1024.0', not a whole number"),
        ("1.0", "'1.0', not a whole number"),
        ("1,000", "'1,000', not a whole number"),
        ("1e-3", "'1e-3', not a whole number"),
        ("0x", "'0x', not a whole number"),
        ("nan", "'nan', not a whole number"),
        ("Infinity", "'Infinity', not a whole number"),
        ("", "'', not a whole number"),
        ("abc", "'abc', not a whole number"),
        ([], "'[]', not a whole number"),
        ({"a": 1}, "'{\"a\":1}', not a whole number"),
        ("x" * 99, f"'{'x' * 40}', not a whole number"),
        ("1" * 41, f"'{'1' * 40}', not a whole number"),
        (-3, "negative: -3"),
        ("-3", "negative: -3"),
        (MAX_COUNT + 1, f"{MAX_COUNT + 1}: more than any request can have"),
        (10**30, f"{10**30}: more than any request can have"),
    ],
)
def test_what_is_no_count_says_why(value: Any, reason: str) -> None:
    with pytest.raises(BadCount) as caught:
        to_count(value, "usage.n")
    assert str(caught.value) == f"usage.n is {reason}"


def test_a_sum_of_many_requests_may_be_larger() -> None:
    assert to_count(MAX_AGGREGATE, limit=MAX_AGGREGATE) == MAX_AGGREGATE
    with pytest.raises(BadCount):
        to_count(MAX_AGGREGATE + 1, limit=MAX_AGGREGATE)


@given(JSON)
def test_a_count_is_what_was_written_or_an_error(value: Any) -> None:
    try:
        count = to_count(value)
    except BadCount:
        return
    assert (count is None) == (value is None)
    assert count is None or 0 <= count <= MAX_COUNT
    assert count is None or isinstance(value, str) or (count == value and isinstance(value, int))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", ""),
        ("Text", "Text"),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (1.5, "1.5"),
        ([1, "a"], '[1,"a"]'),
        ({"a": {"b": None}}, '{"a":{"b":null}}'),
    ],
)
def test_texts(value: Any, text: str | None) -> None:
    assert to_text(value) == text


@given(JSON)
def test_every_value_has_a_text_and_only_null_has_none(value: Any) -> None:
    text = to_text(value)
    assert (text is None) == (value is None)
    if isinstance(value, (dict, list)):
        assert json.loads(text or "") == value


@pytest.mark.parametrize(
    ("value", "stamp"),
    [
        (1_741_089_600, NOON),
        (1_741_089_600.25, NOON + timedelta(milliseconds=250)),
        (1_741_089_600_000, NOON),
        (1_741_089_600_000_000, NOON),
        (1_741_089_600_000_000_000, NOON),
        ("1741089600", NOON),
        ("1741089600.5", NOON + timedelta(milliseconds=500)),
        ("1741089600123", NOON + timedelta(milliseconds=123)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2025-03-04T12:00:00Z", NOON),
        ("2025-03-04T12:00:00+00:00", NOON),
        ("2025-03-04T14:00:00+02:00", NOON),
        ("2025-03-04T14:00:00+0200", NOON),
        ("2025-03-04T06:30:00-05:30", NOON),
        ("2025-03-04 12:00:00 UTC", NOON),
        ("2025-03-04T12:00:00.123456Z", NOON + timedelta(microseconds=123456)),
        ("2025-03-04T12:00:00.123456789Z", NOON + timedelta(microseconds=123456)),
        (" 2025-03-04T12:00Z ", NOON),
    ],
)
def test_instants_with_a_known_zone(value: Any, stamp: datetime) -> None:
    assert to_time(value) == (stamp, False)


@pytest.mark.parametrize(
    ("value", "stamp"),
    [
        ("2025-03-04T12:00:00", NOON),
        ("2025-03-04 12:00:00.5", NOON + timedelta(milliseconds=500)),
        ("2025-03-04 12:00:00,5", NOON + timedelta(milliseconds=500)),
        ("2025-03-04T12:00", NOON),
        ("2025-03-04", datetime(2025, 3, 4, tzinfo=UTC)),
    ],
)
def test_a_missing_zone_is_utc_and_said_so(value: Any, stamp: datetime) -> None:
    assert to_time(value) == (stamp, True)


@pytest.mark.parametrize(
    "value",
    [None, "", "yesterday", "2025-13-01", "2025-02-30T00:00:00Z", "10000-01-01", "12:00:00", "nan", "inf", 1e300],
)
def test_what_is_no_instant_is_null(value: Any) -> None:
    assert to_time(value) == (None, False)


@pytest.mark.parametrize("value", [True, {}, []])
def test_other_shapes_are_no_instants(value: Any) -> None:
    assert to_time(value)[0] is None


@given(STAMPS, ZONES)
def test_iso_texts_of_any_zone_are_the_same_instant(stamp: datetime, zone: timezone) -> None:
    assert to_time(stamp.astimezone(zone).isoformat()) == (stamp, False)


@given(STAMPS, st.sampled_from([10**6, 10**3, 1]))
def test_unix_time_is_told_apart_by_size(stamp: datetime, unit: int) -> None:
    stamp = stamp.replace(microsecond=0)
    micros = epoch_micros(stamp)
    assert micros is not None
    assert to_time(micros // unit) == (stamp, False)
    assert to_time(str(micros // unit)) == (stamp, False)
    assert to_time(micros * 1000) == (stamp, False)


@given(STAMPS)
def test_microseconds_since_1970_and_back(stamp: datetime) -> None:
    assert from_micros(epoch_micros(stamp)) == stamp


def test_no_instant_has_no_microseconds() -> None:
    assert (epoch_micros(None), from_micros(None)) == (None, None)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (0, "0"),
        (0.1, "0.1"),
        ("0.1", "0.1"),
        (1.5e-7, "0.00000015"),
        ("1E-9", "0.000000001"),
        (-3, "-3"),
        (12, "12"),
    ],
)
def test_an_amount_is_the_decimal_that_was_written(value: Any, amount: str) -> None:
    assert to_money(value) == Decimal(amount)


@pytest.mark.parametrize("value", [None, "", "free", True, "nan", "inf", "-Infinity", 1e15, "1e400", [], {}])
def test_what_is_no_amount_is_null(value: Any) -> None:
    assert to_money(value) is None
