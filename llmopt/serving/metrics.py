"""What a model server tells Prometheus: batches, tokens, the queue, HTTP requests.

Every server has a registry of its own, so that two in one process do not mix. Names follow the conventions of
Prometheus (https://prometheus.io/docs/practices/naming/): base units, the unit in the name, `_total` on counters.
Buckets of times reach 500 s: with the default ones, which end at 10 s, every slower quantile would be shown as 10 s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile

from llmopt.errors import MissingExtraError
from llmopt.serving.batching.hooks import BatchDone, Reason

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.metrics_core import Metric
except ImportError as error:
    raise MissingExtraError((error.name or "prometheus_client").partition(".")[0], "serve") from error

TIME_BUCKETS_S = tuple(digit * 10.0**power for power in range(-4, 3) for digit in (1, 2, 5))
"""From 0.1 ms to 500 s; a quantile read from them is off by a factor of 2.5 at most."""

_NEWEST = 0.2
"""Weight of the newest batch in the mean time of an input."""


class ServerMetrics:
    """Metrics of one server; also the hooks of its batcher.

    Args:
        max_batch_size: largest batch, for the buckets.
        queued: tells how many inputs wait in the queue.
        facts: names and values of what is served.
    """

    def __init__(self, max_batch_size: int, queued: Callable[[], int], facts: Sequence[tuple[str, str]] = ()) -> None:
        self.seconds_each = 0.0
        """Mean time of an input in a batch, newer batches weighing more; 0 before any has run."""
        self._registry = _Registry(auto_describe=True)
        ProcessCollector(registry=self._registry)
        info = Gauge(
            "llmopt_model_info", "What is served; always 1.", [name for name, _ in facts], registry=self._registry
        )
        (info.labels(*(value for _, value in facts)) if facts else info).set(1)
        self._batches(max_batch_size, queued)
        self._http()

    def _batches(self, max_batch_size: int, queued: Callable[[], int]) -> None:
        registry = self._registry
        self._batch_requests = Histogram(
            "llmopt_batch_inputs", "Inputs in a batch.", buckets=_sizes(max_batch_size), registry=registry
        )
        self._batch_wait = Histogram(
            "llmopt_batch_wait_seconds",
            "From the arrival of the oldest input of a batch until the batch was formed.",
            buckets=TIME_BUCKETS_S,
            registry=registry,
        )
        self._batch_service = Histogram(
            "llmopt_batch_service_seconds",
            "From when a batch was formed until its results were there.",
            buckets=TIME_BUCKETS_S,
            registry=registry,
        )
        self._calls = Counter(
            "llmopt_predict_calls", "Calls of the model; a failing batch takes several.", registry=registry
        )
        tokens = Counter(
            "llmopt_tokens",
            "Tokens that went through the model, by kind: useful or padding.",
            ["kind"],
            registry=registry,
        )
        self._useful, self._padding = tokens.labels("useful"), tokens.labels("padding")
        self._dropped = Counter(
            "llmopt_inputs_dropped", "Inputs that got no result, by reason.", ["reason"], registry=registry
        )
        Gauge("llmopt_queue_inputs", "Inputs that wait for a batch.", registry=registry).set_function(
            lambda: float(queued())
        )

    def _http(self) -> None:
        registry = self._registry
        self._requests = Counter(
            "llmopt_http_requests",
            "HTTP requests, by route, method and status; 499: the client went away.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._rejected = Counter(
            "llmopt_http_requests_rejected",
            "HTTP requests that got an error, by its code.",
            ["reason"],
            registry=registry,
        )
        self._duration = Histogram(
            "llmopt_http_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ["route"],
            buckets=TIME_BUCKETS_S,
            registry=registry,
        )
        self._in_flight = Gauge("llmopt_http_requests_in_flight", "HTTP requests being answered.", registry=registry)

    def batch_done(self, batch: BatchDone) -> None:
        """Take note of a batch."""
        each = batch.service_s / batch.size
        self.seconds_each += (each - self.seconds_each) * (_NEWEST if self.seconds_each else 1.0)
        self._batch_requests.observe(batch.size)
        self._batch_wait.observe(batch.waited_s)
        self._batch_service.observe(batch.service_s)
        self._calls.inc(batch.calls)
        self._useful.inc(batch.useful_tokens)
        self._padding.inc(batch.padded_tokens - batch.useful_tokens)
        if batch.failed:
            self._dropped.labels("failed").inc(batch.failed)

    def dropped(self, reason: Reason) -> None:
        """Take note of an input without a result."""
        self._dropped.labels(reason).inc()

    def http_started(self) -> None:
        """Take note of a request that came."""
        self._in_flight.inc()

    def http_done(self, route: str, method: str, status: int, duration_s: float) -> None:
        """Take note of a request that was answered."""
        self._in_flight.dec()
        self._requests.labels(route, method, status).inc()
        self._duration.labels(route).observe(duration_s)

    def http_rejected(self, reason: str) -> None:
        """Take note of a request that got an error."""
        self._rejected.labels(reason).inc()

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics and their content type, in the format that the header `Accept` asks for."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type


class _Registry(CollectorRegistry):
    """Leaves out the series that only tell when another was made: a third of all lines."""

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics."""
        for metric in super().collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


def _sizes(largest: int) -> list[float]:
    powers = takewhile(lambda size: size < largest, (2.0**power for power in range(64)))
    return [*powers, float(largest)]
