"""Adds up one chat request or response: its texts, what formatting adds, its images, and what nothing can count.

Every part goes through here, so that one inexact part makes the whole count an estimate and nothing is lost silently.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from llmopt.tokens.families import Maker
from llmopt.tokens.result import Method, TokenCount
from llmopt.tokens.tokenizer import Tokenizer

MAX_DEPTH = 24
"""How deep content is followed; what lies deeper is counted as plain strings."""


@dataclass(frozen=True, slots=True)
class ChatCount:
    """How many tokens a chat request or response is, and what they are made of."""

    count: TokenCount
    """All of it: texts, formatting, tools and images."""
    overhead_tokens: int
    """The share of `count.tokens` that formatting, tools and roles add to the texts."""
    images: int
    """How many images are in `count`."""
    uncounted: tuple[str, ...]
    """What is not in `count` for want of a published rule, such as audio; empty if all was counted."""


@dataclass(frozen=True, slots=True)
class Span:
    """A figure that is not published, and the interval that it is taken to lie in."""

    tokens: int
    low: int
    high: int


_OWN_NAME = re.compile(r"(?<=ft:)([^:]*):.*", re.DOTALL)
"""A fine-tuned model, whose organisation and suffix follow the name of its base: `ft:gpt-4o-mini:acme:suffix:id`."""
NOTHING = Span(0, 0, 0)


class Tally:
    """The running count of one request or response."""

    def __init__(self, tokenizer: Tokenizer, maker: Maker, model: str) -> None:
        self.maker: Maker = maker
        self.model = _OWN_NAME.sub(r"\1", model.strip().lower())
        self.depth = 0
        self.output = False
        self.resolution = ""
        self._tokenizer = tokenizer
        self._count = TokenCount.exact(0, tokenizer.name)
        self._overhead = 0
        self._images = 0
        self._uncounted: dict[str, None] = {}

    def measure(self, text: str) -> TokenCount:
        """Count a text without adding it."""
        return self._tokenizer.count(text)

    def text(self, text: str) -> None:
        """Add the tokens of a text."""
        if text:
            self._count += self._tokenizer.count(text)

    def tokens(self, number: int) -> None:
        """Add a text that is given as tokens."""
        self._count += TokenCount.exact(number, self._tokenizer.name)

    def role(self, text: str) -> None:
        """Add the tokens of a role, which is formatting."""
        count = self._tokenizer.count(text)
        self._count += count
        self._overhead += count.tokens

    def published(self, tokens: int) -> None:
        """Add tokens of formatting whose number is published."""
        self._count += TokenCount.exact(tokens, self._tokenizer.name)
        self._overhead += tokens

    def estimate(self, span: Span) -> None:
        """Add tokens of formatting whose number is not published."""
        self._count += TokenCount(span.tokens, span.low, span.high, "estimated", self._tokenizer.name)
        self._overhead += span.tokens

    def schema(self, value: object, low: float, high: float) -> None:
        """Add a schema as compact JSON, of which a server writes out a share between `low` and `high`."""
        written = as_json(value)
        if written is None:
            self.data(value)
            return
        count = self._tokenizer.count(written)
        self.estimate(Span(count.tokens, int(count.low * low), math.ceil(count.high * high)))

    def image(self, span: Span, exact: bool) -> None:
        """Add an image."""
        method: Method = "exact" if exact else "estimated"
        self._count += TokenCount(span.tokens, span.low, span.high, method, self._tokenizer.name)
        self._images += 1

    def guess(self) -> None:
        """Mark the count as an estimate."""
        self.estimate(NOTHING)

    def missing(self, what: str) -> None:
        """Say that something is not counted, which makes the rest an estimate."""
        self._uncounted[what] = None
        self.guess()

    def data(self, value: object) -> None:
        """Add a value as compact JSON, the nearest to how servers write it out."""
        if value is None:
            return
        self.guess()
        if isinstance(value, str):
            self.text(value)
            return
        written = as_json(value)
        if written is not None:
            self.text(written)
            return
        for text in strings(value):
            self.text(text)

    def result(self) -> ChatCount:
        """Return the count so far."""
        count = self._count
        low, high = min(count.low, count.tokens), max(count.high, count.tokens)
        count = TokenCount(count.tokens, max(low, 0), high, count.method, count.tokenizer)
        return ChatCount(count, self._overhead, self._images, tuple(self._uncounted))


def as_json(value: object) -> str | None:
    """Return a value as compact JSON; None for one that is nested too deep or is no JSON at all."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, TypeError, ValueError):
        return None


def strings(value: object) -> Iterator[str]:
    """Yield the keys and strings within a value of any depth, without recursion."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            stack.extend(reversed([part for pair in item.items() for part in pair]))
        elif isinstance(item, list):
            stack.extend(reversed(item))
