"""The quality of a student beside its teacher, on texts that were held out; docs/quality.md says what figures mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmopt.models.distill.objectives.items import items_of
from llmopt.models.distill.proof.kept import kept_of, texts_needed
from llmopt.models.distill.proof.opened import Filler, answering, as_loaded
from llmopt.models.distill.report import Kept
from llmopt.models.distill.values import Student, Teacher
from llmopt.models.quality import classifiers, fillers
from llmopt.models.quality.classes import Agreement
from llmopt.models.quality.data import Sample
from llmopt.models.quality.measure import BATCH_SIZE, MOST_TEXTS, Reference, quality, reference
from llmopt.models.quality.reference import distinct, drawn
from llmopt.models.quality.result import Quality


class Proof:
    """Puts students beside one teacher, which answers once (a language model: each time).

    Args:
        teacher: to compare with.
        samples: that were held out.
        seed: of the places that are covered, to fill.
    """

    def __init__(self, teacher: Teacher, samples: Sequence[Sample], *, seed: int = 0) -> None:
        self._teacher = teacher
        self._samples = tuple(samples)
        self._seed = seed
        self._reference: Reference | None = None

    def of(self, student: Student, *, gate: float | None = None) -> tuple[Quality, Kept]:
        """Return how close a student is, and the share of the quality that it has.

        Args:
            student: as it is now; it may be in training.
            gate: share that is wanted: a warning says where the texts are too few to tell.

        Raises:
            InputError: too few different texts, a label that the teacher does not know, or answers that are not finite.
            OutOfMemory: a batch does not fit.
        """
        with answering(student.model):
            found, kept = self._compared(student)
        return replace(found, warnings=(*found.warnings, *_too_few(kept, found, gate))), kept

    def _compared(self, student: Student) -> tuple[Quality, Kept]:
        if self._teacher.task == "fill":
            found = self._filled(student)
            return found, kept_of(found)
        if self._reference is None:
            self._reference = reference(as_loaded(self._teacher, self._teacher), self._samples)
        model = as_loaded(student, self._teacher)
        if self._teacher.task != "classify":
            found = quality(self._reference, model)
            return found, kept_of(found)
        agreed: Agreement = classifiers.agreed(self._reference, model)
        found = classifiers.told(self._reference, agreed, None)
        return found, kept_of(found, agreed)

    def _filled(self, student: Student) -> Quality:
        teacher = self._teacher
        samples = drawn(distinct(self._samples, labelled=False), MOST_TEXTS)
        items = items_of(teacher, student, samples, [None] * len(samples), seed=self._seed)
        texts = []
        for item, sample in zip(items, samples, strict=True):
            places = [at for at, token in enumerate(item.wanted) if token >= 0]
            texts.append(fillers.Covered(list(item.teacher_ids), places, [item.wanted[at] for at in places], sample))
        return fillers.compared(Filler(teacher, teacher), Filler(student, teacher), texts, BATCH_SIZE)


def _too_few(kept: Kept, found: Quality, gate: float | None) -> list[str]:
    """Return what to say where the interval holds the gate, and how many texts would tell."""
    if gate is None or not kept.low <= gate <= kept.high:
        return []
    needed = texts_needed(kept, found.inputs, gate)
    more = f"about {_rounded(needed):,} like these would tell" if needed is not None else "no number of them would tell"
    return [
        f"too few texts for --min-quality: {found.inputs:,} show {kept.low:.1%} to {kept.high:.1%} of the teacher's "
        f"quality, with {100 * gate:.4g}% in between; {more}"
    ]


def _rounded(count: int) -> int:
    """Return a count rounded up to two digits."""
    unit = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // unit) * unit
