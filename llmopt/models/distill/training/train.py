"""Train a student on a teacher's answers, from the beginning or from where a run was stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from msgspec.structs import replace

from llmopt.errors import InputError, UsageError
from llmopt.models.distill.config import EPOCHS, DistillConfig
from llmopt.models.distill.report import Check, Training
from llmopt.models.distill.training.attention import attending
from llmopt.models.distill.training.batches import Texts
from llmopt.models.distill.training.devices import Devices, devices_of
from llmopt.models.distill.training.early import Best, is_due
from llmopt.models.distill.training.interrupts import Interrupts
from llmopt.models.distill.training.learner import Learner
from llmopt.models.distill.training.optimizer import frozen, moments, set_moments
from llmopt.models.distill.training.precision import Precision, computing, precision_of
from llmopt.models.distill.training.schedule import progress as progress_of
from llmopt.models.distill.training.schedule import rate
from llmopt.models.distill.training.snapshot import Snapshots, State, weights_in
from llmopt.models.distill.training.telling import Telling
from llmopt.models.distill.training.values import Progress, TrainingData
from llmopt.models.distill.values import Objective, Student
from llmopt.models.quantizing.destination import check_space

_EVERY_S = 60.0
"""Seconds between snapshots."""
_COST = 20.0
"""Writing a snapshot takes at most one part in so many of the time."""
_COPIES = 8
"""Times the weights that the files take at most: two snapshots with two moments each, and two of the best."""


def train(
    student: Student,
    objective: Objective,
    data: TrainingData,
    validation: TrainingData,
    config: DistillConfig,
    folder: Path,
    *,
    made: str,
    spent_s: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
    progress: Progress | None = None,
) -> Training:
    """Train a student, and leave it with the weights that were best on the validation texts.

    A snapshot is written every minute, at Ctrl-C and SIGTERM, and at the end; with `config.resume` training goes on
    from it and gives the weights of an unbroken run, bit for bit on the same machine with as many threads. (With a
    time limit no two runs are the same.)

    Args:
        student: trained in place; not training afterwards.
        objective: what it learns, prepared.
        data: to learn from.
        validation: to say when to stop; may be empty: then the last weights are kept.
        config: of the run.
        folder: for the snapshots; exists.
        made: what is trained on what, in one line; a snapshot of something else is refused.
        spent_s: of `config.max_time_s`, used already by the teacher.
        clock: seconds.
        progress: told after each step.

    Raises:
        UsageError: the snapshot is of a run with other settings, or no time is left for the training.
        InputError: no texts, a loss that is not a finite number, or a full disk.
        OutOfMemory: a batch does not fit.
        MissingExtraError: several processes were launched and `accelerate` is not installed.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the snapshot is written.
    """
    place = next(student.model.parameters()).device
    around = [place.index or 0] if place.type == "cuda" else []
    with frozen(student.model, student.frozen) as weights, torch.random.fork_rng(around), Interrupts() as interrupts:
        if not weights:
            raise UsageError(
                "the student has nothing to train: all of its weights are frozen",
                "thaw some of them, or choose another student",
            )
        if not len(data):
            raise InputError("there is no text with a teacher's answer to train on", "give more texts, or shorter ones")
        parts = _Parts(student, objective, data, validation, config, devices_of(place), weights)
        run = _Run(parts, Snapshots(folder, made, config), folder, interrupts, clock, spent_s)
        with run.fast(place):
            run.go(progress)
        run.keep_best()
    if interrupts.heard:
        raise KeyboardInterrupt
    student.model.zero_grad(set_to_none=True)
    student.model.eval()
    return _result(run.state, parts, spent_s)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a run works with."""

    student: Student
    objective: Objective
    data: TrainingData
    validation: TrainingData
    config: DistillConfig
    devices: Devices
    weights: Mapping[str, torch.nn.Parameter]

    @property
    def lr(self) -> float:
        """The highest learning rate."""
        return self.student.learning_rate if self.config.lr is None else self.config.lr

    @property
    def epochs(self) -> int | None:
        """Passes over the data; None: as many as there is time for."""
        if self.config.epochs is None and self.config.max_time_s is None:
            return EPOCHS
        return self.config.epochs


