"""What all answers of a mock upstream are made of: words, thoughts, calls of tools, usage."""

from __future__ import annotations

import json
from typing import Any

from llmopt.serving.mock_upstream.asked import Asked
from llmopt.serving.mock_upstream.behaviour import Behaviour

CREATED_S = 1_700_000_000
NUMBER = "0000mock0000"
"""Stands in an answer for the number of its call, so that no two answers are the same."""
ARGUMENTS = ('{"city"', ': "Zürich"}')
"""Of a call of a tool, as a stream sends them."""
_WORDS = ("Hello", " from", " the", " mock", " upstream", ",", " which", " says", " grüezi", " \U0001f44b")


def words(behaviour: Behaviour) -> list[str]:
    """Return the text of an answer, piece by piece."""
    if behaviour.text:
        first, *rest = behaviour.text.split(" ")
        return [first, *(f" {word}" for word in rest)]
    return [_WORDS[number % len(_WORDS)] for number in range(behaviour.chunks)]


def thoughts(behaviour: Behaviour) -> list[str]:
    """Return the reasoning of an answer, piece by piece."""
    return [f"{' ' if number else ''}thought {number}" for number in range(behaviour.reasoning)]


def tool_calls(asked: Asked) -> list[tuple[str, str]]:
    """Return identifier and name of each call of a tool."""
    return [(f"call_{NUMBER}_{number}", asked.tool) for number in range(asked.behaviour.tool_calls)]


def openai_usage(behaviour: Behaviour) -> dict[str, Any]:
    """Return the usage as chat and text completions tell it."""
    return {
        "prompt_tokens": behaviour.input_tokens,
        "completion_tokens": behaviour.output_tokens,
        "total_tokens": behaviour.input_tokens + behaviour.output_tokens,
        "prompt_tokens_details": {"cached_tokens": behaviour.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": behaviour.reasoning_tokens, "audio_tokens": 0},
    }


def responses_usage(behaviour: Behaviour) -> dict[str, Any]:
    """Return the usage as the Responses API tells it."""
    return {
        "input_tokens": behaviour.input_tokens,
        "input_tokens_details": {"cached_tokens": behaviour.cached_tokens},
        "output_tokens": behaviour.output_tokens,
        "output_tokens_details": {"reasoning_tokens": behaviour.reasoning_tokens},
        "total_tokens": behaviour.input_tokens + behaviour.output_tokens,
    }


def anthropic_usage(behaviour: Behaviour) -> dict[str, Any]:
    """Return the usage as Anthropic tells it: what was read from the cache is not part of the input."""
    return {
        "input_tokens": behaviour.input_tokens - behaviour.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": behaviour.cached_tokens,
        "output_tokens": behaviour.output_tokens,
    }


def dumped(value: object) -> bytes:
    """Return JSON as OpenAI writes it: compact, in UTF-8, which has a question mark for half a surrogate pair."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
