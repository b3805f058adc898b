"""The state of a training on disk, from which a run that was stopped goes on as if nothing had been.

A snapshot is one file of safetensors: the weights that are trained and the optimizer's moments as tensors, everything
else as JSON among its metadata. It is written beside the old one and takes its name in one step (rename(2)), so there
is always a whole one. The best weights so far are a file of their own, since they change less often; a file of them
goes only when no snapshot names it any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import msgspec
import torch

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.report import Check
from llmopt.models.distill.training.precision import Precision
from llmopt.models.distill.training.tensor_file import SAID, read_tensors, write_tensors
from llmopt.models.quantizing.destination import writing

try:
    from safetensors import SafetensorError, safe_open
except ImportError as error:
    raise MissingExtraError("safetensors", "models") from error

FILE = "snapshot.safetensors"
_BEST = "best-{}.safetensors"
_WEIGHT = "weight."
_VERSION = 1
_DECIDING = (
    "student",
    "loss",
    "temperature",
    "soft_weight",
    "epochs",
    "max_time_s",
    "batch_size",
    "lr",
    "patience",
    "seed",
)
"""Fields of the config that the weights depend on."""
_FLAGS = {"max_time_s": "max-time"}


class State(msgspec.Struct, frozen=True):
    """Where a training is, beside the weights."""

    used: int
    """Texts that are trained on."""
    precision: Precision
    teacher_s: float
    """Seconds that the teacher's answers took in the first part of the run."""
    step: int = 0
    epoch: int = 0
    """The one that is under way, from 0."""
    batch: int = 0
    """Batches of it that are done."""
    passes: float = 0.0
    """Over the data so far."""
    texts: int = 0
    tokens: int = 0
    training_s: float = 0.0
    progress: float = 0.0
    best_step: int = 0
    best_loss: float | None = None
    stale: int = 0
    checks: tuple[Check, ...] = ()
    resumed: int = 0
    ended: str = ""
    """Why it has ended; empty while it has not."""


class _Head(msgspec.Struct, frozen=True):
    """What a snapshot says of itself."""

    made: str
    settings: dict[str, str]
    state: State
    version: int = _VERSION


class Snapshots:
    """The snapshot of a folder, and the best weights beside it.

    Args:
        folder: exists.
        made: what is trained on what, in one line.
        config: of the run.
    """

    def __init__(self, folder: Path, made: str, config: DistillConfig) -> None:
        self._folder, self._made, self._settings = folder, made, _settings(config)

    def clear(self) -> None:
        """Remove what an earlier run left."""
        with writing(self._folder):
            for path in [self._folder / FILE, *self._folder.glob(_BEST.format("*")), *self._folder.glob("*.new")]:
                path.unlink(missing_ok=True)

    def save(self, state: State, weights: Mapping[str, torch.Tensor], moments: Mapping[str, torch.Tensor]) -> None:
        """Replace the snapshot.

        Raises:
            InputError: it cannot be written.
        """
        tensors = {_WEIGHT + name: value for name, value in weights.items()} | dict(moments)
        head = msgspec.json.encode(_Head(self._made, self._settings, state)).decode()
        write_tensors(self._folder / FILE, tensors, {SAID: head})
        kept = self._folder / _BEST.format(state.best_step)
        for path in self._folder.glob(_BEST.format("*")):
            if path != kept:
                path.unlink(missing_ok=True)

    def save_best(self, step: int, weights: Mapping[str, torch.Tensor]) -> None:
        """Keep the weights of a step as the best.

        Raises:
            InputError: they cannot be written.
        """
        write_tensors(self._folder / _BEST.format(step), dict(weights), {})

    def best(self, step: int) -> dict[str, torch.Tensor]:
        """Return the best weights.

        Raises:
            InputError: they cannot be read.
        """
        path = self._folder / _BEST.format(step)
        try:
            return read_tensors(path)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path}: cannot be read: {error}", "start anew, without --resume") from error

    def found(self, shapes: Mapping[str, torch.Size]) -> tuple[State, dict[str, torch.Tensor]] | None:
        """Return the state of the run that was stopped, and its tensors by name.

        Args:
            shapes: of the weights that are trained, by name.

        Returns:
            None where there is nothing to go on from: no snapshot, or a damaged one.

        Raises:
            UsageError: it is of a run with other settings.
        """
        if (head := _head(self._folder)) is None:
            return None
        _compare(head, self._made, self._settings)
        try:
            tensors = read_tensors(self._folder / FILE)
            best = read_tensors(self._folder / _BEST.format(head.state.best_step)) if head.state.checks else {}
        except (OSError, SafetensorError):
            return None
        whole = {name.removeprefix(_WEIGHT): value.shape for name, value in tensors.items() if name.startswith(_WEIGHT)}
        fits = whole == dict(shapes) and (not best or {name: one.shape for name, one in best.items()} == whole)
        return (head.state, tensors) if fits else None


def weights_in(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights among the tensors of a snapshot, by name."""
    return {name.removeprefix(_WEIGHT): value for name, value in tensors.items() if name.startswith(_WEIGHT)}


def used_before(folder: Path) -> int | None:
    """Return how many texts the run that was stopped trains on; None where there is no snapshot of one."""
    head = _head(folder)
    return None if head is None else head.state.used


def refuse_other(folder: Path, config: DistillConfig, made: str | None = None) -> None:
    """Refuse to go on with other settings than those of the run that was stopped.

    For callers that take the folder away after an error: to be called before they do anything else.

    Args:
        folder: of the snapshot; need not exist.
        config: of this run.
        made: what is trained on what, in one line; None: not looked at.

    Raises:
        UsageError: something differs; says what.
    """
    if (head := _head(folder)) is not None:
        _compare(head, head.made if made is None else made, _settings(config))


def _settings(config: DistillConfig) -> dict[str, str]:
    return {field.name: str(getattr(config, field.name)) for field in fields(config) if field.name in _DECIDING}


def _compare(head: _Head, made: str, settings: dict[str, str]) -> None:
    hint = "give the same settings with --resume, or leave it out to start anew"
    for name, now in settings.items():
        if (before := head.settings.get(name)) != now:
            flag = "--" + _FLAGS.get(name, name).replace("_", "-")
            raise UsageError(f"{flag} is {_said(now)}, and was {_said(before)} in the run that was stopped", hint)
    if head.made != made:
        raise UsageError(f"the run that was stopped is another one{_differing(head.made, made)}", hint)


def _differing(before: str, now: str) -> str:
    """Return which parts differ, in words, where both are objects of JSON."""
    try:
        first, second = (msgspec.json.decode(made, type=dict[str, object]) for made in (before, now))
    except msgspec.MsgspecError:
        return ""
    names = [name for name in sorted({*first, *second}) if first.get(name) != second.get(name)]
    return f": {', '.join(names)} differ" if names else ""


def _said(value: str | None) -> str:
    return "left out" if value in (None, "None") else str(value)


def _head(folder: Path) -> _Head | None:
    """Return what the snapshot of a folder says of itself; None where there is none that can be read."""
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            head = msgspec.json.decode((file.metadata() or {}).get(SAID, ""), type=_Head)
    except (OSError, SafetensorError, msgspec.MsgspecError):
        return None
    return head if head.version == _VERSION else None