class _Run:
    """A run: its state, and what moves it on.

    Attributes:
        state: where it is.
    """

    def __init__(
        self,
        parts: _Parts,
        snapshots: Snapshots,
        folder: Path,
        interrupts: Interrupts,
        clock: Callable[[], float],
        spent_s: float,
    ) -> None:
        self._parts, self._snapshots, self._interrupts, self._clock = parts, snapshots, interrupts, clock
        self._main = parts.devices.rank == 0
        place = next(iter(parts.weights.values())).device
        self._learner = Learner(
            parts.student.model, parts.objective, parts.weights, parts.devices, lr=parts.lr, seed=parts.config.seed
        )
        self.state = self._begun(folder, State(len(parts.data), precision_of(place), spent_s))
        limit = parts.config.max_time_s
        self._limit_s = None if limit is None else limit - self.state.teacher_s
        if self._limit_s is not None and self._limit_s <= 0:
            raise UsageError(
                f"--max-time: the teacher took {self.state.teacher_s:.0f} s of {limit:.0f} s, nothing is left to train",
                "allow more time, or give less data",
            )
        self._texts = Texts(parts.data, parts.student.fill, place, self.state.used)
        self._held_back = Texts(parts.validation, parts.student.fill, place)
        self._looks = self._held_back.epoch(batch_size=parts.config.batch_size, seed=parts.config.seed, epoch=0)
        self.state = replace(self.state, precision=self._precision(place))
        self._started = self._saved = clock()
        self._before_s = self.state.training_s
        self._pause_s = _EVERY_S

    def _precision(self, place: torch.device) -> Precision:
        """Return what the run is computed in: what it was begun with, or what suits the device and the student."""
        wanted = self.state.precision
        if wanted == "float32" or self.state.resumed:
            return wanted
        with computing(self._parts.student.model, place, wanted):
            return wanted if self._learner.works(self._texts, self._batches()[0]) else "float32"

    def go(self, progress: Progress | None) -> None:
        """Train until the end, or until the run is interrupted."""
        if self.state.ended:
            return
        telling = Telling(progress, self._parts.epochs, self.state.progress)
        self._parts.devices.alike(self._parts.weights.values())
        if self._looks and not self.state.checks:
            self._look()
        batches = self._batches()
        while not self.state.ended:
            if self.state.batch == len(batches):
                self.state = replace(self.state, epoch=self.state.epoch + 1, batch=0)
                batches = self._batches()
            loss, heard = self._step(batches)
            telling.tell(self.state.progress, self.state.passes, loss, self._clock() - self._started)
            if heard or self.state.ended or self._clock() - self._saved >= self._pause_s:
                self._save()
            if heard:
                raise KeyboardInterrupt

    @contextmanager
    def fast(self, place: torch.device) -> Iterator[None]:
        """Have the student compute in the way that suits the device, and that it was begun with."""
        model, precision = self._parts.student.model, self.state.precision
        longest = max(*self._texts.lengths, *self._held_back.lengths, 0)
        with computing(model, place, precision), attending(model, place, precision, longest):
            yield

    def keep_best(self) -> None:
        """Give the student the best weights."""
        self._parts.devices.wait()
        if _keeps_best(self.state, self._parts.config) and self.state.best_step != self.state.step:
            self._set(self._snapshots.best(self.state.best_step))

    def _begun(self, folder: Path, fresh: State) -> State:
        """Return the state to begin with, after the weights and moments that belong to it were set."""
        parts = self._parts
        if parts.config.resume:
            found = self._snapshots.found({name: weight.shape for name, weight in parts.weights.items()})
            if found is not None and found[0].used <= fresh.used:
                state, tensors = found
                self._set(weights_in(tensors))
                set_moments(self._learner.optimizer, parts.weights, tensors)
                return replace(state, resumed=state.resumed + 1)
        if self._main:
            self._snapshots.clear()
            check_space(folder, _COPIES * sum(weight.nbytes for weight in parts.weights.values()))
        return fresh

    def _batches(self) -> list[tuple[int, ...]]:
        config = self._parts.config
        return self._texts.epoch(batch_size=config.batch_size, seed=config.seed, epoch=self.state.epoch)

    def _progress(self, batches_done: float, of: int, elapsed_s: float) -> float:
        return progress_of(self.state.epoch + batches_done / of, self._parts.epochs, elapsed_s, self._limit_s)

    def _step(self, batches: list[tuple[int, ...]]) -> tuple[float, bool]:
        """Take a step; return the loss and whether the run was interrupted."""
        state, rows = self.state, batches[self.state.batch]
        middle = self._progress(state.batch + 0.5, len(batches), state.training_s)
        loss, tokens = self._learner.step(self._texts, rows, state.step, rate(middle))
        elapsed_s, heard, tokens_s = self._parts.devices.total(
            [self._elapsed_s() if self._main else 0.0, float(self._interrupts.heard), float(tokens)]
        )
        self.state = replace(
            state,
            step=state.step + 1,
            batch=state.batch + 1,
            passes=state.epoch + (state.batch + 1) / len(batches),
            texts=state.texts + len(rows),
            tokens=state.tokens + round(tokens_s),
            training_s=elapsed_s,
            progress=self._progress(state.batch + 1, len(batches), elapsed_s),
            ended=self._end(state.batch + 1 == len(batches), elapsed_s),
        )
        if self._looks and (self.state.ended or is_due(state.progress, self.state.progress)):
            self._look()
        return loss, heard > 0

    def _end(self, epoch_over: bool, elapsed_s: float) -> str:
        """Return why the run ends here; empty where it goes on."""
        if epoch_over and self.state.epoch + 1 == self._parts.epochs:
            return "epochs"
        return "max time" if self._limit_s is not None and elapsed_s >= self._limit_s else ""

    def _look(self) -> None:
        """See how good the student is on the validation texts, and keep its weights where they are the best so far."""
        state, devices = self.state, self._parts.devices
        loss = self._learner.loss(self._held_back, self._looks)
        (elapsed_s,) = devices.total([self._elapsed_s() if self._main else 0.0])
        best = Best(state.best_step, state.best_loss, state.stale).after(state.step, loss)
        if best.step == state.step and self._main:
            self._snapshots.save_best(state.step, self._parts.weights)
        self.state = replace(
            state,
            training_s=elapsed_s,
            best_step=best.step,
            best_loss=best.loss,
            stale=best.stale,
            checks=(*state.checks, Check(state.step, state.passes, elapsed_s, loss)),
            ended=state.ended or ("no gain" if best.is_over(self._parts.config.patience) else ""),
        )

    def _save(self) -> None:
        """Write a snapshot, and take more time until the next where that takes long."""
        if self._main:
            begun = self._clock()
            self._snapshots.save(self.state, self._parts.weights, moments(self._learner.optimizer, self._parts.weights))
            self._saved = self._clock()
            self._pause_s = max(_EVERY_S, _COST * (self._saved - begun))

    def _set(self, kept: Mapping[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self._parts.weights.items():
                weight.copy_(kept[name])

    def _elapsed_s(self) -> float:
        return self._before_s + self._clock() - self._started


def _keeps_best(state: State, config: DistillConfig) -> bool:
    """Return whether the best weights are kept, not the last."""
    return bool(state.checks) and config.patience is not None


def _result(state: State, parts: _Parts, teacher_s: float) -> Training:
    return Training(
        steps=state.step,
        epochs=state.passes,
        texts=state.texts,
        tokens=state.tokens,
        teacher_s=teacher_s,
        training_s=state.training_s,
        precision=state.precision,
        devices=parts.devices.count,
        learning_rate=parts.lr,
        batch_size=parts.config.batch_size,
        ended=state.ended,
        best_step=state.best_step if _keeps_best(state, parts.config) else state.step,
        resumed=state.resumed,
        checks=state.checks,
    )
