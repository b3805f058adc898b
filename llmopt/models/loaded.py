"""A loaded checkpoint as a `LocalModel`: what it says of itself, how it predicts, and how it is timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llmopt.core.target import DeviceClock, Predictor, TargetFacts
from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.device import Device
from llmopt.models.encoder import class_scores, padded, sentence_vectors
from llmopt.models.generator import Generator
from llmopt.models.layout import Pooling
from llmopt.models.loading import unwarned
from llmopt.models.located import Task
from llmopt.models.positions import Limits
from llmopt.models.vocabulary import Vocabulary

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error


@dataclass(frozen=True, slots=True)
class Parts:
    """What a loaded checkpoint is made of."""

    model: Any
    """Of transformers, on its device; or what stands for it (`llmopt.models.cpu.graph`)."""
    device: Device
    task: Task
    pooling: Pooling
    """Only to embed."""
    fill: int
    """Token id that pads."""
    new_tokens: int
    """Only to generate."""
    limits: Limits
    """Of the model of transformers."""


class LoadedModel:
    """A loaded checkpoint; a `llmopt.core.target.LocalModel`. `llmopt.models.checkpoint.open_model` makes it.

    One thread at a time may predict, whichever it is. A request is a list of token ids. What it gets: to embed, a
    normalised vector (a row of a numpy array of float32); to classify, a row of scores in the order of `labels`; to
    generate, the list of its new token ids. Rows have `tolist()` and `tobytes()`: who needs Python floats pays for
    them where no device waits.

    Args:
        parts: what it is made of.
        vocabulary: of the checkpoint.
        facts: what it says of itself.
        max_text_tokens: `encode` cuts texts to so many tokens; None: it does not.

    Attributes:
        labels: names of the classes; empty unless it classifies.
        known_tokens: token ids from 0 up to this one, itself left out, are valid.
        max_text_tokens: a sentence model may be made for shorter texts than it can read (`facts.max_tokens`).
    """

    def __init__(self, parts: Parts, vocabulary: Vocabulary, facts: TargetFacts, max_text_tokens: int | None) -> None:
        names = (parts.model.config.id2label or {}) if parts.task == "classify" else {}
        self.labels: tuple[str, ...] = tuple(str(names[at]) for at in sorted(names))
        self.known_tokens = parts.limits.known_tokens
        self.max_text_tokens = max_text_tokens
        self._parts = parts
        self._vocabulary = vocabulary
        self._facts = facts
        self._forward = _forward(parts)
        self._predictor = Predictor(predict=self.predict, item=vocabulary.item, length=len)

    @property
    def facts(self) -> TargetFacts:
        """What it says of itself, with the state of its device as it is now."""
        return replace(self._facts, device_state=self._parts.device.state)

    @property
    def parts(self) -> Parts:
        """What it is made of; not to be changed."""
        return self._parts

    def computed_by(self, model: Any, facts: TargetFacts) -> LoadedModel:
        """Return the same, computed by another model that takes and gives the same.

        Args:
            model: of transformers, or what stands for it.
            facts: what it says of itself.
        """
        return LoadedModel(replace(self._parts, model=model), self._vocabulary, facts, self.max_text_tokens)

    @property
    def predictor(self) -> Predictor:
        """How to call it."""
        return self._predictor

    @property
    def clock(self) -> DeviceClock:
        """How to time it."""
        return self._parts.device

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the requests that texts make, cut to `max_text_tokens`."""
        return self._vocabulary.encode(texts)

    def count(self, text: str) -> int:
        """Return how many tokens a text has before it is cut."""
        return self._vocabulary.count(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of generated token ids."""
        return self._vocabulary.decode(ids)

    def predict(self, requests: list[list[int]]) -> list[Any]:
        """Return one result a request, on the host.

        Raises:
            OutOfMemory: the batch does not fit.
            InputError: a request is empty, or longer than the model reads; on a GPU that would end the process.
        """
        if not requests:
            return []
        self._check(requests)
        return self._parts.device.compute(lambda: self._computed(requests))

    def token_logits(self, requests: list[list[int]]) -> list[torch.Tensor]:
        """Return the logits of each next token of a language model, `(tokens, vocabulary)` in float32 for each request.

        Raises:
            UsageError: it does not generate.
            OutOfMemory: the batch does not fit.
            InputError: a request is empty, or longer than the model reads.
        """
        if self._parts.task != "generate":
            raise UsageError(f"{self._facts.name}: made to {self._parts.task}, it has no next tokens", "")
        if not requests:
            return []
        self._check(requests)
        return self._parts.device.compute(lambda: self._logits(requests))

    def _check(self, requests: list[list[int]]) -> None:
        shortest, longest, limit = min(map(len, requests)), max(map(len, requests)), self._facts.max_tokens
        if not shortest:
            raise InputError(f"{self._facts.name}: a request without tokens", "give each at least one")
        if limit is not None and longest > limit:
            raise InputError(f"{self._facts.name}: {longest:,} tokens in a request; it reads {limit:,}", "cut it")

    def _logits(self, requests: list[list[int]]) -> list[torch.Tensor]:
        """Padded behind: the tokens before do not look there, and no position is moved."""
        parts = self._parts
        with torch.inference_mode(), unwarned():
            ids, mask = padded(requests, parts.device.place, fill=parts.fill)
            logits = parts.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
            return [row[: len(request)].float() for row, request in zip(logits, requests, strict=True)]

    def _computed(self, requests: list[list[int]]) -> list[Any]:
        parts = self._parts
        with torch.inference_mode(), unwarned():  # transformers drops a mask of ones, then warns that there is none
            ids, mask = padded(requests, parts.device.place, fill=parts.fill, left=parts.task == "generate")
            return self._forward(ids, mask)


def _forward(parts: Parts) -> Callable[[torch.Tensor, torch.Tensor], list[Any]]:
    model, pooling = parts.model, parts.pooling
    if parts.task == "generate":
        mark = parts.device.mark
        return Generator(model, new_tokens=parts.new_tokens, fill=parts.fill, mark=mark).generate
    if parts.task == "classify":
        return lambda ids, mask: list(class_scores(model, ids, mask).cpu().numpy())
    return lambda ids, mask: list(sentence_vectors(model, ids, mask, pooling).cpu().numpy())
