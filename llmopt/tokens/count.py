"""Count the input tokens of a logged prompt whose usage was not logged.

Exact for OpenAI's models, whose vocabulary is public; for others the o200k count times a rough ratio, which is
an estimate. Either way the report says that the tokens were counted, not billed.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from llmopt.core.usage import Usage
from llmopt.tokens.vocabulary import encoding

_CL100K = ("gpt-4-", "gpt-3.5", "text-embedding-")
_PER_MESSAGE, _PER_NAME, _REPLY = 3, 1, 3
"""Tokens that chat formatting adds: OpenAI cookbook, "How to count tokens with tiktoken"."""
_RATIOS = (("claude-opus-4-7", 1.48), ("claude", 1.10), ("gemini", 1.06), ("gemma", 1.06))
"""Model prefix -> tokens for each o200k token of English text: rough figures; other texts differ by a lot."""
_PIECE = 20_000
"""Characters encoded at once: tiktoken's regex engine overflows on very long runs of blanks."""


def count(text: str, name: str = "o200k_base") -> int:
    """Return the number of tokens of `text`; special-token spellings in it are plain text."""
    codec = encoding(name)
    pieces = (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
    return sum(len(codec.encode_ordinary(piece)) for piece in pieces)


def prompt_tokens(prompt: str, model: str | None) -> tuple[Usage, int]:
    """Return the usage of a prompt sent to `model`, and how many of its tokens are counted instead of billed.

    Args:
        prompt: the text, or a JSON list of chat messages.
        model: None is counted like a current OpenAI model.
    """
    name = (model or "").rsplit("/", 1)[-1].lower()
    vocabulary = "cl100k_base" if name == "gpt-4" or name.startswith(_CL100K) else "o200k_base"
    ratio = next((ratio for prefix, ratio in _RATIOS if name.startswith(prefix)), 1.0)
    tokens = round(_prompt(prompt, vocabulary) * ratio)
    return Usage(input_uncached=tokens), tokens


@functools.lru_cache(maxsize=4096)
def _prompt(prompt: str, vocabulary: str) -> int:
    try:
        decoded: Any = msgspec.json.decode(prompt) if prompt.startswith(("[", "{")) else prompt
    except msgspec.DecodeError:
        decoded = prompt
    if isinstance(decoded, list) and all(isinstance(item, dict) for item in decoded):
        return sum(_message(item, vocabulary) for item in decoded) + _REPLY
    return count(prompt, vocabulary)


def _message(message: dict[str, Any], vocabulary: str) -> int:
    tokens = _PER_MESSAGE + (_PER_NAME if "name" in message else 0)
    for value in message.values():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode() if value is not None else ""
        tokens += count(text, vocabulary)
    return tokens
