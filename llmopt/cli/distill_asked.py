"""Read what a user typed after the flags of `llmopt distill`, and find what cannot be, before torch is loaded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

from llmopt.cli import values
from llmopt.cli.model_gates import check_file, times_faster
from llmopt.errors import InputError, UsageError
from llmopt.models.distill.config import LOSSES, STUDENT, DistillConfig, Loss
from llmopt.models.distill.students.asked import Checkpoint, Config, read_student
from llmopt.models.quantizing.destination import checked_place
from llmopt.models.stored.hub import found

_OF_SWEEPS = ("batch_size", "device")
"""Options that take a list in other commands."""
_SOFTENED = ("temperature", "soft_weight")
"""Options of losses between distributions."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What the user typed, an option a field; None, False and the defaults where nothing was."""

    teacher: str = ""
    dst: str = ""
    data: str | None = None
    eval: str | None = None
    student: str = STUDENT
    loss: str | None = None
    temperature: str | None = None
    soft_weight: str = "0.9"
    epochs: str | None = None
    max_time: str | None = None
    batch_size: str = "64"
    lr: str | None = None
    seed: str = "0"
    device: str = "auto"
    resume: bool = False
    min_quality: str | None = None
    min_speedup: str | None = None
    price_per_month: str | None = None


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Typed)}


def settled(typed: Typed, from_settings: Collection[str]) -> Typed:
    """Return what was typed without those settings that are meant for other commands; settings are for many runs.

    Args:
        typed: all options.
        from_settings: names of those that a file of settings or a variable gave.
    """
    dropped = {name for name in _OF_SWEEPS if "," in getattr(typed, name)}
    dropped |= set(_SOFTENED) if typed.loss == "embed" else set()
    return replace(typed, **{name: _DEFAULTS[name] for name in dropped & set(from_settings)})


def config_of(typed: Typed) -> DistillConfig:
    """Read the options.

    Raises:
        UsageError: one makes no sense, or some do not together.
    """
    values.choice(typed.loss, "--loss", LOSSES)
    for name in _SOFTENED if typed.loss == "embed" else ():
        if getattr(typed, name) != _DEFAULTS[name]:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} is for --loss kd and lm: vectors are no distributions", "leave it out")
    return DistillConfig(
        student=typed.student,
        loss=cast(Loss | None, typed.loss),
        temperature=values.number(typed.temperature, "--temperature", "3"),
        soft_weight=float(values.share(typed.soft_weight, "--soft-weight")),
        epochs=values.whole(typed.epochs, "--epochs", least=1),
        max_time_s=values.time_limit_s(typed.max_time, "--max-time"),
        batch_size=values.whole(typed.batch_size, "--batch-size", least=1) or 1,
        lr=values.number(typed.lr, "--lr", "3e-4"),
        seed=values.whole(typed.seed, "--seed") or 0,
        resume=typed.resume,
        device=typed.device,
        eval=typed.eval,
        min_quality=_share_kept(typed.min_quality),
        min_speedup=times_faster(typed.min_speedup),
        price_per_month=values.money(typed.price_per_month, "--price-per-month"),
    )


def check(typed: Typed) -> str:
    """Find what is wrong with the student and the places, and return that of the data: no weights are read yet.

    Raises:
        UsageError: no such kind of student, or no data.
        InputError: no teacher, no student, no such file, or a destination that exists or is part of the teacher.
    """
    if not typed.teacher:
        raise InputError("an empty name: no such file or folder", "name the folder of a checkpoint")
    if not typed.dst:
        raise InputError("an empty name: no name for a folder", "name a folder that is to be made")
    if typed.data is None:
        raise UsageError("there is nothing to learn from", "name texts like those that the model will see: --data FILE")
    if typed.data == typed.eval == "-":
        raise UsageError("--data and --eval are both stdin", "name a file for one of them")
    _check_student(typed.student)
    check_file(typed.data, "--data")
    check_file(typed.eval, "--eval")
    checked_place(Path(typed.dst), found(typed.teacher))
    return typed.data


def _check_student(asked: str) -> None:
    student = read_student(asked)
    if isinstance(student, Config) and not student.path.is_file():
        raise InputError(f"--student {student.path}: no such file", "name the config.json of a narrower model")
    if isinstance(student, Checkpoint):
        found(student.name)


def _share_kept(text: str | None) -> float | None:
    share = values.percentage(text, "--min-quality")
    if share is not None and share > 1:
        raise UsageError(f"--min-quality {text!r}: more than all of it", "such as --min-quality 95%")
    return None if share is None else float(share)
