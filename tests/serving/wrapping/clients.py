"""Wrapped clients of the real SDKs before a mock upstream, and a list of what they noted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI

from llmopt.serving.gateway.values import Metered
from llmopt.serving.mock_upstream.server import MockUpstream
from llmopt.serving.wrapping.wrap import wrap

KEY = "sk-secret-of-a-test"
MODEL = "gpt-4o-mini"
CLAUDE = "claude-sonnet-5"
ASKED: Any = [{"role": "user", "content": "What is the capital of France?"}]
KEPT = {"x-llmopt-cache": "on"}
"""Header of a request that samples, whose answer is to be kept all the same."""


@dataclass
class Wrapped:
    """A mock upstream, and what wrapped clients noted."""

    mock: MockUpstream
    noted: list[Metered] = field(default_factory=list)
    made: ExitStack = field(default_factory=ExitStack)
    """Closes clients; of those that nobody closes, the garbage collector may find the sockets first, and complain."""

    def openai(self, key: str = KEY, retries: int = 0, timeout_s: float = 60.0, **parts: Any) -> OpenAI:
        return wrap(self.plain(key, retries, timeout_s), **{"log": self.noted.append, **parts})

    def plain(self, key: str = KEY, retries: int = 0, timeout_s: float = 60.0) -> OpenAI:
        client = OpenAI(base_url=self.mock.url, api_key=key, max_retries=retries, timeout=timeout_s)
        return self.made.enter_context(client)

    def async_openai(self, key: str = KEY, retries: int = 0, timeout_s: float = 60.0, **parts: Any) -> AsyncOpenAI:
        client = AsyncOpenAI(base_url=self.mock.url, api_key=key, max_retries=retries, timeout=timeout_s)
        return wrap(client, **{"log": self.noted.append, **parts})

    def anthropic(self, **parts: Any) -> Anthropic:
        client = self.made.enter_context(Anthropic(base_url=self.mock.root, api_key=KEY, max_retries=0))
        return wrap(client, **{"log": self.noted.append, **parts})

    def async_anthropic(self, **parts: Any) -> AsyncAnthropic:
        client = AsyncAnthropic(base_url=self.mock.root, api_key=KEY, max_retries=0)
        return wrap(client, **{"log": self.noted.append, **parts})

    @property
    def calls(self) -> int:
        return self.mock.stats.calls

    @property
    def last(self) -> Metered:
        return self.noted[-1]


@contextmanager
def wrapped() -> Iterator[Wrapped]:
    with MockUpstream() as mock:
        found = Wrapped(mock)
        with found.made:
            yield found


def text_of(stream: Any) -> str:
    """Return the text of a chat stream, read to its end."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
