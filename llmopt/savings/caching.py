"""What a response cache would have saved on a log: its own requests, replayed in the order of time.

Only calls that the cache may answer by its own rules are replayed, each under the key that the cache gives it; of all
others the reason is told. A hit saves the whole of what its call cost, a provider's discount for cached tokens
included. Answers come into the cache when they were there (request plus latency, where that is logged).
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from llmopt.core.money import EXACT
from llmopt.cost.call import Calls
from llmopt.cost.calls import read_calls
from llmopt.cost.spec.load import GROUP_FIELDS
from llmopt.cost.spec.values import from_micros
from llmopt.errors import UsageError
from llmopt.savings.caching_result import CacheSimulation, LeftOut, Part, Setting
from llmopt.savings.candidates import FINISH_COLUMNS, KNOWN, Candidate, candidate
from llmopt.savings.replay import Asked, Outcome, Replayed, replay

if TYPE_CHECKING:
    from llmopt.cost.read import Logs

__all__ = ["CacheSimulation", "LeftOut", "Part", "Setting", "simulate"]

DAY_S = 86400.0
_LONGEST_S = 100 * 366 * DAY_S


def simulate(
    paths: str | os.PathLike[str] | Logs,
    *,
    ttls_s: Sequence[float] = (3600.0, DAY_S, 7 * DAY_S),
    sizes_bytes: Sequence[int | None] = (None,),
    tenant: str = "team",
    cache_sampled: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
    input_format: str = "auto",
    mapping: Mapping[str, str] | None = None,
    format_specs: Sequence[Path] = (),
    prices: Sequence[Path] = (),
    deployments: Mapping[str, str] | None = None,
    cached: str | None = None,
    as_of: datetime | None = None,
) -> CacheSimulation:
    """Replay a log through caches, one for each time to live and size.

    Args:
        paths: files, directories (recursive), globs, `-`; also pandas DataFrames.
        ttls_s: times to live.
        sizes_bytes: bounds of the answers kept; None for no bound.
        tenant: group of the log (`user`, `team`, `feature`, `project`, `session`), or a column, that answers are never
            shared across; empty: all share them.
        cache_sampled: also replay requests that sample, and those whose settings are not logged.
        since: leave out calls before this instant (without a time zone it is UTC), and those without a time; the cache
            is empty then.
        until: leave out calls from this instant on.
        input_format: name of a format; `auto` tells each file's by its content.
        mapping: column of a table or generic log -> canonical field.
        format_specs: more format specs (`docs/format-specs.md`).
        prices: more price files.
        deployments: deployment name as logged -> model.
        cached: `included` or `excluded`: whether the input count of a generic log holds its cached tokens.
        as_of: price calls without a time as of then.

    Raises:
        InputError: nothing could be read.
        UsageError: no such format; a time to live or a size that is not above 0.
        ConfigError: a wrong spec, mapping or price file.
    """
    _check(ttls_s, sizes_bytes)
    calls = read_calls(
        paths,
        partial(candidate, tenant=tenant, cache_sampled=cache_sampled, known={}),
        columns=(*FINISH_COLUMNS, *((tenant,) if tenant and tenant not in GROUP_FIELDS else ())),
        since=since,
        until=until,
        input_format=input_format,
        mapping=mapping,
        format_specs=format_specs,
        prices=prices,
        deployments=deployments,
        cached=cached,
        as_of=as_of,
    )
    return _simulated(calls, [(ttl, size) for size in sizes_bytes for ttl in ttls_s], tenant)


def _check(ttls_s: Sequence[float], sizes_bytes: Sequence[int | None]) -> None:
    if not ttls_s or not sizes_bytes:
        raise UsageError("a simulation needs at least one time to live and one size")
    for ttl_s in ttls_s:
        if not (math.isfinite(ttl_s) and 1e-6 <= ttl_s <= _LONGEST_S):
            raise UsageError(f"a time to live of {ttl_s} seconds: give more than 0, and at most 100 years")
    for size in sizes_bytes:
        if size is not None and size <= 0:
            raise UsageError(f"a cache of {size} bytes holds nothing: give a size above 0")


def _simulated(calls: Calls[Candidate], caches: list[tuple[float, int | None]], tenant: str) -> CacheSimulation:
    found = [call for call in calls.taken if not call.reason]
    times = [call.at_us for call in calls.taken if call.at_us is not None]
    unit = _Unit([call.cost_usd for call in found if call.cost_usd is not None])
    parts = sorted({(call.tenant, call.model) for call in found}, key=str)
    numbers = {part: number for number, part in enumerate(parts)}
    keys: dict[bytes, int] = {}
    asked = [_asked(call, numbers, keys, unit) for call in found]
    outcomes = [(cache, replay(asked, len(parts), round(cache[0] * 1e6), cache[1])) for cache in caches]
    return CacheSimulation(
        files=calls.files,
        tenant=tenant,
        start=from_micros(found[0].at_us) if found else None,
        end=from_micros(found[-1].at_us) if found else None,
        requests=len(calls.taken),
        cost_usd=_sum(calls.taken),
        unpriced=sum(call.cost_usd is None for call in calls.taken),
        simulated=len(found),
        simulated_usd=_sum(found),
        distinct=len(keys),
        settings=tuple(_setting(cache, came, came.parts, unit) for cache, came in outcomes),
        tenants=_parts(found, parts, outcomes, unit, 0),
        models=_parts(found, parts, outcomes, unit, 1),
        left_out=_left_out(calls.taken),
        not_kept=sum(not call.kept for call in found),
        settings_assumed=sum(not call.whole for call in found),
        latency_known=sum(call.took_us is not None for call in found),
        size_estimated=sum(call.estimated for call in found),
        aggregated=calls.aggregated,
        free=calls.free,
        duplicates=calls.duplicates,
        skipped=calls.skipped,
        rejected=calls.rejected,
        warnings=calls.warnings,
        first=from_micros(min(times)) if times else None,
        last=from_micros(max(times)) if times else None,
    )


class _Unit:
    """Dollars as whole numbers of a unit that divides all of them: sums are exact, and fast."""

    def __init__(self, amounts: Sequence[Decimal]) -> None:
        exponents = (int(amount.as_tuple().exponent) for amount in amounts)
        self._exponent = min(exponents, default=0)

    def count(self, usd: Decimal | None) -> int:
        return 0 if usd is None else int(usd.scaleb(-self._exponent, context=EXACT))

    def usd(self, count: int) -> Decimal:
        return Decimal(count).scaleb(self._exponent, context=EXACT)


def _asked(
    call: Candidate, numbers: Mapping[tuple[str | None, str | None], int], keys: dict[bytes, int], unit: _Unit
) -> Asked:
    return Asked(
        at_us=call.at_us or 0,
        key=keys.setdefault(call.key, len(keys)),
        took_us=call.took_us or 0,
        size_bytes=call.size_bytes,
        kept=call.kept,
        part=numbers[call.tenant, call.model],
        cost=unit.count(call.cost_usd),
        priced=call.cost_usd is not None,
    )


def _setting(cache: tuple[float, int | None], came: Replayed | None, parts: Sequence[Outcome], unit: _Unit) -> Setting:
    total = Outcome()
    for part in parts:
        total.add(part)
    return Setting(
        ttl_s=cache[0],
        size_bytes=cache[1],
        hits=total.hits,
        saved_usd=unit.usd(total.saved),
        unpriced_hits=total.unpriced_hits,
        shared=total.shared,
        shared_usd=unit.usd(total.shared_cost),
        evicted=total.evicted,
        too_large=came.too_large if came else 0,
        peak_bytes=came.peak_bytes if came else 0,
        entries=came.peak_entries if came else 0,
    )


def _parts(
    found: Sequence[Candidate],
    parts: Sequence[tuple[str | None, str | None]],
    outcomes: Sequence[tuple[tuple[float, int | None], Replayed]],
    unit: _Unit,
    place: int,
) -> tuple[Part, ...]:
    """Add up by tenant (place 0) or by model (place 1)."""
    members: dict[str | None, list[int]] = defaultdict(list)
    for number, part in enumerate(parts):
        members[part[place]].append(number)
    calls: dict[str | None, list[Candidate]] = defaultdict(list)
    for call in found:
        calls[(call.tenant, call.model)[place]].append(call)
    listed = [
        Part(
            name=name,
            simulated=len(calls[name]),
            simulated_usd=_sum(calls[name]),
            settings=tuple(
                _setting(cache, None, [came.parts[number] for number in own], unit) for cache, came in outcomes
            ),
        )
        for name, own in members.items()
    ]
    return tuple(sorted(listed, key=lambda part: (-max(each.saved_usd for each in part.settings), part.name or "")))


def _left_out(calls: Sequence[Candidate]) -> tuple[LeftOut, ...]:
    by_reason: dict[str, list[Candidate]] = defaultdict(list)
    for call in calls:
        if call.reason:
            by_reason[call.reason].append(call)
    listed = [
        LeftOut(
            reason=reason,
            requests=len(found),
            cost_usd=_sum(found),
            unpriced=sum(call.cost_usd is None for call in found),
            first=found[0].where,
            known=reason in KNOWN,
        )
        for reason, found in by_reason.items()
    ]
    return tuple(sorted(listed, key=lambda item: (-item.requests, item.reason)))


def _sum(calls: Sequence[Candidate]) -> Decimal:
    unit = _Unit([call.cost_usd for call in calls if call.cost_usd is not None])
    return unit.usd(sum(unit.count(call.cost_usd) for call in calls))
