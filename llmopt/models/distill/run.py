"""The steps of a distillation: read, open, ask the teacher, train, compare.

Each step hands values to the next; nothing here computes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from llmopt.models.auto.impact import impact
from llmopt.models.distill.config import DistillConfig, Loss
from llmopt.models.distill.corpus.read import read_corpus
from llmopt.models.distill.corpus.values import Corpus
from llmopt.models.distill.identity import made_of
from llmopt.models.distill.objectives.classes import SEVERAL
from llmopt.models.distill.objectives.items import cut_texts, items_of
from llmopt.models.distill.proof.compare import Proof
from llmopt.models.distill.proof.sizes import size_of
from llmopt.models.distill.proof.speed import latency
from llmopt.models.distill.proof.verdict import failures, remarks
from llmopt.models.distill.report import DataUse, DistillReport, Kept, Training
from llmopt.models.distill.students.build import build_student
from llmopt.models.distill.targets.answered import answered
from llmopt.models.distill.training.devices import devices_of
from llmopt.models.distill.training.train import train
from llmopt.models.distill.training.values import TrainingData
from llmopt.models.distill.values import Objective, Student, Teacher
from llmopt.models.quality.data import Sample
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.destination import writing

Data = str | os.PathLike[str] | Sequence[str | Sample]
"""A file of texts, or the texts themselves."""
Progress = Callable[[int, int, str], None]
"""Called with how much is done, how much there is (0: not known), and what is being done."""
TEACHER_SHARE = 0.2
"""Of the time that the teacher may take: a text is asked for once and learned from several times."""
SNAPSHOTS = "training"
"""Folder of the checkpoints in that of the run."""
_TRAIN, _VALIDATION = "answers", "validation"
_LOSSES: dict[str, Loss] = {"classify": "kd", "embed": "embed", "generate": "lm", "fill": "lm"}
"""What a teacher is for -> the loss that is taken by itself."""


class Chooser(Protocol):
    """Makes an objective; `llmopt.models.distill.objectives.choose.objective_of` is one."""

    def __call__(self, teacher: Teacher, student: Student, config: DistillConfig, /, *, tokens: int) -> Objective:
        """Return what a student is to learn.

        Args:
            teacher: that it learns from.
            student: that learns.
            config: of the run.
            tokens: of all texts, for what is kept of each token.
        """
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """What all steps of a run share."""

    config: DistillConfig
    folder: Path
    progress: Progress
    began_s: float

    @property
    def spent_s(self) -> float:
        """Since the run began."""
        return time.perf_counter() - self.began_s

    def answering_is_over(self) -> bool:
        """Whether the teacher's share of the time is used up."""
        limit = self.config.max_time_s
        return limit is not None and self.spent_s >= TEACHER_SHARE * limit

    def place(self, name: str) -> Path:
        """Return a folder of the run, made where it is not there."""
        path = self.folder / name
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
        return path


def distilled(
    run: Run,
    teacher: Teacher,
    data: Data,
    held_out: Data | None,
    choose: Chooser,
) -> tuple[DistillReport, Student]:
    """Train a student of a teacher; return the report, with no destination in it, and the student.

    Args:
        run: what all steps share.
        teacher: that was opened.
        data: to train on.
        held_out: for the proof; None: a part of the data.
        choose: makes the objective.

    Raises:
        UsageError: options that do not go with the models.
        InputError: data or models that cannot be used, or no space.
        OutOfMemory: a batch does not fit.
    """
    config = run.config
    run.progress(0, 0, "reading texts")
    corpus = read_corpus(data, held_out, labels=teacher.labels, supervised=_has_one_label(teacher))
    student = build_student(teacher, config.student, seed=config.seed)
    proof = Proof(teacher, corpus.held_out, seed=config.seed)
    run.progress(0, 0, "comparing before the training")
    untrained, _ = proof.of(student)
    training, use, said = _trained(run, teacher, student, corpus, choose)
    warnings = (*_passed_over(config, teacher), *corpus.warnings, *student.warnings, *said, *_gained(training))
    with devices_of(teacher.device.place).in_turn():
        run.progress(0, 0, "comparing teacher and student")
        quality, kept = proof.of(student, gate=config.min_quality)
        found = (quality, kept, untrained)
        told = (warning.replace("the reference", "the teacher") for warning in quality.warnings)
        report = _report(config, teacher, student, corpus, training, found, (*warnings, *told))
    return replace(report, data=use), student


