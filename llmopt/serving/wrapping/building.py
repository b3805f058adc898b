"""The parts of a wrapped client, made of what a caller gives: objects, names of files and stores, or just True."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from llmopt.cost.pricing.table import PriceTable
from llmopt.errors import UsageError
from llmopt.serving.cache.cache import ResponseCache
from llmopt.serving.cache.stores.opening import open_store
from llmopt.serving.cache.stores.store import Store
from llmopt.serving.gateway.caching.asked import Identity, digest_of
from llmopt.serving.gateway.metering.hosts import provider_of
from llmopt.serving.gateway.metering.meter import Meter
from llmopt.serving.gateway.metering.pricing import Pricer
from llmopt.serving.gateway.steps.route import RouteStep
from llmopt.serving.gateway.values import Metered, Observer
from llmopt.serving.routing.policy import Policy, load_policy
from llmopt.serving.routing.router import Router
from llmopt.serving.wrapping.doing import Step
from llmopt.serving.wrapping.parts import InFlight, Parts
from llmopt.serving.wrapping.spelling import spelled_router

if TYPE_CHECKING:
    from llmopt.serving.gateway.steps.compress import CompressStep

_LOG = logging.getLogger("llmopt.wrap")


class Building:
    """Makes the parts, and remembers what it opened.

    Args:
        url: of the server that the client asks.
        prices: more price files.

    Raises:
        ConfigError: the prices cannot be read.
    """

    def __init__(self, url: str, prices: Sequence[str | Path] = ()) -> None:
        self._url = url
        self._table = PriceTable.load(extra=[Path(each) for each in prices]) if prices else _shipped_prices()
        self._ends: list[Step] = []
        """Lets go of what was opened here."""

    def parts(
        self, *, cache: object, router: object, compress: str, metrics: object, log: object, key_headers: Sequence[str]
    ) -> Parts:
        """Return the parts; `wrap` says what each may be given as.

        Raises:
            LlmoptError: one of them cannot be made.
        """
        routing = _router(router)
        route = None if routing is None else RouteStep(routing)
        shortening = self._compress(compress)
        names = frozenset(each.lower().encode("latin-1", "replace") for each in key_headers)
        observers = tuple(each for each in (self._metrics(metrics), self._log(log)) if each is not None)
        host = urlsplit(self._url).hostname or ""
        return Parts(
            meter=Meter(Pricer(self._table, {host: provider_of(self._url)}), observers),
            identity=Identity(digest_of(None if routing is None else spelled_router(routing), compress), names),
            cache=self._cache(cache),
            route=route,
            policy=None if routing is None else routing.policy,
            compress=shortening,
            in_flight=tuple(each for each in observers if isinstance(each, InFlight)),
            ends=tuple(self._ends),
        )

    def _cache(self, given: object) -> ResponseCache | None:
        if given is None or given is False or isinstance(given, ResponseCache):
            return given or None
        if isinstance(given, (str, Path)) or given is True:
            cache = ResponseCache(open_store("memory:" if given is True else str(given)))
            self._ends.append(Step(cache.close, cache.aclose))
            return cache
        if hasattr(given, "aget") and hasattr(given, "aset"):
            return ResponseCache(cast(Store, given))
        raise UsageError(f"cache is a {type(given).__name__}", "give a ResponseCache, a store, or where one is")

    def _compress(self, level: str) -> CompressStep | None:
        if not level:
            return None
        from llmopt.serving.gateway.steps.compress import CompressStep  # tokens and phrases, for those who compress

        step = CompressStep(level)
        self._ends.append(Step(lambda: None, step.close))  # its thread is for event loops only
        return step

    def _metrics(self, given: Any) -> Observer | None:
        if given is None or given is False:
            return None
        if hasattr(given, "note"):
            return cast(Observer, given)
        if given is not True and not hasattr(given, "register"):
            raise UsageError(
                f"metrics is a {type(given).__name__}", "give True, a registry of prometheus_client, or an observer"
            )
        from llmopt.serving.gateway.metrics.labels import ModelLabels
        from llmopt.serving.gateway.metrics.registered import metrics_in

        return metrics_in(None if given is True else given, ModelLabels(self._table))

    def _log(self, given: Any) -> Observer | None:
        if given is None or hasattr(given, "note"):
            return cast("Observer | None", given)
        if isinstance(given, (str, Path)):
            from llmopt.serving.gateway.request_log import RequestLog

            log = RequestLog(Path(given))
            self._ends.append(Step(log.close, lambda: asyncio.to_thread(log.close)))
            return log
        if callable(given):
            return Told(given)
        raise UsageError(f"log is a {type(given).__name__}", "give a file, a function or an observer")


class Told:
    """Tells a function of each call; an `Observer`.

    Args:
        function: of the user's; what it raises is logged, and harms no call.
    """

    def __init__(self, function: Callable[[Metered], object]) -> None:
        self._function = function

    def note(self, metered: Metered) -> None:
        """Tell of a call."""
        try:
            self._function(metered)
        except Exception:  # noqa: BLE001 - an answer that was paid for is not lost for it
            _LOG.exception("the function given as log has failed")


@lru_cache(maxsize=1)
def _shipped_prices() -> PriceTable:
    return PriceTable.load()


def _router(given: Any) -> Router | None:
    if given is None or isinstance(given, Router):
        return given
    if isinstance(given, (str, Path)):
        return Router(load_policy(given))
    if isinstance(given, Policy):
        return Router(given)
    raise UsageError(f"router is a {type(given).__name__}", "give a Router, a Policy, or the file of one")
