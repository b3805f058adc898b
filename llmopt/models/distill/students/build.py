"""Build the student that a user asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmopt.models.distill.students import asked as kinds
from llmopt.models.distill.students.existing import existing_student
from llmopt.models.distill.students.fresh import try_out
from llmopt.models.distill.students.layers import count_layers, layer_student, layers_told
from llmopt.models.distill.students.narrow import narrow_student
from llmopt.models.distill.students.static import FROZEN, static_student
from llmopt.models.distill.values import DistillTask, Student, Teacher
from llmopt.models.layout import Layout
from llmopt.models.positions import fill_token, known_tokens, longest_input
from llmopt.models.vocabulary import Vocabulary

_RATES: dict[DistillTask, float] = {"embed": 1e-3, "classify": 3e-4, "generate": 5e-4, "fill": 5e-4}
"""Highest learning rates of students that are made of the teacher."""
_RATE_EXISTING = 3e-4
"""To embed, of a student that is trained already."""
_RATE_STATIC = 1e-2


@dataclass(frozen=True, slots=True)
class _Made:
    """What a way to make a student hands over."""

    model: Any
    origin: str
    home: Path
    layout: Layout
    learning_rate: float
    own_tokens: bool = False
    frozen: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def build_student(teacher: Teacher, asked: str, *, seed: int) -> Student:
    """Return the student that a user asks for, on the teacher's device; it shares no weights with the teacher.

    Args:
        teacher: to learn from.
        asked: see `llmopt.models.distill.students.asked`.
        seed: of weights that come from nowhere.

    Raises:
        UsageError: what is asked for makes no sense, or not for this teacher.
        InputError: a file or folder that cannot be used, or does not fit the teacher.
        OutOfMemory: it does not fit on the device.
    """
    read = kinds.read_student(asked)
    made = teacher.device.compute(lambda: _made(teacher, read, asked, seed))
    known = known_tokens(made.model)
    longest = longest_input(made.model) or teacher.max_tokens
    max_tokens = min(longest, teacher.max_tokens, made.layout.max_tokens)
    vocabulary = Vocabulary(made.home / "tokenizer.json", known, max_tokens=max_tokens, lower=made.layout.lower)
    return Student(
        model=made.model,
        origin=made.origin,
        home=made.home,
        vocabulary=vocabulary,
        layout=made.layout,
        fill=fill_token(made.model.config, known, vocabulary.pad if made.own_tokens else teacher.fill),
        max_tokens=max_tokens,
        own_tokens=made.own_tokens,
        learning_rate=made.learning_rate,
        frozen=made.frozen,
        warnings=(*made.warnings, *_size_told(teacher.model, made.model)),
    )


def _made(teacher: Teacher, read: kinds.Asked, asked: str, seed: int) -> _Made:
    if isinstance(read, kinds.Layers):
        made = _of_layers(teacher, read, seed)
    elif isinstance(read, kinds.Static):
        model, origin = static_student(teacher)
        layout = replace(teacher.layout, pooling="mean")
        made = _Made(model, origin, teacher.home, layout, _RATE_STATIC, frozen=FROZEN)
    elif isinstance(read, kinds.Config):
        model, origin, warnings = narrow_student(teacher, read.path, seed=seed)
        made = _Made(model, origin, teacher.home, teacher.layout, _RATES[teacher.task], warnings=warnings)
    else:
        made = _existing(teacher, read, seed)
    made.model.to(teacher.device.place)
    made.model.eval()
    try_out(made.model, asked, known_tokens(made.model))
    return made


def _of_layers(teacher: Teacher, read: kinds.Layers, seed: int) -> _Made:
    places = kinds.chosen(read, count_layers(teacher.model))
    model, warnings = layer_student(teacher.model, places, name=teacher.name, seed=seed)
    # most weights of a small encoder, which an optimizer visits at every step; the teacher's words are good as they are
    frozen = _word_table(model) if teacher.task == "embed" else ()
    origin = layers_told(places, teacher.model)
    return _Made(model, origin, teacher.home, teacher.layout, _RATES[teacher.task], frozen=frozen, warnings=warnings)


def _existing(teacher: Teacher, read: kinds.Checkpoint, seed: int) -> _Made:
    found = existing_student(teacher, read.name, seed=seed)
    rate = _RATE_EXISTING if teacher.task == "embed" else _RATES[teacher.task]
    return _Made(found.model, found.origin, found.home, found.layout, rate, found.own_tokens, warnings=found.warnings)


def _word_table(model: Any) -> tuple[str, ...]:
    """Return the names of the parameters that hold a vector for each token."""
    table = {id(weights) for weights in model.get_input_embeddings().parameters()}
    return tuple(name for name, weights in model.named_parameters() if id(weights) in table)


def _size_told(teacher: Any, student: Any) -> tuple[str, ...]:
    """Return a warning where nothing gets smaller."""
    before, after = (sum(weights.numel() for weights in model.parameters()) for model in (teacher, student))
    if after < before:
        return ()
    return (f"the student is not smaller than the teacher: {after:,} parameters, and {before:,} of the teacher",)
