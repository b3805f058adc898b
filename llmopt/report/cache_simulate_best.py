"""Which of the simulated caches is best, which one is enough, and the sentences that say so."""

from __future__ import annotations

from decimal import Decimal

from llmopt.core.money import EXACT, MICRO, dollars, monthly
from llmopt.report.cache_simulate_notes import kept_for, room
from llmopt.report.figures import plural
from llmopt.report.text import percent
from llmopt.savings.caching_result import CacheSimulation, Setting

ENOUGH = Decimal("0.9")
"""Of what the best cache saves; a shorter time to live that saves so much is recommended before it."""


def best(result: CacheSimulation) -> int | None:
    """Return the place of the setting that saves most, of equals the first; None where nothing was simulated."""
    if not result.simulated or not result.settings:
        return None
    return _most(result, list(range(len(result.settings))))


def recommended(result: CacheSimulation) -> int | None:
    """Return the place of the setting to begin with: the shortest time to live that saves nearly as much as any.

    Answers that are kept for longer are older. None where nothing was simulated, or nothing would be saved.
    """
    chosen = best(result)
    if chosen is None:
        return None
    most = _worth(result.settings[chosen])
    for ttl_s in sorted({one.ttl_s for one in result.settings}):
        place = _most(result, [at for at, one in enumerate(result.settings) if one.ttl_s == ttl_s])
        if _nearly(_worth(result.settings[place]), most):
            return place
    return None


def saved_share(result: CacheSimulation) -> Decimal:
    """Return which part of the whole bill the best setting saves; 0 where there is none."""
    chosen = best(result)
    if chosen is None or not result.cost_usd:
        return Decimal(0)
    return EXACT.divide(saved(result.settings[chosen]), result.cost_usd)


def nothing_priced(result: CacheSimulation) -> bool:
    """Whether no request has a price, so that what is saved is unknown, and not nothing."""
    return result.unpriced == result.requests


def saved(setting: Setting) -> Decimal:
    """Return the dollars that a setting saves: its hits, and what is asked once instead of several times."""
    return EXACT.add(setting.saved_usd, setting.shared_usd)


def saved_monthly(result: CacheSimulation) -> Decimal | None:
    """Return what the best setting saves in 30 days at the rate of the log; None where that cannot be said."""
    chosen = best(result)
    return None if chosen is None else monthly(saved(result.settings[chosen]), result.first, result.last)


def ratio(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """Return a share to the millionth; None of nothing."""
    return EXACT.divide(Decimal(part), Decimal(whole)).quantize(MICRO) if whole else None


def headline(result: CacheSimulation) -> str:
    """Return the answer: what the best of the caches serves, what that saves, and which one to begin with."""
    chosen = best(result)
    if chosen is None:
        return _nothing(result)
    setting = result.settings[chosen]
    rate = percent(ratio(setting.hits, result.decided) or Decimal(0))
    hits = f"serves {setting.hits:,} of {plural(result.decided, 'request')} ({rate})"
    once = f", lets {setting.shared:,} more share a call under way" if setting.shared else ""
    left = result.requests - result.decided
    unsaid = f"; nothing is known of {left:,} more" if left else ""
    said = f"With answers kept for {named(setting)}, a cache {hits}{once}{_money(result, setting)}{unsaid}."
    return f"{said}{_advice(result, setting)}"


def named(setting: Setting) -> str:
    """Return how long a cache keeps answers and within what bound: `24h within 64.0 MB`."""
    bound = "" if setting.size_bytes is None else f" within {room(setting.size_bytes)}"
    return kept_for(setting) + bound


def _advice(result: CacheSimulation, most: Setting) -> str:
    """Say which cache to begin with; nothing where none saves anything."""
    place = recommended(result)
    if place is None:
        return ""
    setting = result.settings[place]
    at, what = (0, "that saving") if saved(most) else (1, "those hits")
    part = ratio(_worth(setting)[at], _worth(most)[at])
    less = "" if setting is most or part is None else f": {percent(part)} of {what}, with fresher answers"
    return f" Recommended: keep answers for {kept_for(setting)}, with room for {room(setting.peak_bytes)}{less}."


def _money(result: CacheSimulation, setting: Setting) -> str:
    part = ratio(saved(setting), result.cost_usd)
    if part is None:
        return ""
    month = saved_monthly(result)
    rate = "" if month is None else f", {dollars(month)} a month at this rate"
    return f" and saves {dollars(saved(setting))} of {dollars(result.cost_usd)} ({percent(part)}){rate}"


def _nothing(result: CacheSimulation) -> str:
    if not result.requests:
        return "The log has no single requests: there is nothing to simulate."
    if result.decided == result.requests:
        return f"No cache answers any of {plural(result.requests, 'request')}."
    return f"None of {plural(result.requests, 'request')} can be simulated."


def _most(result: CacheSimulation, places: list[int]) -> int:
    return max(places, key=lambda at: (*_worth(result.settings[at]), -at))


def _worth(setting: Setting) -> tuple[Decimal, int]:
    """Return the dollars that a setting saves, and the requests, where nothing has a price."""
    return saved(setting), setting.hits + setting.shared


def _nearly(found: tuple[Decimal, int], most: tuple[Decimal, int]) -> bool:
    at = 0 if most[0] else 1
    return most[at] > 0 and Decimal(found[at]) >= EXACT.multiply(ENOUGH, Decimal(most[at]))
