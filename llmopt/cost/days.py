"""What was spent on which day and model, from a ledger that was kept by day on top of the groups asked for.

The report itself must not change when somebody wants to see days: `without_day` adds the days up again before anything
is priced, so that both come from one reading of the log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal

from llmopt.core.ledger import Entry, Key, Ledger
from llmopt.core.money import EXACT
from llmopt.cost.groups import FROM_PRICE
from llmopt.cost.quote import Quotes
from llmopt.cost.result import DaySpend

DAY = "day"


def with_day(groups: tuple[str, ...]) -> tuple[str, ...]:
    """Return the groups to keep a ledger by so that its days can be told."""
    return groups if DAY in groups else (*groups, DAY)


def without_day(ledger: Ledger) -> Ledger:
    """Return a ledger that was kept by an additional day, the last of its groups, without that."""
    found = Ledger()
    for key, entry in ledger:
        found.add(replace(key, groups=key.groups[:-1]) if key.groups else key, entry)
    return found


def spent_by_day(entries: Iterable[tuple[Key, Entry]], by: tuple[str, ...], quotes: Quotes) -> tuple[DaySpend, ...]:
    """Return dollars by UTC day and model as logged, in their order; records without a time are left out.

    Args:
        entries: of a ledger that was kept by `by`.
        by: groups, the day among them.
        quotes: the prices.
    """
    place = [name for name in by if name not in FROM_PRICE].index(DAY)
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for key, entry in entries:
        day = key.groups[place] if key.groups else None
        usd = None if day is None else quotes.cost_usd(key, entry)
        if day is not None and usd is not None:
            found[day, key.model or ""] = EXACT.add(found[day, key.model or ""], usd)
    return tuple(DaySpend(date.fromisoformat(day), model, usd) for (day, model), usd in sorted(found.items()))
