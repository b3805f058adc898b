"""Which calls of a log a cache may answer, by the rules of the cache itself, and why not the others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from llmopt.cost.answer_bytes import answer_bytes
from llmopt.cost.call import Call
from llmopt.cost.spec.values import epoch_micros
from llmopt.errors import InputError
from llmopt.serving.cache.key import CHAT, request_key
from llmopt.serving.cache.refused import Refused
from llmopt.serving.cache.request import is_deterministic, reads_more
from llmopt.serving.cache.wholeness import why_not_whole

NO_PROMPT = "no prompt in the record"
UNKNOWN = "settings not logged (temperature, seed)"
SAMPLES = "samples (neither temperature 0 nor a seed)"
READS_MORE = "reads more than its own body (a stored conversation, the web)"
NO_TIME = "no time in the record"
NOT_JSON = "a request that JSON cannot spell"
KNOWN = (SAMPLES, READS_MORE)
"""Reasons for which it is certain that a cache would not answer."""

FINISH_COLUMNS = ("finish_reason", "stop_reason", "finishReason", "gen_ai.response.finish_reasons")
"""Columns that say why an answer ended, where it is logged as text."""
_CUT = ("length", "max_tokens", "max_output_tokens", "content_filter", "refusal", "safety", "error")
_NESTED = ("generationConfig", "generation_config", "inferenceConfig", "textGenerationConfig", "options")
"""Objects that hold the settings: Gemini, Vertex, Bedrock, ollama."""
EMBEDDINGS = "/v1/embeddings"
_UNSAMPLED = {"embed": EMBEDDINGS, "moderation": "/v1/moderations", "rerank": "/v1/rerank"}
"""Part of a model's name -> where it is asked."""
_SHAPES = ("choices", "candidates", "stop_reason", "stopReason", "done", "error", "object", "output")
"""Fields by which the JSON of an API's answer is told from an answer that happens to be JSON."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a simulation keeps of a call."""

    at_us: int | None
    where: str
    """`file:line`; empty for one that is not left out, as there may be millions."""
    reason: str
    """Why it is left out; empty: a cache may answer it."""
    key: bytes
    """`request_key`; empty where it is left out."""
    tenant: str | None
    model: str | None
    cost_usd: Decimal | None
    took_us: int | None
    size_bytes: int
    kept: bool
    """Whether a cache keeps the answer."""
    whole: bool
    """Whether all of the request is logged."""
    estimated: bool
    """Whether the size is estimated."""


def candidate(call: Call, tenant: str, *, cache_sampled: bool, known: dict[Any, Any] | None = None) -> Candidate:
    """Look at a call.

    Args:
        call: with `FINISH_COLUMNS`, and `tenant` among its groups or columns.
        tenant: group or column that answers are never shared across; empty: all share them.
        cache_sampled: whether a cache may answer requests that sample.
        known: keys, names and amounts that were seen before; equal ones are kept once.
    """
    known = {} if known is None else known
    whose = (call.groups.get(tenant) or call.columns.get(tenant)) if tenant else None
    endpoint = endpoint_of(call)
    key, reason = b"", _why_not(call, endpoint, cache_sampled=cache_sampled)
    if not reason and call.request is not None:
        body = call.request if "model" in call.request else {**call.request, "model": call.model}
        try:
            key = bytes.fromhex(request_key(body, endpoint=endpoint, upstream=call.provider or "", tenant=whose or ""))
        except InputError:
            reason = NOT_JSON
    text = call.response
    return Candidate(
        at_us=epoch_micros(call.at),
        where=call.where if reason else "",
        reason=reason,
        key=known.setdefault(key, key),
        tenant=known.setdefault(whose, whose),
        model=known.setdefault(call.model, call.model),
        cost_usd=known.setdefault(call.cost_usd, call.cost_usd),
        took_us=None if call.latency_s is None else round(call.latency_s * 1e6),
        size_bytes=answer_bytes(text, call.usage.output_tokens if call.usage else 0),
        kept=is_kept(text, _ends(call)),
        whole=call.whole,
        estimated=text is None,
    )


def endpoint_of(call: Call) -> str:
    """Return where a call went, which few logs say: what writes nothing did not sample."""
    name = (call.model or "").lower()
    for part, endpoint in _UNSAMPLED.items():
        if part in name:
            return endpoint
    if call.request is None or "input" not in call.request or call.usage is None or call.counted:
        return CHAT
    return EMBEDDINGS if call.usage.output_tokens == 0 else CHAT


def why_unsure(request: Mapping[str, Any], *, whole: bool) -> str:
    """Return why a request that is not certain to get the same answer each time is not: `SAMPLES` or `UNKNOWN`.

    Args:
        request: its body, as far as it is logged.
        whole: whether all of it is logged.
    """
    return SAMPLES if whole or _says_temperature(request) else UNKNOWN


def is_kept(response: str | None, ends: Mapping[str, str]) -> bool:
    """Return whether a cache keeps an answer, as far as the log says.

    Args:
        response: text or JSON; None where it is not logged.
        ends: those of `FINISH_COLUMNS` that are set.
    """
    cut = any(mark in end.lower() for end in ends.values() for mark in _CUT)
    return not cut and (response is None or _is_whole(response))


def _why_not(call: Call, endpoint: str, *, cache_sampled: bool) -> str:
    """Return why a call is left out; empty: it is not."""
    if call.request is None:
        return NO_PROMPT
    if not is_deterministic(call.request, endpoint):
        if reads_more(call.request):
            return READS_MORE
        if not cache_sampled:
            return why_unsure(call.request, whole=call.whole)
    return NO_TIME if call.at is None else ""


def _says_temperature(request: Mapping[str, Any]) -> bool:
    if request.get("temperature") is not None:
        return True
    nested = [request[name] for name in _NESTED if name in request]
    return any(isinstance(inner, Mapping) and inner.get("temperature") is not None for inner in nested)


def _ends(call: Call) -> dict[str, str]:
    return {name: end for name in FINISH_COLUMNS if (end := call.columns.get(name))}


def _is_whole(text: str) -> bool:
    """Is an answer one that a cache keeps? Plain text, and JSON of no known API, say nothing against it."""
    if not text.startswith("{"):
        return True
    if why_not_whole(text.encode("utf-8", "surrogatepass")) in (None, Refused.NOT_JSON):
        return True
    body = json.loads(text)
    return not any(name in body for name in _SHAPES)
