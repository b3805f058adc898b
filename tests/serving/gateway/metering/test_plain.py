"""The short way to a usage leads where the long one does, or nowhere."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from llmopt.serving.gateway.metering.body import body_of
from llmopt.serving.gateway.metering.plain import plain_usage
from llmopt.serving.gateway.metering.usage import UsageReader
from llmopt.serving.gateway.values import Api
from tests.serving.gateway.metering.answers import packed

READER = UsageReader()
COUNTS: st.SearchStrategy[Any] = st.one_of(
    st.integers(0, 20), st.sampled_from([None, 0, -1, 2**32, 1.0, 1.5, True, "7", "x", [], {}]), st.integers(0, 10**6)
)
FIELDS = (
    *("prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "prompt_cache_hit_tokens"),
    *("cache_read_input_tokens", "cache_creation_input_tokens", "other_tokens"),
)
DETAILS = (
    *("prompt_tokens_details", "completion_tokens_details", "input_tokens_details", "output_tokens_details"),
    "cache_creation",
)
INNER = ("cached_tokens", "reasoning_tokens", "audio_tokens", "cache_write_tokens", "ephemeral_1h_input_tokens")
INNER_COUNTS = st.dictionaries(st.sampled_from(INNER), COUNTS, max_size=3)
MODELS = st.sampled_from(["gpt-4o", "grok-4", "llama-3", "claude-sonnet-4-5", "gpt-oss-20b"])
TIERS = st.sampled_from([None, "default", "standard", "priority", "scale", "odd", 3])
KINDS = st.sampled_from(
    [
        {"object": "chat.completion"},
        {"object": "text_completion"},
        {"object": "response"},
        {"type": "message"},
        {"object": "list"},
        {},
    ]
)


@st.composite
def usages(draw: st.DrawFn) -> dict[str, Any]:
    """Usages that mostly add up, and some that do not."""
    usage: dict[str, Any] = draw(st.dictionaries(st.sampled_from(FIELDS), COUNTS, max_size=4))
    for one, other in (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")):
        if draw(st.booleans()):
            counts = draw(st.tuples(st.integers(0, 50), st.integers(0, 50)))
            usage |= {one: counts[0], other: counts[1], "total_tokens": sum(counts)}
    for name in draw(st.lists(st.sampled_from(DETAILS), max_size=3)):
        usage[name] = draw(st.one_of(INNER_COUNTS, st.sampled_from([None, [], "x"])))
    if draw(st.booleans()):
        usage["service_tier"] = draw(TIERS)
        usage["speed"] = draw(st.sampled_from([None, "standard", "fast"]))
    return usage


@example({"object": "chat.completion"}, "gpt-4o", {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}, None)
@example({"type": "message"}, "claude", {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 9}, None)
@given(KINDS, MODELS, usages(), TIERS)
def test_both_ways_agree(kind: dict[str, Any], model: str, usage: dict[str, Any], tier: object) -> None:
    body = body_of(packed({**kind, "model": model, "usage": usage, "service_tier": tier}))
    assert body is not None
    plain = plain_usage(body)
    if plain is not None:
        said = READER.by_formats(body, Api.OTHER)
        assert (said.usage, said.tier) == plain


def test_the_usual_usages_take_the_short_way() -> None:
    chat = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    detailed = chat | {
        "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 1, "accepted_prediction_tokens": 0},
    }
    newer = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "input_tokens_details": {"cached_tokens": 3}}
    message = {"input_tokens": 3, "output_tokens": 2, "cache_creation_input_tokens": 0, "service_tier": "standard"}
    for kind, usage in (
        ({"object": "chat.completion"}, chat),
        ({"object": "chat.completion.chunk"}, detailed),
        ({"object": "response"}, newer),
        ({"type": "message"}, message),
    ):
        body = body_of(packed({**kind, "usage": usage}))
        assert body is not None
        assert plain_usage(body) is not None, usage
