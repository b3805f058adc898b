"""Teacher and student as models that can be asked and timed, as they are in memory: nothing is read from disk again."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from llmopt.core.target import Predictor, TargetFacts
from llmopt.errors import MissingExtraError, UsageError
from llmopt.models.distill.values import Student, Teacher
from llmopt.models.encoder import padded
from llmopt.models.loaded import LoadedModel, Parts
from llmopt.models.loading import unwarned
from llmopt.models.located import TASKS, Task
from llmopt.models.positions import limits_of
from llmopt.models.vocabulary import Vocabulary

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

STUDENT = "the student"
"""What messages call it; it has no folder yet."""


def as_loaded(model: Teacher | Student, teacher: Teacher, *, new_tokens: int = 0) -> LoadedModel:
    """Return a model as if it were opened by `open_model`; the model itself stays as it is.

    Args:
        model: to embed, to classify or to generate.
        teacher: that it is, or that it learned from.
        new_tokens: to generate for each request, for which room is kept; 0: nothing is generated.

    Raises:
        UsageError: it is to fill.
    """
    facts = _facts(model, teacher, new_tokens)
    parts = Parts(
        model=copy.copy(model.model),  # shares all weights; a generator sets settings, which must not be saved
        device=teacher.device,
        task=_task(teacher),
        pooling=model.layout.pooling,
        fill=model.fill,
        new_tokens=max(new_tokens, 1),
        limits=limits_of(model.model),
    )
    return LoadedModel(parts, model.vocabulary, facts, model.max_tokens)


class Filler:
    """A masked language model that can be asked and timed.

    Args:
        model: that fills.
        teacher: that it is, or that it learned from.
    """

    def __init__(self, model: Teacher | Student, teacher: Teacher) -> None:
        self.facts = _facts(model, teacher, 0)
        limits = limits_of(model.model)
        self.known_tokens = limits.known_tokens
        self._model: Any = model.model
        self._vocabulary: Vocabulary = model.vocabulary
        self._fill = model.fill
        self._device = teacher.device
        self.predictor = Predictor(predict=self.predict, item=self._vocabulary.item, length=len)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, cut to what the model reads."""
        return self._vocabulary.encode(texts)

    def predict(self, requests: list[list[int]]) -> list[list[int]]:
        """Return the likeliest token at each place of each request; with the head, as it is used.

        Raises:
            OutOfMemory: the batch does not fit.
        """

        def work() -> list[list[int]]:
            likeliest = self._logits(requests).argmax(-1).tolist()
            return [row[: len(request)] for row, request in zip(likeliest, requests, strict=True)]

        return self._device.compute(work)

    def place_logits(self, requests: list[list[int]], places: list[list[int]]) -> list[torch.Tensor]:
        """Return logits, `(places, vocabulary)` in float32, at some places of each request.

        Raises:
            OutOfMemory: the batch does not fit.
        """

        def work() -> list[torch.Tensor]:
            return [row[at].float() for row, at in zip(self._logits(requests), places, strict=True)]

        return self._device.compute(work)

    def _logits(self, requests: list[list[int]]) -> torch.Tensor:
        with torch.inference_mode(), unwarned():
            ids, mask = padded(requests, self._device.place, fill=self._fill)
            logits: torch.Tensor = self._model(input_ids=ids, attention_mask=mask).logits
            return logits


def timed(model: Teacher | Student, teacher: Teacher, *, new_tokens: int = 0) -> LoadedModel | Filler:
    """Return a model of any task, to be timed.

    Args:
        model: teacher or student.
        teacher: that it is, or that it learned from.
        new_tokens: see `as_loaded`.
    """
    return Filler(model, teacher) if teacher.task == "fill" else as_loaded(model, teacher, new_tokens=new_tokens)


@contextmanager
def answering(model: Any) -> Iterator[None]:
    """Have a model answer without dropout below; it goes on as it was."""
    training = bool(model.training)
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _task(teacher: Teacher) -> Task:
    found = next((task for task in TASKS if task == teacher.task), None)
    if found is None:
        raise UsageError(
            f"{teacher.name}: made to {teacher.task}; it cannot be opened as one of {', '.join(TASKS)}", ""
        )
    return found


def _facts(model: Teacher | Student, teacher: Teacher, new_tokens: int) -> TargetFacts:
    limits = limits_of(model.model)
    longest = None if limits.longest is None else max(1, limits.longest - new_tokens)
    facts = TargetFacts(
        name=model.name if isinstance(model, Teacher) else STUDENT,
        task=teacher.task,
        device=teacher.device.label,
        device_name=teacher.device.hardware,
        dtype=str(getattr(model.model, "dtype", "")).removeprefix("torch."),
        threads=torch.get_num_threads(),
        parameters=limits.parameters,
        max_tokens=longest,
    )
    return replace(facts, new_tokens=new_tokens) if new_tokens else facts
