"""Which levers hurt each other, on games whose costs are written out."""

from __future__ import annotations

from decimal import Decimal

from llmopt.savings.project.hurts import hurts
from llmopt.savings.project.shapley import Cost

NOBODY = (0, Decimal(0))


def saving(**saved: str) -> Cost:
    """A log of 1,000 dollars; `a_b="5"` is what a and b save together."""
    sets = {frozenset(name.split("__")): Decimal(usd) for name, usd in saved.items()}
    return lambda on: Decimal(1000) - sets.get(on, Decimal(0))


def test_levers_that_share_calls_do_not_hurt() -> None:
    cost = saving(routing="300", swap="300", routing__swap="300")
    assert hurts(cost, ["routing", "swap"], NOBODY) == ()


def test_a_lever_that_costs_money_beside_another_is_said() -> None:
    cost = saving(cache="500", prompt_cache="20", cache__prompt_cache="480")
    (hurt,) = hurts(cost, ["cache", "prompt_cache"], NOBODY)
    assert (hurt.lever, hurt.hurts, hurt.usd) == ("cache", "prompt_cache", Decimal(20))
    assert "costs more than it still saves" in hurt.why


def test_a_lever_that_never_pays_is_not_hurt_by_others() -> None:
    cost = saving(cache="-30", batch="100", cache__batch="60")
    assert hurts(cost, ["cache", "batch"], NOBODY) == ()


def test_compression_is_to_blame_for_the_cache_that_it_spoils() -> None:
    cost = saving(compression="10", prompt_cache="100", compression__prompt_cache="10")
    (hurt,) = hurts(cost, ["compression", "prompt_cache"], NOBODY)
    assert (hurt.lever, hurt.hurts, hurt.usd) == ("compression", "prompt_cache", Decimal(90))


def test_calls_under_the_least_prefix_are_counted() -> None:
    cost = saving(compression="10", prompt_cache="100", compression__prompt_cache="10")
    (hurt,) = hurts(cost, ["compression", "prompt_cache"], (1200, Decimal(95)))
    assert (hurt.lever, hurt.hurts, hurt.usd) == ("compression", "prompt_cache", Decimal(95))
    assert "1,200 calls fall below the least prefix" in hurt.why
    assert hurt.why.endswith(" and pay for all of their input again")


def test_the_cache_that_the_log_already_uses_may_be_spoilt_too() -> None:
    (hurt,) = hurts(saving(compression="10"), ["compression"], (1, Decimal("0.5")))
    assert (hurt.hurts, hurt.usd) == ("prompt_cache", Decimal("0.5"))
    assert hurt.why.startswith("compressed, 1 call falls below ")
    assert hurt.why.endswith(" and pays for all of its input again")


def test_a_trifle_is_not_worth_a_line() -> None:
    assert hurts(saving(compression="10"), ["compression"], (3, Decimal("0.05"))) == ()


def test_harm_is_looked_for_with_all_other_levers_on() -> None:
    sets = {
        "cache": "500",
        "prompt_cache": "20",
        "cache__prompt_cache": "480",
        "batch": "400",
        "batch__cache": "600",
        "batch__prompt_cache": "420",
        "batch__cache__prompt_cache": "610",
    }
    assert hurts(saving(**sets), ["cache", "prompt_cache", "batch"], NOBODY) == ()


def test_the_dearest_harm_comes_first() -> None:
    cost = saving(cache="500", prompt_cache="20", cache__prompt_cache="480", compression="1")
    found = hurts(cost, ["cache", "prompt_cache"], (5, Decimal(700)))
    assert [hurt.usd for hurt in found] == [Decimal(700), Decimal(20)]
