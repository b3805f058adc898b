"""A gateway put together from its configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llmopt.cost.pricing.table import PriceTable
from llmopt.serving.gateway.app import GatewayApp
from llmopt.serving.gateway.auth import Credentials
from llmopt.serving.gateway.config.settings import GatewayConfig
from llmopt.serving.gateway.metering.hosts import provider_of
from llmopt.serving.gateway.metering.meter import Meter
from llmopt.serving.gateway.metering.pricing import Pricer
from llmopt.serving.gateway.metrics.families import LOG_LOST, STORE_ERRORS
from llmopt.serving.gateway.metrics.gateway_metrics import Budget, GatewayMetrics
from llmopt.serving.gateway.metrics.labels import ModelLabels
from llmopt.serving.gateway.pipeline import Pipeline, Stages
from llmopt.serving.gateway.spend.estimating import estimate_by
from llmopt.serving.gateway.spend.opening import open_totals
from llmopt.serving.gateway.spend.spending import Spending
from llmopt.serving.gateway.upstreams.calling import Calling
from llmopt.serving.gateway.upstreams.http import HttpUpstream
from llmopt.serving.gateway.values import NO_CAPS, Observer, Upstream

if TYPE_CHECKING:
    from llmopt.serving.gateway.caching.cache_step import CacheStep
    from llmopt.serving.gateway.request_log import RequestLog
    from llmopt.serving.gateway.steps.compress import CompressStep
    from llmopt.serving.gateway.steps.route import RouteStep
    from llmopt.serving.routing.policy import Policy

Hook = Callable[[], Awaitable[None]]


def gateway_app(
    config: GatewayConfig, *, upstreams: Sequence[Upstream] = (), metrics_folder: Path | None = None
) -> GatewayApp:
    """Return the application, an ASGI one, which any ASGI server runs; its lifespan closes everything.

    Args:
        config: all settings.
        upstreams: further ones, such as a function in this process (`upstreams.plugged`).
        metrics_folder: where several workers leave their numbers for one another; None: there is one.

    Raises:
        LlmoptError: a file that the configuration names cannot be read, or holds mistakes.
    """
    return _Building(config, upstreams, metrics_folder).app()


class _Building:
    """One gateway being put together."""

    def __init__(self, config: GatewayConfig, upstreams: Sequence[Upstream], metrics_folder: Path | None) -> None:
        self._config = config
        self._ends: list[Hook] = []
        """In the order in which the parts are made; they end the other way round."""
        self._upstreams = (*(HttpUpstream(each, config.times) for each in config.upstreams), *upstreams)
        self._prices = PriceTable.load(extra=config.prices)
        self._pricer = Pricer(self._prices, {each.name: provider_of(each.url) for each in config.upstreams})
        self._credentials = Credentials(config.keys, config.caps)
        self._policy = self._policy_of()
        self._spending = self._spending_of()
        self._metrics = self._metrics_of(metrics_folder)
        self._log = self._log_of()

    def app(self) -> GatewayApp:
        """Return the application."""
        config = self._config
        observers: list[Observer] = [self._spending, self._metrics]
        if self._log is not None:
            observers.append(self._log)
        calling = Calling(self._upstreams, config.retries, self._policy)
        self._ends.append(calling.close)
        stages = Stages(
            credentials=self._credentials,
            calling=calling,
            meter=Meter(self._pricer, observers),
            spending=self._spending if self._has_caps() else None,
            cache=self._cache(),
            route=self._route(),
            compress=self._compress(),
            in_flight=self._metrics,
        )
        pipeline = Pipeline(
            stages,
            answer_s=config.times.answer_s,
            ask_usage=config.ask_usage,
            keep_bodies=config.log is not None and config.log_bodies,
        )
        return GatewayApp(
            pipeline, self._metrics, limits=config.limits, times=config.times, ends=tuple(reversed(self._ends))
        )

    def _policy_of(self) -> Policy | None:
        if self._config.policy is None:
            return None
        from llmopt.serving.routing.policy import load_policy

        return load_policy(self._config.policy)

    def _spending_of(self) -> Spending:
        config = self._config
        totals = open_totals(config.spend_store)
        estimate = estimate_by(self._pricer) if self._has_caps() else None
        spending = Spending(totals, total_caps=config.total_caps, estimate=estimate)
        self._ends.append(spending.close)
        return spending

    def _has_caps(self) -> bool:
        config = self._config
        return any(caps != NO_CAPS for caps in (config.caps, config.total_caps, *(key.caps for key in config.keys)))

    def _metrics_of(self, folder: Path | None) -> GatewayMetrics:
        config, spending, credentials = self._config, self._spending, self._credentials

        def budgets() -> Iterable[Budget]:
            return [Budget(*each) for each in spending.standings(credentials.callers)]

        metrics = GatewayMetrics(
            ModelLabels(self._prices, config.metric_models),
            tenants=[key.tenant for key in config.keys],
            tutorial=config.tutorial_metrics,
            folder=folder,
            budgets=budgets if self._has_caps() else None,
        )
        metrics.follow(STORE_ERRORS, lambda: spending.store_errors, "spend")
        self._ends.append(_in_thread(metrics.close))
        return metrics

    def _log_of(self) -> RequestLog | None:
        if self._config.log is None:
            return None
        from llmopt.serving.gateway.request_log import RequestLog

        log = RequestLog(self._config.log)
        self._metrics.follow(LOG_LOST, lambda: log.lost_lines)
        self._ends.append(_in_thread(log.close))
        return log

    def _cache(self) -> CacheStep | None:
        if self._config.cache is None:
            return None
        from llmopt.serving.gateway.caching.opening import open_cache

        step = open_cache(self._config, self._policy, [each.name for each in self._upstreams])
        if step is not None:
            self._metrics.follow(STORE_ERRORS, lambda: step.store_errors, "cache")
            self._ends.append(step.aclose)
        return step

    def _route(self) -> RouteStep | None:
        if self._policy is None:
            return None
        from llmopt.serving.gateway.steps.route import RouteStep
        from llmopt.serving.routing.router import Router

        return RouteStep(Router(self._policy), self._config.route_models)

    def _compress(self) -> CompressStep | None:
        if not self._config.compress:
            return None
        from llmopt.serving.gateway.steps.compress import CompressStep

        step = CompressStep(self._config.compress)
        self._ends.append(step.close)
        return step


def _in_thread(close: Callable[[], object]) -> Hook:
    """Return what calls a function that may wait, and lets the event loop go on."""

    async def closed() -> None:
        await asyncio.to_thread(close)

    return closed
