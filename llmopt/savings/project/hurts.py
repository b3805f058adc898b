"""Levers that hurt each other: beyond sharing the same calls, one makes another cost money, or takes its ground away.

Two levers that save on the same calls are worth less together than apart; that is no harm. Harm is where turning a
lever on beside another one costs money although it saves without it, or where compression takes prompts below the least
prefix that their provider caches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import permutations

from llmopt.core.money import EXACT, MICRO
from llmopt.savings.project.result import Hurt
from llmopt.savings.project.shapley import Cost

_COMPRESSION, _PROMPT_CACHE = "compression", "prompt_cache"
_LEAST_SHARE = Decimal("0.0001")
"""Of the baseline; less is not worth a line."""


def hurts(cost: Cost, levers: Sequence[str], killed: tuple[int, Decimal]) -> tuple[Hurt, ...]:
    """Return which levers hurt which, dearest first.

    Args:
        cost: of any set of the levers.
        levers: all that are on.
        killed: calls that compression takes below the least prefix of their provider's cache, and what that costs.
    """
    least = max(MICRO, EXACT.multiply(cost(frozenset()), _LEAST_SHARE))
    found = {(hurt.lever, hurt.hurts): hurt for hurt in _pairs(cost, levers) if hurt.usd >= least}
    calls, usd = killed
    if calls and usd >= least:
        pair = (_COMPRESSION, _PROMPT_CACHE)
        loss = max(usd, found[pair].usd) if pair in found else usd
        found[pair] = Hurt(*pair, loss, _killed(calls))
        found.pop(pair[::-1], None)
    return tuple(sorted(found.values(), key=lambda hurt: (-hurt.usd, hurt.lever, hurt.hurts)))


def _pairs(cost: Cost, levers: Sequence[str]) -> Iterator[Hurt]:
    """Look at each two levers, with all others on: does the second cost money only because the first is there?"""
    every = frozenset(levers)
    for one, other in permutations(levers, 2):
        rest = every - {one, other}
        without = EXACT.subtract(cost(rest), cost(rest | {other}))
        beside = EXACT.subtract(cost(rest | {one}), cost(every))
        if without <= 0 or beside >= 0:
            continue
        if (one, other) == (_PROMPT_CACHE, _COMPRESSION):
            one, other = other, one
        yield Hurt(one, other, -beside, _why(one, other))


def _why(one: str, other: str) -> str:
    if (one, other) == (_COMPRESSION, _PROMPT_CACHE):
        return (
            "shorter prompts get less from the provider's cache than they save: together they cost more than the cache"
        )
    names = (lever.replace("_", " ") for lever in (one, other))
    return "beside {}, {} costs more than it still saves".format(*names)


def _killed(calls: int) -> str:
    whose, pay = f"{calls:,} calls fall", "pay for all of their"
    if calls == 1:
        whose, pay = "1 call falls", "pays for all of its"
    return f"compressed, {whose} below the least prefix that the provider caches, and {pay} input again"
