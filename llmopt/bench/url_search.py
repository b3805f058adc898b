"""Which arrival rates to hold, one after the other: those that were named, or doubling until it hurts, then halving in.

Where an SLO is given, a rate is decided by 299 requests at least: with fewer, no p99 has an upper bound. Near
saturation that is not enough: a queue takes its time to grow, and a short run from an idle server does not see it. So
the rates that decide are held for as long as the time allows.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from llmopt.bench.arrivals import Workload
from llmopt.bench.url_load import Asker, offer
from llmopt.bench.url_options import UrlOptions
from llmopt.bench.url_points import point
from llmopt.bench.url_prompts import prompt
from llmopt.bench.url_recommend import meets, sustained
from llmopt.bench.url_result import UrlPoint
from llmopt.core.quantity import requests_per_s
from llmopt.core.stats import samples_needed

Progress = Callable[[int, int, str], None]
"""Called with what is done, the total (as far as known), and what is being done."""
_HIGHEST_PER_S = 20_000.0
"""No rate above this is tried: one Python process does not send more."""
_EXPLORE = 0.4
"""Share of the time for doubling."""
_EXPLORE_STEPS = 12
"""A doubling step takes at most the whole time divided by this."""
_CLOSE = 1.1
"""Ratio of two rates between which no third is tried."""
_REFINE = 8
"""Rates that are tried after doubling, at most."""
_USUAL = 5
"""Rates that are usually tried after doubling; the time is shared among so many."""
_SHORT_S = 1.0
"""A rate is held for as long at least where there is time: servers stall for some tenths of a second."""
_LONG_S = 60.0
"""A rate that decides is held for as long at most, unless that is too short for the requests it takes; so is one that
was named."""
_LONG = 50
"""Or for so many times the latency of one request, where that is more."""
_MOST = 10_000
"""Requests of one rate at most; more tell no more."""
_LESS = 0.8
"""A rate that is too high is followed by this share of what was answered there: a limit on rates lies there."""
_NEXT_TO_NONE = 0.5
"""Requests open at once, on average, that do not wait for each other."""
_SAME = 0.7
"""A lower rate with more than this share of the failures of a higher one shows that the load is not their cause."""
_GROWTH = 1.1
"""A doubled rate that gives less than this much more throughput was past the knee."""
_LATE_SHARE = 0.05
"""Share of requests above the SLO from which a short run has seen enough: five times what a p99 allows."""


class RateSearch:
    """Holds rates until the time is up; `points` has what came of them, by rate."""

    def __init__(
        self,
        asker: Asker,
        options: UrlOptions,
        workload: Workload,
        *,
        deadline_s: float,
        typical_s: float,
        progress: Progress | None = None,
    ) -> None:
        """Prepare.

        Args:
            asker: takes the prompts.
            options: what was asked for.
            workload: how long prompts are and how they come.
            deadline_s: instant (clock of the loop) at which all has to be done.
            typical_s: latency of one request alone.
            progress: is told how far it is.
        """
        self.points: dict[float, UrlPoint] = {}
        self.untried: tuple[float, float] | None = None
        """Rates between which there was no time for another one; None where there was."""
        self._asker = asker
        self._options = options
        self._workload = workload
        self._deadline_s = deadline_s
        self._typical_s = max(typical_s, 1e-4)
        self._progress = progress
        self._clock = asyncio.get_running_loop().time
        self._sent = 0
        self._held = 0

    async def run(self) -> tuple[UrlPoint, ...]:
        """Hold the rates that were named, or find those that matter; return the points by rising rate."""
        if self._options.rates is not None:
            await self._given(sorted(set(self._options.rates)))
            return tuple(self.points[rate] for rate in sorted(self.points))
        low, high = await self._explore()
        if low is None and high is not None and not self._is_hopeless(self.points[high], None):
            low = self._below(high)
        if low is not None:
            await self._refine(low, high)
        return tuple(self.points[rate] for rate in sorted(self.points) if self.points[rate].status != "skipped")

    async def _given(self, rates: list[float]) -> None:
        for place, rate in enumerate(rates):
            share_s = self._left_s() / (len(rates) - place)
            await self._hold(rate, self._decisive(), share_s, of=len(rates), least_s=_LONG_S)

    async def _explore(self) -> tuple[float | None, float | None]:
        """Double from what one request at a time would carry; return the last good rate and the first bad one."""
        until_s = self._clock() + _EXPLORE * self._left_s()
        step_s = self._left_s() / _EXPLORE_STEPS
        rate, before = min(_NEXT_TO_NONE / self._typical_s, _HIGHEST_PER_S), 0.0
        low = None
        while self._clock() < until_s and rate <= _HIGHEST_PER_S:
            found = await self._hold(rate, min(self._options.min_samples, max(1, int(rate * step_s))), step_s)
            grown = (found.throughput_per_s or 0.0) >= _GROWTH * before
            if self._is_bad(found) or not grown:
                return low, rate
            low, before, rate = rate, found.throughput_per_s or 0.0, 2 * rate
        return low, None

    async def _refine(self, low: float, high: float | None) -> None:
        """Decide the last good rate, then move between it and the first bad one, or beyond it where there is none."""
        decided = False
        for place in range(_REFINE):
            rate = _between(low, high) if decided else low
            if rate is None:
                return
            needed = self._telling(rate)
            takes_s = needed / rate + self._patience_s() if decided else self._typical_s
            if self._left_s() < takes_s:
                self.untried = (low, high or 2 * low)
                return
            least_s = min(self._left_s() / max(1, _USUAL - place), max(_LONG_S, _LONG * self._typical_s))
            found = await self._hold(rate, needed, self._left_s(), least_s=least_s)
            if found.status != "unfinished" and not self._is_bad(found) and self._is_met(found):
                low, decided = rate, True
            elif decided:
                high = rate
            elif self._is_hopeless(found, self.points.get(high or rate)):
                return
            else:
                low, high = self._below(rate), rate

    def _below(self, rate: float) -> float:
        """Return the rate to try after one that was too high."""
        answered = self.points[rate].throughput_per_s or rate
        return min(rate / 2, _LESS * answered)

    def _is_hopeless(self, found: UrlPoint, above: UrlPoint | None) -> bool:
        """Whether less load would make it no better: next to none is above the SLO, or as many fail as with more."""
        slo, load = self._options.slo_p99_s, found.rate_per_s * self._typical_s
        if slo is not None and load <= _NEXT_TO_NONE and (found.latency.p50_s or 0.0) > slo:
            return True
        if above is None or found is above or "failing" not in (found.status, above.status):
            return False
        return _failures(found) > _SAME * _failures(above) > 0

    async def _hold(
        self, rate: float, needed: int, most_s: float, *, of: int | None = None, least_s: float = _SHORT_S
    ) -> UrlPoint:
        """Offer a rate for a while; long enough for some answers, too, where a rate is high."""
        if self._progress is not None:
            self._progress(self._held, of or self._held + 1, requests_per_s(rate))
        self._held += 1
        patience_s = self._patience_s()
        window_s = min(most_s, self._left_s() - patience_s)
        wanted = max(needed, min(_MOST, math.ceil(max(10 * self._typical_s, least_s) * rate)))
        count = min(wanted, math.floor(max(0.0, window_s) * rate))
        arrivals, lengths = self._drawn(count, rate)
        first = self._sent
        self._sent += len(arrivals)
        offered = await offer(
            self._asker,
            arrivals,
            lambda number: prompt(first + number, lengths[number], self._options.seed),
            patience_s=patience_s,
            needed=needed,
        )
        found = self.points[rate] = point(rate, offered)
        if found.status in ("failing", "saturated"):
            await self._settle()
        return found

    def _drawn(self, count: int, rate: float) -> tuple[list[float], list[int]]:
        """Return arrivals and lengths. The last arrival is stretched to its place, so that rates differ as they say."""
        if not count:
            return [], []
        times, lengths = self._workload.drawn(count, 1000 * self._options.seed + self._held)
        stretch = count / rate / float(times[-1]) if times[-1] > 0 else 1.0
        return [float(each) * stretch for each in times], [int(each) for each in lengths]

    async def _settle(self) -> None:
        """Wait until the server has done what was left: until it answers one request alone."""
        wait_s = min(self._options.timeout_s, max(0.0, self._left_s()) / 4)
        text = prompt(self._sent, self._workload.lengths[0], self._options.seed)
        self._sent += 1
        task = asyncio.ensure_future(self._asker.ask(text, self._clock()))
        await asyncio.wait([task], timeout=wait_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _patience_s(self) -> float:
        """Return how long to wait for answers after the last request of a rate."""
        return min(max(20 * self._typical_s, 5.0), self._options.timeout_s, max(0.0, self._left_s()) / 5)

    def _left_s(self) -> float:
        return self._deadline_s - self._clock()

    def _decisive(self) -> int:
        least = self._options.min_samples
        return least if self._options.slo_p99_s is None else max(least, samples_needed(0.99))

    def _telling(self, rate: float) -> int:
        """Return how many requests tell enough of a rate: those of a p99 where there is time, or it matters."""
        affordable = int(rate * max(0.0, self._left_s()) / _REFINE)
        return max(self._decisive(), min(samples_needed(0.99), affordable))

    def _is_bad(self, found: UrlPoint) -> bool:
        if found.status in ("failing", "saturated", "skipped"):
            return True
        if found.rate_per_s > sustained(self.points.values()):
            return True
        slo = self._options.slo_p99_s
        late = 0 if slo is None else sum(each > slo for each in found.latencies_s)
        return late > max(1.0, _LATE_SHARE * found.samples)

    def _is_met(self, found: UrlPoint) -> bool:
        slo = self._options.slo_p99_s
        return slo is None or meets(found, slo)


def _between(low: float, high: float | None) -> float | None:
    """Return the next rate between one that is good and one that is not, or beyond; None: the two are close."""
    rate = 2 * low if high is None else math.sqrt(low * high)
    return None if rate > _HIGHEST_PER_S or (high is not None and high / low < _CLOSE) else rate


def _failures(found: UrlPoint) -> float:
    """Return the share of requests that failed."""
    return found.failures / max(1, found.failures + found.samples)
