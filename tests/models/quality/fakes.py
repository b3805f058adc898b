"""Models whose answers are written down, for tests of what is made of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmopt.core.target import TargetFacts


class Fake:
    """A model that knows its texts: each character is a token, and answers are looked up by the text."""

    def __init__(
        self,
        answers: Mapping[str, Any],
        task: str = "embed",
        *,
        labels: Sequence[str] = (),
        longest: int | None = None,
        name: str = "fake",
    ) -> None:
        self.facts = TargetFacts(name=name, task=task, device="cpu", device_name="test", max_tokens=longest)
        self.labels = tuple(labels)
        self.known_tokens = 256
        self.batches: list[list[int]] = []
        self._answers = answers

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[ord(character) for character in text][: self.facts.max_tokens] for text in texts]

    def count(self, text: str) -> int:
        return len(text)

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))

    def predict(self, requests: list[list[int]]) -> list[Any]:
        self.batches.append([len(request) for request in requests])
        return [self._answers[self.decode(request)] for request in requests]

    def token_logits(self, requests: list[list[int]]) -> list[Any]:
        self.batches.append([len(request) for request in requests])
        return [self._answers[self.decode(request)] for request in requests]
