"""Counts the output tokens of a response: its content alone, without the tokens that frame it.

Takes the responses of OpenAI (chat, completions, Responses), Anthropic, Gemini, Bedrock and Ollama as decoded JSON. A
text is exact where the tokenizer is. Calls of tools count as their name and arguments and make the count an estimate,
as does reasoning: several models bill more of it than they show.
"""

from __future__ import annotations

from llmopt.tokens.chat.content import count_content
from llmopt.tokens.chat.frames import hides_reasoning
from llmopt.tokens.chat.shapes import model_named
from llmopt.tokens.chat.tally import MAX_DEPTH, ChatCount, Tally
from llmopt.tokens.chat.tools import count_calls
from llmopt.tokens.families import Maker
from llmopt.tokens.tokenizer import Tokenizer

_WRAPPERS = ("response", "body", "result", "data", "payload", "modelOutput")
_LISTS = ("choices", "candidates", "generations", "outputs", "results", "predictions")
_HOLDERS = (*_LISTS, "message", "delta", "output", "completion")
_CONTENT = ("content", "parts", "refusal", "text")
_REASONING = ("reasoning_content", "reasoning")
_PLAIN = ("generated_text", "outputText", "generation", "output_text")
_KNOWN = (*_HOLDERS, *_CONTENT, *_REASONING, *_PLAIN, "tool_calls", "function_call")


def count_response(body: object, tokenizer: Tokenizer, maker: Maker, model: str = "") -> ChatCount:
    """Count the output tokens of a response.

    Args:
        body: decoded JSON: a text, a list of messages or content blocks, or a response body, alone or within a wrapper
            such as the `response` of a batch file. Any other value is counted as text, but an error is not.
        tokenizer: counts the texts.
        maker: whose format applies.
        model: whose figures apply; the one that the body names if empty.
    """
    body = _unwrapped(body)
    tally = Tally(tokenizer, maker, model or model_named(body))
    tally.output = True
    if isinstance(body, dict) and not _is_known(body) and not isinstance(body.get("type"), str):
        if body and not any(key in body for key in (*_KNOWN, "error")):
            tally.data(body)
    else:
        _count(tally, body, MAX_DEPTH)
    if hides_reasoning(maker, tally.model):
        tally.missing("hidden reasoning")
    return tally.result()


def _is_known(body: dict[str, object]) -> bool:
    return any(body.get(key) is not None for key in _KNOWN)


def _unwrapped(body: object) -> object:
    for _ in range(3):
        if not isinstance(body, dict) or _is_known(body):
            break
        inner = next((body[key] for key in _WRAPPERS if isinstance(body.get(key), dict | list | str)), None)
        if inner is None:
            break
        body = inner
    return body


def _count(tally: Tally, body: object, depth: int) -> None:
    """Add a response, or a part of one."""
    if depth <= 0:
        tally.data(body)
    elif isinstance(body, list):
        for item in body:
            _count(tally, item, depth - 1)
    elif not isinstance(body, dict) or _is_block(body):
        count_content(tally, body)
    else:
        _message(tally, body, depth)


def _is_block(body: dict[str, object]) -> bool:
    """Tell a content block or an output item from a message and from a body."""
    kind = body.get("type")
    if isinstance(kind, str):
        return kind != "message" and not any(isinstance(body.get(key), dict | list) for key in _HOLDERS)
    return not _is_known(body)


def _message(tally: Tally, body: dict[str, object], depth: int) -> None:
    """Add a message, or whatever holds messages."""
    holders = [key for key in _HOLDERS if body.get(key) is not None]
    if "delta" in holders:
        tally.guess()
    for key in holders:
        _count(tally, body[key], depth - 1)
    reasoning = next((body[key] for key in _REASONING if isinstance(body.get(key), str)), None)
    if reasoning is not None:
        tally.guess()
        count_content(tally, reasoning)
    for key in _CONTENT if holders else (*_CONTENT, *_PLAIN):
        value = body.get(key)
        if isinstance(value, dict):
            _count(tally, value, depth - 1)
        else:
            count_content(tally, value)
    count_calls(tally, body, framed=False)
