"""What flags and plan files hold: shares and times to live. What only flags hold is in tests/cli/test_values.py."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmopt.core.parsed import share, ttl_s
from llmopt.errors import UsageError


@pytest.mark.parametrize(
    ("text", "found"), [("0.3", "0.3"), ("30%", "0.3"), (" 30 % ", "0.3"), ("1", "1"), ("100%", "1"), ("0", "0")]
)
def test_a_share_is_a_fraction_or_a_percentage(text: str, found: str) -> None:
    assert share(text, "--step caching") == Decimal(found)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("70", "write 0.7 or 70%"),
        ("1.5", "write 0.015 or 1.5%"),
        ("120%", "a share from 0 to 1, such as --step 0.3 or 30%"),
        ("3000", "a share from 0 to 1, such as --step 0.3 or 30%"),
        ("-0.1", "such as --step 0.3 or 30%"),
        ("nan", "such as --step 0.3 or 30%"),
        ("half", "such as --step 0.3 or 30%"),
        ("", "such as --step 0.3 or 30%"),
    ],
)
def test_what_is_no_share_is_refused_with_what_was_meant(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        share(text, "--step")
    assert caught.value.message.startswith(f"--step {text!r}: ")
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "seconds"), [("24h", 86_400.0), ("90m", 5400.0), ("90min", 5400.0), ("7d", 604_800.0), (" 1.5 h ", 5400.0)]
)
def test_minutes_of_a_time_to_live_may_be_short(text: str, seconds: float) -> None:
    assert ttl_s(text, "--ttl") == seconds


@pytest.mark.parametrize("text", ["", "24", "m", "0h", "-1h", "1000000d", "24 hourz"])
def test_what_is_no_time_to_live_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        ttl_s(text, "--ttl")
    assert caught.value.hint == "such as --ttl 24h, 90min or 7d"
