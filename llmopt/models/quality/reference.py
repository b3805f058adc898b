"""The answers of the model that others are compared with, and which inputs they are to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from llmopt.errors import MissingExtraError
from llmopt.models.quality.answering import Answering
from llmopt.models.quality.data import Sample, text_hash

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error


@dataclass(frozen=True, slots=True)
class Reference:
    """The answers that a model is compared with; `llmopt.models.quality.measure.reference` makes it."""

    name: str
    """Of the model that gave them."""
    task: str
    samples: tuple[Sample, ...]
    """That are compared; no two are the same."""
    requests: tuple[list[int], ...]
    """Their token ids."""
    batch_size: int
    labels: tuple[str, ...] = ()
    """Names of the classes (classify)."""
    truth: tuple[int | None, ...] = ()
    """Class of each input, where it is known (classify)."""
    answers: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    """`(inputs, size)`: vectors or scores; empty to generate."""
    model: Answering | None = None
    """To generate: it is asked again. Otherwise None, and a reference can be pickled."""
    warnings: tuple[str, ...] = ()

    @property
    def holds_model(self) -> bool:
        """Whether the model must stay open."""
        return self.model is not None


def distinct(samples: Sequence[Sample], *, labelled: bool) -> list[Sample]:
    """Return inputs without those that equal one before them.

    Args:
        samples: to look at.
        labelled: whether the same text with another label is another input.
    """
    first: dict[tuple[str, str | None], Sample] = {}
    for sample in samples:
        first.setdefault((sample.text, sample.label if labelled else None), sample)
    return list(first.values())


def drawn(samples: Sequence[Sample], most: int) -> list[Sample]:
    """Return so many inputs at most, in their order: those whose texts have the lowest hashes."""
    if len(samples) <= most:
        return list(samples)
    hashes = [text_hash(sample.text) for sample in samples]
    return [samples[at] for at in sorted(sorted(range(len(samples)), key=hashes.__getitem__)[:most])]


def first_of_each(samples: Sequence[Sample], requests: Sequence[list[int]]) -> tuple[list[Sample], list[list[int]]]:
    """Return inputs without those that have the same tokens as one before them: to the model they are one text."""
    first: dict[tuple[int, ...], int] = {}
    for at, request in enumerate(requests):
        first.setdefault(tuple(request), at)
    return [samples[at] for at in first.values()], [requests[at] for at in first.values()]
