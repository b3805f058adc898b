"""The usages that most answers tell, read at once: what the format specs say of them, in a tenth of the time.

Whatever is unusual (counts that do not add up, texts for numbers, audio, providers' own fields) is left to the specs;
`tests/serving/gateway/metering/test_plain.py` holds this against them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llmopt.core.usage import Usage
from llmopt.cost.spec.load import DEFAULT_TIERS
from llmopt.cost.spec.row import MAX_COUNT
from llmopt.serving.gateway.metering.body import Body


@dataclass(frozen=True, slots=True)
class _Names:
    """How an API of OpenAI calls its counts; the details stand inside of them."""

    read: str
    written: str
    read_details: str
    written_details: str


_CHAT = _Names("prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details")
_RESPONSE = _Names("input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details")
_NAMES = {"chat.completion": _CHAT, "chat.completion.chunk": _CHAT, "text_completion": _CHAT, "response": _RESPONSE}
_NO_DETAILS: dict[str, Any] = {}


def plain_usage(body: Body) -> tuple[Usage, str] | None:
    """Return the usage and the tier that an answer tells; None: ask the format specs."""
    usage = body.usage
    if type(usage) is not dict or body.usage_metadata is not None:
        return None
    names = _NAMES.get(body.object) if type(body.object) is str else None
    if names is not None:
        found = _of_openai(usage, names)
        tier = body.service_tier
    elif body.object is None and body.type == "message":
        found = _of_anthropic(usage)
        tier = usage.get("service_tier")
    else:
        return None
    known = "default" if tier is None else DEFAULT_TIERS.get(tier) if type(tier) is str else None
    return None if found is None or known is None else (found, known)


def _of_openai(usage: dict[str, Any], names: _Names) -> Usage | None:
    read: Any = usage.get(names.read)
    written: Any = usage.get(names.written)
    read_details = usage.get(names.read_details) or _NO_DETAILS
    written_details = usage.get(names.written_details) or _NO_DETAILS
    if type(read_details) is not dict or type(written_details) is not dict or "prompt_cache_hit_tokens" in usage:
        return None
    if read_details.get("audio_tokens") or written_details.get("audio_tokens"):
        return None
    cached = _or_0(read_details.get("cached_tokens"))
    kept = _or_0(read_details.get("cache_write_tokens"))
    reasoning = _or_0(written_details.get("reasoning_tokens"))
    if not _are_counts(read, written, cached, kept, reasoning) or usage.get("total_tokens") != read + written:
        return None
    if kept or cached > read or reasoning > written:
        return None
    return Usage(
        input_uncached=read - cached,
        input_cache_read=cached,
        output_text=written - reasoning,
        output_reasoning=reasoning,
    )


def _of_anthropic(usage: dict[str, Any]) -> Usage | None:
    lifetimes = usage.get("cache_creation") or _NO_DETAILS
    if type(lifetimes) is not dict or usage.get("speed") == "fast":
        return None
    read, written = usage.get("input_tokens"), usage.get("output_tokens")
    cached = _or_0(usage.get("cache_read_input_tokens"))
    kept = _or_0(usage.get("cache_creation_input_tokens"))
    hour = _or_0(lifetimes.get("ephemeral_1h_input_tokens"))
    if "cache_creation_input_tokens" not in usage and lifetimes:
        return None
    if not _are_counts(read, written, cached, kept, hour) or hour > kept:
        return None
    return Usage(
        input_uncached=read or 0,
        input_cache_read=cached,
        input_cache_write_5m=kept - hour,
        input_cache_write_1h=hour,
        output_text=written or 0,
    )


def _or_0(value: Any) -> Any:
    return 0 if value is None else value


def _are_counts(*values: Any) -> bool:
    return all(type(value) is int and 0 <= value <= MAX_COUNT for value in values)
