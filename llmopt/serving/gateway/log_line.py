"""A line of the request log: one JSON object, which the format spec `llmopt-gateway` of `llmopt cost` reads.

What is not known is left out, and so are counts that are 0. Money is text, exact.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from llmopt.core.money import exact_text
from llmopt.core.usage import BUCKETS, Usage
from llmopt.cost.pricing.resolve import LONGEST_NAME
from llmopt.serving.gateway.metering.free import asks_no_model
from llmopt.serving.gateway.values import Metered

SCHEMA = "llmopt.gateway/1"
"""First field of each line; additions keep the number."""
_LONGEST_PATH = 2048
"""Characters; no model has a name longer than `LONGEST_NAME`, whatever a request says."""
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


class LogLine(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The fields of a line, in their order; `request` and `response` follow where bodies are logged."""

    schema: str
    timestamp: str
    """When the request came, in UTC (ISO 8601)."""
    request_id: str
    """As sent back in `x-llmopt-request-id`."""
    api: str
    """`chat`, `text_completion`, `responses`, `embeddings`, `messages`, or `other`."""
    method: str
    path: str = ""
    billable: bool | None = None
    """False for what no model answers, such as a list of models, or an upload."""
    tenant: str = ""
    key: str = ""
    """Name of the virtual key."""
    tags: dict[str, str] | None = None
    """As the caller gave them."""
    asked_model: str = ""
    """As the client asked."""
    sent_model: str = ""
    """As asked of the upstream, after routing."""
    model: str = ""
    """The one that is billed: as answered, or where that name has no price, as sent."""
    provider: str = ""
    """Who bills, where the price table knows."""
    tier: str
    upstream: str = ""
    status: int
    """As sent to the client; 499: the client left before the end."""
    error: str = ""
    """Kind of failure."""
    streamed: bool
    cache: str
    """`hit`, `semantic`, `shared`, `miss` or `bypass`."""
    age_s: float | None = None
    """Of the stored answer."""
    route: str = ""
    rule: str = ""
    """That chose the route."""
    usage: dict[str, int] | None = None
    """Tokens in disjoint buckets, and their total; left out where nobody knows."""
    usage_from: str
    """`billed` (the upstream said so), `estimated` (counted from the texts) or `none`."""
    cost_usd: str | None = None
    """Left out where it is not known."""
    saved_usd: dict[str, str] | None = None
    """By `cache`, `route`, `compress`; routing to a dearer model is below 0."""
    compressed_tokens: int = 0
    """That compression took out of the request."""
    latency_s: float
    """Until the last byte of the answer."""
    ttft_s: float | None = None
    """Until the first byte of the answer's body."""
    attempts: int
    """Calls of upstreams."""
    prompt_hash: str = ""
    """Key of the request in the cache: equal requests of a tenant have the same."""
    request_bytes: int
    response_bytes: int


_ENCODE = msgspec.json.Encoder().encode


def line_of(metered: Metered) -> bytes:
    """Return the line of a call, its end included."""
    fields = _fields(metered)
    try:
        line = _ENCODE(fields)
    except UnicodeEncodeError:
        line = _ENCODE(_with_whole_pairs(msgspec.to_builtins(fields)))
    if not (metered.request or metered.response):
        return line + b"\n"
    bodies = b"".join(
        b',"%b":%b' % (name, _as_json(body))
        for name, body in ((b"request", metered.request), (b"response", metered.response))
        if body
    )
    return line[:-1] + bodies + b"}\n"


def _fields(metered: Metered) -> LogLine:
    usage, cost_usd = metered.usage, metered.cost_usd
    no_model = usage is None and asks_no_model(metered)
    return LogLine(
        schema=SCHEMA,
        timestamp=datetime.fromtimestamp(metered.began_s, UTC).isoformat(timespec="microseconds"),
        request_id=metered.request_id,
        api=metered.api.value,
        method=metered.method,
        path=metered.path[:_LONGEST_PATH],
        billable=False if no_model else None,
        tenant=metered.tenant,
        key=metered.key,
        tags=dict(metered.tags) if metered.tags else None,
        asked_model=metered.asked_model[:LONGEST_NAME],
        sent_model=metered.model[:LONGEST_NAME],
        model=(metered.billed_model or metered.answered_model or metered.model or metered.asked_model)[:LONGEST_NAME],
        provider=metered.provider,
        tier=metered.tier,
        upstream=metered.upstream,
        status=metered.status,
        error=metered.error,
        streamed=metered.streamed,
        cache=metered.cache,
        age_s=None if metered.age_s is None else round(metered.age_s, 3),
        route=metered.route,
        rule=metered.rule,
        usage=None if usage is None else _counts(usage),
        usage_from=metered.usage_from,
        cost_usd=None if cost_usd is None else exact_text(cost_usd),
        saved_usd={by: exact_text(usd) for by, usd in metered.saved_usd.items()} or None,
        compressed_tokens=metered.compressed_tokens,
        latency_s=round(metered.latency_s, 6),
        ttft_s=None if metered.first_s is None else round(metered.first_s, 6),
        attempts=metered.attempts,
        prompt_hash=metered.prompt_hash,
        request_bytes=metered.request_bytes,
        response_bytes=metered.response_bytes,
    )


def _counts(usage: Usage) -> dict[str, int]:
    """Return the buckets that hold tokens, and their sum, which readers check them by."""
    counts = {bucket: count for bucket in BUCKETS if (count := getattr(usage, bucket))}
    counts["total"] = sum(counts.values())
    return counts


def _with_whole_pairs(value: Any) -> Any:
    """Return plain values with a question mark in place of each half of a surrogate pair, which no UTF-8 has."""
    if isinstance(value, dict):
        return {_with_whole_pairs(name): _with_whole_pairs(each) for name, each in value.items()}
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _as_json(body: bytes) -> bytes:
    """Return a body as it came, but on one line; as a text where no reader of the log would take it for an object."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return _ENCODE(body.decode("utf-8", "replace"))
    return body.translate(_LINE_ENDS)
