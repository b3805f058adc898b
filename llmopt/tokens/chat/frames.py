"""What the formatting of messages adds to their texts, by maker and model.

Sources: OpenAI cookbook, "How to count tokens with tiktoken", sections 6 and 7 (chat models: 3 a message, 1 a name, 3
for the reply; `gpt-3.5-turbo-0301`: 4 and -1), whose function takes every name with `gpt-3.5` or `gpt-4` in it.
openai/harmony, `docs/format.md` (gpt-oss). Claude: not published; the frame of a request with one message was measured
for ctok 1.3.0 as 7 tokens up to 4.6, 11 for 4.7 and 6 since; a system prompt added none in the example of Anthropic's
page "Token counting" (14 tokens in all). Gemma, Llama 3 and ChatML: the chat templates of their models write 4 or 5
tokens of headers and ends around a message.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from llmopt.tokens.chat.tally import NOTHING, Span, Tally
from llmopt.tokens.families import Maker, family_of

_PUBLISHED = re.compile(r"gpt-?3[.]?5|gpt-?4|gpt-35")
_CLASSIC = re.compile(r"gpt-3[.]5-turbo-0301")
_THINKING = re.compile(r"gemini-(?:2[.]5|[3-9]|\d\d)(?!.*(?:lite|image|embed))")
_REASONING = re.compile(r"(?:^|[/:._-])(?:o[134](?!\d)|gpt-[5-9](?!.*chat)|codex)")


@dataclass(frozen=True, slots=True)
class Frame:
    """What formatting adds; numbers are exact where `published`."""

    message: Span
    """Around each message, besides its role where `role` is set."""
    name: Span = NOTHING
    """For a message with a name, besides the name itself."""
    once: Span = NOTHING
    """Once a request: the beginning and the opening of the reply."""
    system: Span = NOTHING
    """For a system prompt, besides the frame of a message."""
    assistant: Span = NOTHING
    """For a message of the assistant, besides the frame of a message."""
    role: bool = False
    """Whether the role is written out, and its tokens count."""
    published: bool = False
    """Whether the figures are published, so that the count is exact."""


def _fixed(tokens: int) -> Span:
    return Span(tokens, tokens, tokens)


_CHAT = Frame(_fixed(3), _fixed(1), _fixed(3), role=True, published=True)
_CHAT_0301 = Frame(_fixed(4), _fixed(-1), _fixed(3), role=True, published=True)
_NEWER = Frame(Span(3, 3, 4), Span(1, 0, 2), Span(2, 2, 10), role=True)
"""Reasoning models: nothing is published; they open the reply with 2 tokens, as Harmony does."""
_HARMONY_SYSTEM = 61
"""Tokens of the basic system message of `docs/format.md` with its frame; written by the server, so implied."""
_HARMONY = Frame(
    _fixed(3),
    Span(1, 0, 2),
    Span(_HARMONY_SYSTEM + 2, _HARMONY_SYSTEM - 12, _HARMONY_SYSTEM + 40),
    system=Span(3, 3, 4),
    assistant=Span(2, 0, 2),
    role=True,
)
_CLAUDE = (((4, 8), 6), ((4, 7), 11), ((0, 0), 7))
"""First version -> tokens of the frame of a request with one message."""
_CLAUDE_MESSAGE, _CLAUDE_SYSTEM = Span(4, 2, 8), Span(0, 0, 6)
_OTHERS: dict[Maker, Frame] = {
    "google": Frame(Span(4, 0, 5), Span(0, 0, 3), Span(4, 0, 5), Span(0, 0, 5)),
    "other": Frame(Span(5, 2, 8), Span(1, 0, 4), Span(4, 0, 12), Span(0, 0, 30)),
}
"""Gemini bills some requests without any frame (hence the low end of 0); some templates add a system prompt."""


@functools.lru_cache(maxsize=1024)
def frame_of(maker: Maker, model: str) -> Frame:
    """Return what formatting adds to the messages of a model; an unnamed model of OpenAI is a chat model."""
    if maker == "openai":
        return _openai(model)
    if maker == "anthropic":
        once = _claude(model)
        message = _CLAUDE_MESSAGE.tokens
        spread = Span(once - message, max(once - message - 3, 0), once - message + 6)
        return Frame(_CLAUDE_MESSAGE, Span(0, 0, 4), spread, _CLAUDE_SYSTEM)
    return _OTHERS.get(maker, _OTHERS["other"])


@functools.lru_cache(maxsize=1024)
def hides_reasoning(maker: Maker, model: str) -> bool:
    """Return whether a model bills reasoning that its responses do not show."""
    if maker == "google":
        return bool(_THINKING.search(model))
    return maker == "openai" and bool(_REASONING.search(model))


def add(tally: Tally, span: Span, frame: Frame) -> None:
    """Add a figure of a frame: exact where it is published."""
    if frame.published:
        tally.published(span.tokens)
    else:
        tally.estimate(span)


@functools.lru_cache(maxsize=1024)
def claude_version(model: str) -> tuple[int, int] | None:
    """Return the version of a Claude model, such as (4, 5); None for a name without one."""
    family = family_of(model)
    if family is None or not family.version:
        return None
    major, _, minor = family.version.partition(".")
    return int(major), int(minor)


def _openai(model: str) -> Frame:
    if "gpt-oss" in model:
        return _HARMONY
    if _CLASSIC.search(model):
        return _CHAT_0301
    if not model or _PUBLISHED.search(model):
        return _CHAT
    return _NEWER


def _claude(model: str) -> int:
    version = claude_version(model) or (4, 6)
    return next(tokens for first, tokens in _CLAUDE if version >= first)
