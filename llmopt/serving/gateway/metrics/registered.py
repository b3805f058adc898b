"""One set of metrics a registry, however many clients or gateways of a process tell theirs there."""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

from llmopt.errors import MissingExtraError
from llmopt.serving.gateway.metrics.gateway_metrics import GatewayMetrics
from llmopt.serving.gateway.metrics.labels import ModelLabels

try:
    from prometheus_client import REGISTRY, CollectorRegistry
except ImportError as error:
    raise MissingExtraError((error.name or "prometheus_client").partition(".")[0], "serve") from error

_LOCK = threading.Lock()
_MADE: WeakKeyDictionary[CollectorRegistry, GatewayMetrics] = WeakKeyDictionary()


def metrics_in(registry: CollectorRegistry | None = None, models: ModelLabels | None = None) -> GatewayMetrics:
    """Return the metrics that a registry has, made and registered at the first call.

    Args:
        registry: of prometheus_client; None: its default one, which `start_http_server` tells.
        models: which names of models are told apart; of the first call.

    Raises:
        ValueError: the registry has metrics of the same names that are not from here.
    """
    place = REGISTRY if registry is None else registry
    with _LOCK:
        made = _MADE.get(place)
        if made is None:
            made = GatewayMetrics(models)
            place.register(made)
            _MADE[place] = made
        return made
