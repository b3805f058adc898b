"""The texts that a student learns from, those that say when to stop, and those of the proof."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.models.distill.report import DataUse
from llmopt.models.quality.data import Sample


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts in three parts; no text is twice in them, and none of `train` nearly equals one of the other two."""

    train: tuple[Sample, ...]
    """In an order that is random, but always the same: the first hundred are a random sample."""
    validation: tuple[Sample, ...]
    held_out: tuple[Sample, ...]
    classes_train: tuple[int | None, ...]
    """The class of each, as the teacher numbers them; None without a label."""
    classes_validation: tuple[int | None, ...]
    classes_held_out: tuple[int | None, ...]
    use: DataUse
    warnings: tuple[str, ...]
