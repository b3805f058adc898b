"""What a gateway tells Prometheus: latency, tokens, dollars, and what cache, routing and compression spared.

A call that has ended is noted in a few microseconds: the places of all its numbers are found once for each kind of
call. Families of metrics are made of the numbers only when somebody asks for them.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from pathlib import Path

from llmopt import __version__
from llmopt.core.usage import BUCKETS, Usage
from llmopt.errors import MissingExtraError
from llmopt.serving.cache.entry import Found
from llmopt.serving.gateway.metrics import families as names
from llmopt.serving.gateway.metrics.cells import NO_ROOM, Cells, OwnCells
from llmopt.serving.gateway.metrics.exposition import Budget, budget_families, families
from llmopt.serving.gateway.metrics.families import TIME_BOUNDS_S, Series
from llmopt.serving.gateway.metrics.labels import ModelLabels
from llmopt.serving.gateway.metrics.rows import Row, Rows
from llmopt.serving.gateway.metrics.tutorial import TUTORIAL_FAMILIES, tutorial_numbers
from llmopt.serving.gateway.values import Metered

try:
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
except ImportError as error:
    raise MissingExtraError((error.name or "prometheus_client").partition(".")[0], "serve") from error

__all__ = ["Budget", "GatewayMetrics"]

_SUM = len(TIME_BOUNDS_S) + 1
"""Where a histogram has its sum."""
_FOLLOWED_EACH_S = 1.0
_buckets = attrgetter(*BUCKETS)


class GatewayMetrics:
    """Metrics of one gateway; an `Observer` of calls, and a collector for any registry of prometheus_client.

    Args:
        models: which names of models are told apart; None: none, all are `other`.
        tenants: tenants of the virtual keys, which are told apart; no other is.
        tutorial: whether the metrics also come under the names `llm_api_*` and `llm_cache_*`.
        folder: where several workers leave their numbers for one another, empty when the first starts; None: there is
            one worker.
        budgets: says how much of the caps is spent; asked at each scrape.
    """

    def __init__(
        self,
        models: ModelLabels | None = None,
        *,
        tenants: Iterable[str] = (),
        tutorial: bool = False,
        folder: Path | None = None,
        budgets: Callable[[], Iterable[Budget]] | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._scraping = threading.Lock()
        self._cells: Cells = OwnCells() if folder is None else _shared(folder)
        self._process = ProcessCollector(registry=None) if folder is None else None
        self._tutorial = tutorial
        self._budgets = budgets
        self._followed: list[_Followed] = []
        self._follow_s = 0.0
        self._refused = self._cells.place((names.REFUSED_SERIES,))
        self._in_flight = self._place((names.IN_FLIGHT,))
        self._compressed = self._place((names.COMPRESSED,))
        self._tenants = {name: self._place((names.TENANT_COST, name)) for name in tenants}
        self._saved = {by: self._place((names.SAVED, by)) for by in ("cache", "route", "compress")}
        self._extra = {by: self._place((names.EXTRA, by)) for by in self._saved}
        for result in Found:  # a count that appears only with its first event loses that event: no rise is seen
            self._place((names.CACHE, str(result)))
        started = self._place((names.STARTED,))
        self._cells.values[started] = self._cells.values[started] or time.time()
        self._rows = Rows(models or ModelLabels(None), self._place)

    def begun(self) -> None:
        """Take note of a request that came."""
        with self._lock:
            self._cells.values[self._in_flight] += 1

    def ended(self) -> None:
        """Take note that a request is being answered no more."""
        with self._lock:
            self._cells.values[self._in_flight] -= 1

    def note(self, metered: Metered) -> None:
        """Take note of a call that has ended."""
        with self._lock:
            row = self._rows.of(metered)
            self._count(row, metered)
            self._money(row, metered)
            usage = metered.usage
            if usage is not None and row.cost is not None:
                self._tokens(row, usage)
        if self._followed and metered.began_s + metered.latency_s - self._follow_s >= _FOLLOWED_EACH_S:
            self._follow_s = metered.began_s + metered.latency_s
            self._look()

    def follow(self, name: str, total: Callable[[], float], label: str = "") -> None:
        """Tell a count that another part keeps for itself, such as `LOG_LOST`.

        Args:
            name: of a family of `families` with one label at most.
            total: returns the count since its part was made; asked once a second while there are calls, and at each
                scrape.
            label: value of the family's label.
        """
        place = self._place((name, label) if label else (name,))
        self._followed.append(_Followed(total, place, self._cells.values[place]))

    def collect(self, *, scraped: bool = False) -> Iterator[Metric]:
        """Yield all families, as a collector of prometheus_client does."""
        self._look()
        with self._scraping:
            numbers, workers = self._cells.read(scraped=scraped), self._cells.workers()
        yield from families(numbers)
        if self._tutorial:
            yield from families(tutorial_numbers(numbers), TUTORIAL_FAMILIES)
        if self._budgets is not None:
            yield from budget_families(self._budgets())
        yield InfoMetricFamily("llmopt_build", "Version of llmopt.", {"version": __version__})
        yield GaugeMetricFamily("llmopt_workers", "Processes that answer.", workers)

    def text(self, accept: str = "", *, scraped: bool = False) -> tuple[bytes, str]:
        """Return the metrics and their content type.

        Args:
            accept: header `Accept`, which says in which format.
            scraped: whether a Prometheus asks, which sends `x-prometheus-scrape-timeout-seconds`; a count that is new
                is then first told as 0, so that `rate` and `increase` see all of it.
        """
        encoder, content_type = choose_encoder(accept)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Scrape(lambda: self.collect(scraped=scraped)))
        if self._process is not None:
            registry.register(self._process)
        return encoder(registry), content_type

    def close(self) -> None:
        """Let go of files; nothing is noted after it."""
        self._cells.close()

    def _place(self, series: Series) -> int:
        place = self._cells.place(series)
        if place == NO_ROOM:
            self._cells.values[self._refused] += 1
        return place

    def _look(self) -> None:
        for one in self._followed:
            self._cells.values[one.place] = one.before + one.total()

    def _count(self, row: Row, metered: Metered) -> None:
        values = self._cells.values
        values[row.requests] += 1
        for place in (row.error, row.cache, row.route):
            if place is not None:
                values[place] += 1
        if row.attempts is not None and row.retries is not None:
            values[row.attempts] += metered.attempts
            values[row.retries] += metered.attempts - 1
        if row.duration is not None:
            values[row.duration + bisect_left(TIME_BOUNDS_S, metered.latency_s)] += 1
            values[row.duration + _SUM] += metered.latency_s
        if row.first is not None and metered.first_s is not None:
            values[row.first + bisect_left(TIME_BOUNDS_S, metered.first_s)] += 1
            values[row.first + _SUM] += metered.first_s

    def _money(self, row: Row, metered: Metered) -> None:
        values = self._cells.values
        if row.cost is not None and metered.cost_usd is not None:
            cost = _parts(metered.cost_usd)
            values[row.cost] += cost
            if metered.key and metered.tenant in self._tenants:
                values[self._tenants[metered.tenant]] += cost
        elif row.unpriced is not None:
            values[row.unpriced] += 1
        for by, usd in metered.saved_usd.items():
            places = self._saved if usd >= 0 else self._extra  # a count never falls
            if by in places:
                values[places[by]] += abs(_parts(usd))
        if metered.compressed_tokens > 0:
            values[self._compressed] += metered.compressed_tokens

    def _tokens(self, row: Row, usage: Usage) -> None:
        values = self._cells.values
        for bucket, tokens in enumerate(_buckets(usage)):
            if tokens:
                place = row.tokens[bucket]
                values[self._rows.token_place(row, bucket) if place is None else place] += tokens


def _parts(usd: Decimal) -> int:
    """Return an amount as it is kept."""
    return round(float(usd) * names.PARTS_OF_DOLLAR)


def _shared(folder: Path) -> Cells:
    from llmopt.serving.gateway.metrics.workers import SharedCells  # needs locks on files, which not every system has

    return SharedCells(folder)


@dataclass(frozen=True, slots=True)
class _Followed:
    """A count that another part keeps."""

    total: Callable[[], float]
    place: int
    before: float
    """What an earlier worker with this file had counted."""


@dataclass(frozen=True, slots=True)
class _Scrape:
    """A collector for one scrape."""

    collect: Callable[[], Iterator[Metric]]
