"""Swaps, tags, hours, steps and growth, from a flag or a plan."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmopt.errors import UsageError
from llmopt.savings.project import parsed


def test_swaps() -> None:
    found = parsed.swaps("gpt-4=gpt-4o-mini, o1 = o3-mini,gpt-4=gpt-4o-mini,", "--swap")
    assert found == (("gpt-4", "gpt-4o-mini"), ("o1", "o3-mini"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing is named"),
        (" , ", "nothing is named"),
        ("gpt-4", "no = in it"),
        ("gpt-4=", "one side is empty"),
        ("=gpt-4", "one side is empty"),
        ("gpt-4=GPT-4", "a model in its own place"),
        ("gpt-4=a,GPT-4=b", "two models in its place"),
    ],
)
def test_what_is_no_swap_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=r"^--swap ") as caught:
        parsed.swaps(text, "--swap")
    assert said in caught.value.message
    assert caught.value.hint


def test_tags_keep_what_follows_the_first_sign() -> None:
    assert parsed.tags("tag=offline,team=a=b", "--batch") == (("tag", "offline"), ("team", "a=b"))


@pytest.mark.parametrize(("text", "found"), [("22-6", (22, 6)), (" 0 - 24 ", (0, 24)), ("22:00-06:00", (22, 6))])
def test_hours(text: str, found: tuple[int, int]) -> None:
    assert parsed.hours(text, "--batch night") == found


@pytest.mark.parametrize("text", ["", "22", "22-", "6-6", "24-6", "22-25", "22:30-6", "-1-6", "a-b"])
def test_what_is_no_hours_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^night '"):
        parsed.hours(text, "night")


def test_a_batch_has_tags_and_a_night() -> None:
    assert parsed.batch("tag=offline,night=22-6,team=etl", "--batch") == (
        (("tag", "offline"), ("team", "etl")),
        (22, 6),
    )
    assert parsed.batch("Night=22-6", "--batch") == ((), (22, 6))
    assert parsed.batch("tag=offline", "--batch") == ((("tag", "offline"),), None)


@pytest.mark.parametrize("text", ["night=22-6,night=1-2", "night", "offline", ""])
def test_what_is_no_batch_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--batch"):
        parsed.batch(text, "--batch")


@pytest.mark.parametrize("text", ["caching=0.7", " caching = 70% "])
def test_a_step_is_a_name_and_a_share(text: str) -> None:
    assert parsed.step(text, "--step") == ("caching", Decimal("0.7"))


@pytest.mark.parametrize("text", ["caching", "caching=", "=0.7", "caching=70", "caching=x", ""])
def test_what_is_no_step_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--step"):
        parsed.step(text, "--step")


def test_the_hint_of_a_night_can_be_typed() -> None:
    with pytest.raises(UsageError) as caught:
        parsed.batch("night=25-3", "--batch")
    assert caught.value.message == "--batch night = '25-3': no such hours"
    assert caught.value.hint == "whole hours in UTC, 0 to 24, such as --batch night=22-6"


def test_the_hint_of_a_step_can_be_typed() -> None:
    with pytest.raises(UsageError) as caught:
        parsed.step("caching=150%", "--step")
    assert caught.value.message == "--step caching = '150%': more than all of it"
    assert caught.value.hint == "such as --step caching=0.3 or --step caching=30%"


@pytest.mark.parametrize(
    ("text", "found"), [("0.1", "0.1"), ("10%", "0.1"), ("+10%", "0.1"), ("-5%", "-0.05"), ("150%", "1.5"), ("0", "0")]
)
def test_growth(text: str, found: str) -> None:
    assert parsed.growth(text, "--growth") == Decimal(found)


@pytest.mark.parametrize("text", ["10", "-100%", "-1", "2000%", "fast", ""])
def test_what_is_no_growth_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--growth"):
        parsed.growth(text, "--growth")


@pytest.mark.parametrize(("text", "found"), [("1GB", 10**9), ("unbounded", None), ("1 KiB", 1024)])
def test_room(text: str, found: int | None) -> None:
    assert parsed.room(text, "--size") == found


@pytest.mark.parametrize("text", ["0", "much", "-1", "2000000TB", "9" * 5000])
def test_what_is_no_room_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--size"):
        parsed.room(text, "--size")
