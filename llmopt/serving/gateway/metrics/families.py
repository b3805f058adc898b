"""Which metrics a gateway tells, under which names and labels.

Names and bounds of `gen_ai_*` are those of OpenTelemetry's semantic conventions for generative AI
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/), spelled as OpenTelemetry's exporters spell them
for Prometheus: dots become underscores, the unit and `_total` stand at the end. The rest follows
https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
Series = tuple[str, ...]
"""Name of a family, then the values of its labels in order."""

SEMCONV_BOUNDS_S = tuple(round(0.01 * 2**power, 2) for power in range(16))
"""The conventions' own, 0.01 s to 81.92 s, and two more: a slow answer takes minutes."""
TIME_BOUNDS_S = tuple(
    sorted({*SEMCONV_BOUNDS_S, *(round(1.5 * bound, 3) for bound in SEMCONV_BOUNDS_S[:-1])}),
)
"""Those, and one between each two: a quantile read from them is off by half at most."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with all its series."""

    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    least: bool = False
    """Whether several workers tell the smallest of their numbers, and not the sum."""
    parts: int = 1
    """Its numbers are kept in so many parts of one, so that sums of amounts of money are exact."""

    @property
    def width(self) -> int:
        """Numbers of one series: a histogram has one a bucket, those of `+Inf` included, and the sum."""
        return len(TIME_BOUNDS_S) + 2 if self.kind == "histogram" else 1


PARTS_OF_DOLLAR = 10**12
"""No price has more decimal places; exact up to 9,007 dollars a series (2^53 parts), and as good as that above."""
DURATION = "gen_ai_client_operation_duration_seconds"
FIRST_CHUNK = "gen_ai_client_operation_time_to_first_chunk_seconds"
TOKENS = "gen_ai_client_token_usage_total"
REQUESTS = "llmopt_requests_total"
ERRORS = "llmopt_errors_total"
COST = "llmopt_cost_usd_total"
TENANT_COST = "llmopt_tenant_cost_usd_total"
UNPRICED = "llmopt_unpriced_requests_total"
SAVED = "llmopt_saved_usd_total"
EXTRA = "llmopt_extra_usd_total"
COMPRESSED = "llmopt_compressed_tokens_total"
CACHE = "llmopt_cache_requests_total"
ROUTE = "llmopt_route_requests_total"
ATTEMPTS = "llmopt_upstream_attempts_total"
RETRIES = "llmopt_upstream_retries_total"
IN_FLIGHT = "llmopt_requests_in_flight"
STARTED = "llmopt_start_time_seconds"
LOG_LOST = "llmopt_log_lines_lost_total"
STORE_ERRORS = "llmopt_store_errors_total"
REFUSED_SERIES = "llmopt_metric_series_refused_total"

_OPERATION = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")

FAMILIES: dict[str, Family] = {
    DURATION: Family(
        "histogram",
        "From the first byte of a request to the last of its answer; without requests that were refused unasked.",
        (*_OPERATION, "error_type", "llmopt_source"),
    ),
    FIRST_CHUNK: Family(
        "histogram",
        "From the first byte of a request to the first of its streamed answer.",
        (*_OPERATION, "llmopt_source"),
    ),
    TOKENS: Family(
        "counter",
        "Tokens that models read and wrote; each token is in one series.",
        ("gen_ai_provider_name", "gen_ai_request_model", "gen_ai_token_type", "kind", "usage_from"),
    ),
    REQUESTS: Family("counter", "Requests, by what they got; 499: left.", ("api", "model", "upstream", "status")),
    ERRORS: Family("counter", "Requests that failed, by how.", ("error", "upstream")),
    COST: Family("counter", "What calls of models cost.", ("model", "provider"), parts=PARTS_OF_DOLLAR),
    TENANT_COST: Family(
        "counter", "What calls cost, by tenant of the virtual keys.", ("tenant",), parts=PARTS_OF_DOLLAR
    ),
    UNPRICED: Family("counter", "Calls of models whose cost is not known: no price, or no usage.", ("model",)),
    SAVED: Family("counter", "What was not spent, by what spared it.", ("by",), parts=PARTS_OF_DOLLAR),
    EXTRA: Family(
        "counter",
        "What saving cost where it went wrong, by what; the net saving is without it.",
        ("by",),
        parts=PARTS_OF_DOLLAR,
    ),
    COMPRESSED: Family("counter", "Tokens that compression took out of requests."),
    CACHE: Family("counter", "Requests, by where their answers came from.", ("result",)),
    ROUTE: Family("counter", "Requests, by the route that the policy chose.", ("route",)),
    ATTEMPTS: Family("counter", "Calls of upstreams, retries included.", ("upstream",)),
    RETRIES: Family("counter", "Calls of upstreams beyond the first of a request.", ("upstream",)),
    IN_FLIGHT: Family("gauge", "Requests being answered."),
    STARTED: Family("gauge", "Unix time at which the gateway started.", least=True),
    LOG_LOST: Family("counter", "Lines that the request log lost."),
    STORE_ERRORS: Family("counter", "Failures of a store, which no request has suffered from.", ("store",)),
    REFUSED_SERIES: Family("counter", "Series that found no room, and are missing here."),
}
WIDEST = max(family.width for family in FAMILIES.values())
"""Numbers of one series at most."""
