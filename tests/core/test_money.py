from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.core.money import EXACT, dollars, exact_text, monthly

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=12)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.033", "0.033"),
        ("33000", "33000"),
        ("3.3E+4", "33000"),
        ("1.500", "1.5"),
        ("0", "0"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("1E-9", "0.000000001"),
        ("-2.50", "-2.5"),
    ],
)
def test_exact_text_has_no_exponent_and_no_trailing_zeros(amount: str, text: str) -> None:
    assert exact_text(Decimal(amount)) == text


@given(AMOUNTS)
def test_exact_text_reads_back_to_the_same_amount(amount: Decimal) -> None:
    assert Decimal(exact_text(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("33000", "$33,000.00"),
        ("1.515", "$1.52"),
        ("0.033", "$0.033000"),
        ("-0.5", "-$0.500000"),
        ("-2", "-$2.00"),
        ("0", "$0.00"),
        ("0.0000001", "$0.000000"),
    ],
)
def test_dollars_shows_cents_from_a_dollar_and_micro_dollars_below(amount: str, text: str) -> None:
    assert dollars(Decimal(amount)) == text


@given(AMOUNTS)
def test_dollars_is_off_by_half_a_unit_at_most(amount: Decimal) -> None:
    shown = Decimal(dollars(amount).replace("$", "").replace(",", ""))
    unit = Decimal("0.01") if abs(amount) >= 1 else Decimal("0.000001")
    assert abs(EXACT.subtract(shown, amount)) <= unit / 2


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(720, Decimal(72)), (24, Decimal(2160)), (1, Decimal(51840)), (0.99, None), (0, None)],
)
def test_a_month_is_thirty_days(hours: float, expected: Decimal | None) -> None:
    assert monthly(Decimal(72), NOON, NOON + timedelta(hours=hours)) == expected


def test_a_month_of_unknown_days_is_unknown() -> None:
    assert monthly(Decimal(72), None, None) is None
