"""Shapley values against the definition: every order of the levers, spelled out."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations, permutations

from hypothesis import given
from hypothesis import strategies as st

from llmopt.savings.project.shapley import Cost, shares

NAMES = ("cache", "routing", "swap", "compression", "prompt_cache", "batch", "self_host")


@st.composite
def games(draw: st.DrawFn) -> tuple[tuple[str, ...], dict[frozenset[str], Decimal]]:
    """Levers, and what the log costs under each set of them."""
    levers = NAMES[: draw(st.integers(0, 5))]
    amounts = st.integers(0, 10**9).map(lambda count: Decimal(count).scaleb(-6))
    sets = [frozenset(some) for size in range(len(levers) + 1) for some in combinations(levers, size)]
    return levers, {some: draw(amounts) for some in sets}


def asked(costs: dict[frozenset[str], Decimal]) -> Cost:
    return lambda on: costs[on]


@given(games())
def test_a_share_is_the_mean_of_what_a_lever_adds_over_all_orders(
    game: tuple[tuple[str, ...], dict[frozenset[str], Decimal]],
) -> None:
    levers, costs = game
    orders = list(permutations(levers))
    found = shares(asked(costs), levers)
    for lever in levers:
        added = [
            costs[frozenset(order[: order.index(lever)])] - costs[frozenset(order[: order.index(lever) + 1])]
            for order in orders
        ]
        assert abs(found[lever].saved_usd - sum(added, Decimal(0)) / len(orders)) < Decimal("1e-11")


@given(games())
def test_shares_add_up_to_the_whole_saving_to_the_last_digit(
    game: tuple[tuple[str, ...], dict[frozenset[str], Decimal]],
) -> None:
    levers, costs = game
    found = shares(asked(costs), levers)
    assert tuple(found) == levers
    saved = sum((share.saved_usd for share in found.values()), Decimal(0))
    assert saved == costs[frozenset()] - costs[frozenset(levers)]


def test_a_lever_alone_is_worth_the_same_three_ways() -> None:
    costs = {frozenset[str](): Decimal(10), frozenset({"cache"}): Decimal("7.5")}
    share = shares(asked(costs), ["cache"])["cache"]
    assert (share.saved_usd, share.alone_usd, share.last_in_usd) == (Decimal("2.5"),) * 3


def test_two_levers_that_save_the_same_dollars_share_them() -> None:
    half = Decimal(50)
    costs = {
        frozenset[str](): Decimal(100),
        frozenset({"routing"}): half,
        frozenset({"swap"}): half,
        frozenset({"routing", "swap"}): half,
    }
    found = shares(asked(costs), ["routing", "swap"])
    assert [share.saved_usd for share in found.values()] == [Decimal(25), Decimal(25)]
    assert [share.alone_usd for share in found.values()] == [half, half]
    assert [share.last_in_usd for share in found.values()] == [Decimal(0), Decimal(0)]


def test_what_thirds_leave_over_is_given_to_someone() -> None:
    def one_dollar(on: frozenset[str]) -> Decimal:
        return Decimal(0) if on else Decimal(1)

    found = shares(one_dollar, ["batch", "cache", "swap"])
    assert sum(share.saved_usd for share in found.values()) == 1
    assert max(share.saved_usd for share in found.values()) - Decimal(1) / 3 < Decimal("1e-11")


def test_without_levers_there_are_no_shares() -> None:
    assert shares(lambda on: Decimal(3), []) == {}


def test_every_set_is_asked_for_once() -> None:
    seen: list[frozenset[str]] = []

    def cost(on: frozenset[str]) -> Decimal:
        seen.append(on)
        return Decimal(len(on))

    shares(cost, NAMES)
    assert len(seen) == len(set(seen)) == 2 ** len(NAMES)
