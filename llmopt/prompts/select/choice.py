"""Fill a budget of tokens with the units that are worth most."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.prompts.select.ledger import Ledger
from llmopt.prompts.select.parts import Parts

_MISSES = 60
"""Units in a row that do not fit, after which the rest is not tried."""
_TRIES = 12
"""Units that are cut, at most, for each way of cutting."""
_ROUNDS = 4
"""Times that whole units are added; after the first, only as far as they were estimated too long."""
_GOOD_PART = 0.4
"""Share of a unit that has to fit for it to be cut rather than passed over."""
_ENOUGH = 100
"""Part of the budget that may be left over."""
_SMALL = 10
"""Tokens below which the rest is filled by going on with what is kept, rather than with a clause from elsewhere."""

_SHORT = 12
"""Tokens of a text that would rather stay whole than become a sign that something was there."""
_LONGEST_TOKEN = 16
"""Characters a token that are thought possible."""

Place = tuple[int, int]
"""Number of a draft, and of a unit in it."""


def fill(ledger: Ledger, values: Sequence[Sequence[float]], query: str) -> None:
    """Keep what is worth most, within the budget.

    Args:
        ledger: the texts, with what must stay.
        values: of the units of each text, headers and tags included; these come with what they stand around.
        query: says which part of a unit is worth most where only a part fits.
    """
    if not ledger.markers:
        return  # what must stay fills the budget
    _keep_short(ledger, values)
    _keep_headers(ledger)
    order = sorted(
        (
            (number, place)
            for number, draft in enumerate(ledger.drafts)
            for place, unit in enumerate(draft.units)
            if unit.role == "body" and not draft.kept[place]
        ),
        key=lambda item: -values[item[0]][item[1]],
    )
    parts = Parts(ledger)
    for _ in range(_ROUNDS):
        any_kept, cut = _keep_whole(ledger, order)
        if cut is not None:
            parts.keep_best(*cut, query)
        if not any_kept and cut is None:
            break
    _keep_parts(ledger, parts, order, query)


def _keep_short(ledger: Ledger, values: Sequence[Sequence[float]]) -> None:
    """Keep texts of a few words whole, such as short messages, from the best on and for half of what is left."""
    if len(ledger.drafts) < 2:
        return
    room = ledger.left // 2
    kept: list[tuple[int, list[int]]] = []
    short = [at for at, draft in enumerate(ledger.drafts) if draft.units and len(draft.text) <= _SHORT * _LONGEST_TOKEN]
    for at in sorted(short, key=lambda at: -max(values[at])):
        draft = ledger.drafts[at]
        tokens = ledger.tokens(draft.text)
        missing = [number for number, is_kept in enumerate(draft.kept) if not is_kept]
        if tokens <= _SHORT and missing and tokens - ledger.counts[at] <= room:
            room -= tokens - ledger.counts[at]
            draft.keep(missing)
            kept.append((at, missing))
    ledger.settle(kept)


def _keep_headers(ledger: Ledger) -> None:
    """Keep the headers of what must stay, where they fit."""
    kept: list[tuple[int, list[int]]] = []
    left = ledger.left
    for at, draft in enumerate(ledger.drafts):
        for number in [number for number, unit in enumerate(draft.units) if unit.must]:
            missing = draft.needed(number)
            cost = ledger.estimate(draft, missing)
            if missing and cost <= left:
                left -= cost
                draft.keep(missing)
                kept.append((at, missing))
    ledger.settle(kept)


def _keep_whole(ledger: Ledger, order: Sequence[Place]) -> tuple[bool, Place | None]:
    """Keep whole units from the best on, as far as they fit.

    Returns:
        Whether there were any, and the unit at which to stop because a good part of it fits.
    """
    left, misses = ledger.left, 0
    kept: list[tuple[int, list[int]]] = []
    cut: Place | None = None
    for at, number in order:
        draft = ledger.drafts[at]
        if left < 1 or misses == _MISSES:
            break
        if draft.kept[number]:
            continue
        needed = draft.needed(number)
        cost = ledger.estimate(draft, needed)
        if cost > left:
            if left >= _SMALL and draft.units[number].prose and cost * _GOOD_PART <= left:
                cut = at, number
                break
            misses += 1
            continue
        misses = 0
        left -= cost
        draft.keep(needed)
        kept.append((at, needed))
    return ledger.settle(kept), cut


def _keep_parts(ledger: Ledger, parts: Parts, order: Sequence[Place], query: str) -> None:
    """Fill the rest with parts of units: clauses first, then words that go on with what is kept."""
    enough = ledger.budget // _ENOUGH + 1
    tries = 0
    for at, number in order:
        if ledger.left < max(_SMALL, enough) or tries == _TRIES:
            break
        if parts.may_cut(at, number):
            parts.keep_best(at, number, query)
            tries += 1
    for joined in (True, False):
        tries = 0
        for at, number in order:
            if ledger.left < enough or tries == _TRIES:
                return
            if parts.may_cut(at, number) and (parts.joins(at, number) or not joined):
                tries += parts.keep_beginning(at, number)
