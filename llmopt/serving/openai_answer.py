"""The answer of an OpenAI-compatible server while it comes: when its first and last token came, and what it holds."""

from __future__ import annotations

from llmopt.serving.exchange import Exchange
from llmopt.serving.openai_chunks import Chunk


class Answer:
    """An answer on its way: chunks go in, an exchange comes out."""

    def __init__(self, due_s: float, sent_s: float) -> None:
        """Start with nothing of it."""
        self.due_s, self.sent_s = due_s, sent_s
        self.first_s: float | None = None
        self.last_s: float | None = None
        self.tokens: int | None = None
        self.prompt_tokens: int | None = None
        self.texts: list[str] = []
        self.finished = False
        self.error = ""

    def take(self, chunk: Chunk, now_s: float) -> None:
        """Take a chunk that has just come."""
        self.error = self.error or chunk.error
        if chunk.text or chunk.tool_text:
            self.first_s = now_s if self.first_s is None else self.first_s
            self.last_s = now_s
            self.texts += (chunk.text, chunk.tool_text)
        self.finished = self.finished or chunk.finished
        self.tokens = self.tokens if chunk.completion_tokens is None else chunk.completion_tokens
        self.prompt_tokens = self.prompt_tokens if chunk.prompt_tokens is None else chunk.prompt_tokens

    def exchange(self, now_s: float) -> Exchange:
        """Return what came of it, now that it has ended."""
        if not self.error and self.first_s is None and not self.finished:
            self.error = "empty answer"
        text = "" if self.tokens is not None else "".join(self.texts)
        return Exchange(
            self.due_s, self.sent_s, now_s, self.first_s, self.last_s, self.tokens, text, self.prompt_tokens, self.error
        )