def _passed_over(config: DistillConfig, teacher: Teacher) -> tuple[str, ...]:
    """Return what to say of settings that the teacher's kind has no use for."""
    softened = config.temperature is not None or config.soft_weight != DistillConfig().soft_weight
    if teacher.task != "embed" or not softened:
        return ()
    return ("--temperature and --soft-weight change nothing here: vectors are no distributions",)


def _gained(training: Training) -> tuple[str, ...]:
    """Return what to say where no step made the student better."""
    if training.best_step or not training.steps:
        return ()
    return ("the training gained nothing: the student is as it began; try a lower --lr, or more data",)


def _has_one_label(teacher: Teacher) -> bool:
    """Return whether labels of texts can be learned from: each text has one class."""
    return teacher.task == "classify" and getattr(teacher.model.config, "problem_type", None) != SEVERAL


def _trained(
    run: Run, teacher: Teacher, student: Student, corpus: Corpus, choose: Chooser
) -> tuple[Training, DataUse, tuple[str, ...]]:
    """Have the teacher answer, and train; return how, where the texts went, and warnings."""
    config = run.config
    items = items_of(teacher, student, corpus.train, corpus.classes_train, seed=config.seed)
    others = items_of(teacher, student, corpus.validation, corpus.classes_validation, seed=config.seed)
    made = made_of(config, teacher, (*items, *others))
    tokens = sum(len(item.teacher_ids) for item in (*items, *others))
    objective = choose(teacher, student, config, tokens=tokens)
    devices = devices_of(teacher.device.place)
    with devices.in_turn():  # the first asks, the others find its answers
        validation, targets = (
            answered(teacher, objective, texts, run.place(name), made=made.answers, over=over, progress=run.progress)
            for texts, name, over in ((others, _VALIDATION, _never), (items, _TRAIN, run.answering_is_over))
        )
    said = [*cut_texts(items, student), *objective.prepare(targets)]
    if targets.texts < len(items):
        said.append(
            f"the teacher had time to answer {targets.texts:,} of {len(items):,} texts: the student learned from these"
        )
    (teacher_s,) = devices.total([0.0 if devices.rank else run.spent_s])
    training = train(
        student,
        objective,
        TrainingData(items[: targets.texts], targets),
        TrainingData(others, validation),
        config,
        run.place(SNAPSHOTS),
        made=made.training,
        spent_s=teacher_s,
        progress=run.progress,
    )
    labelled = sum(item.label is not None for item in items[: targets.texts])
    use = replace(corpus.use, train=targets.texts, labelled=labelled)
    return replace(training, teacher_s=teacher_s), use, tuple(said)


def _report(
    config: DistillConfig,
    teacher: Teacher,
    student: Student,
    corpus: Corpus,
    training: Training,
    found: tuple[Quality, Kept, Quality],
    warnings: Sequence[str],
) -> DistillReport:
    quality, kept, untrained = found
    speed = latency(teacher, student, [sample.text for sample in corpus.held_out])
    price = config.price_per_month
    return DistillReport(
        loss=config.loss or _LOSSES[teacher.task],
        task=teacher.task,
        student=student.origin,
        teacher_size=size_of(teacher.name, teacher.model),
        student_size=size_of("", student.model),
        data=corpus.use,
        training=training,
        quality=quality,
        kept=kept,
        untrained=untrained,
        speed=speed,
        cost=None if price is None else impact(price, speed.ratio),
        failures=failures(config, kept, speed),
        warnings=tuple(dict.fromkeys((*warnings, *remarks(config, kept, speed)))),
    )


def _never() -> bool:
    return False
