"""`Distiller`: from a teacher, a student and texts to a trained student and the report on it.

    report = Distiller("models/teacher", "layers=3", "embed").fit("texts.txt")

The teacher answers each text once, and its answers are kept on disk while the student trains; so the teacher is not
asked again in later epochs. Texts of the proof are in no other part of the data, nor nearly.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from llmopt.errors import UsageError
from llmopt.models.distill.config import STUDENT, DistillConfig, Loss
from llmopt.models.distill.objectives.choose import objective_of
from llmopt.models.distill.opening import open_teacher
from llmopt.models.distill.report import DistillReport
from llmopt.models.distill.run import Chooser, Data, Progress, Run, distilled
from llmopt.models.distill.training.devices import own_device
from llmopt.models.distill.values import Student, Teacher
from llmopt.models.distill.written import write_student
from llmopt.models.quantizing.destination import writing


class Distiller:
    """Trains a student to answer as a teacher.

    Args:
        teacher: folder of a checkpoint, or its name in the hub's local cache.
        student: `layers=3`, `layers=0,2,5`, `static`, a `config.json`, or the folder of a checkpoint.
        loss: `kd`, `embed` or `lm`; None: by what the teacher is for.
        config: everything else; its own `student` and `loss` are not looked at.
        objective: makes what the student is to learn, of both models; by itself the one of the loss.

    Attributes:
        config: with student and loss.
    """

    def __init__(
        self,
        teacher: str | os.PathLike[str],
        student: str = STUDENT,
        loss: Loss | None = None,
        *,
        config: DistillConfig | None = None,
        objective: Chooser = objective_of,
    ) -> None:
        self.config = replace(config or DistillConfig(), student=student, loss=loss)
        self._path = os.fspath(teacher)
        self._objective = objective
        self._pair: tuple[Teacher, Student] | None = None

    def fit(
        self,
        data: Data,
        held_out: Data | None = None,
        *,
        folder: str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
    ) -> DistillReport:
        """Train a student, and compare it with the teacher on texts that it has not seen.

        Args:
            data: to train on; labelled or not.
            held_out: for the proof; None: a part of the data.
            folder: that exists, for the teacher's answers and checkpoints of the training, so that a run that was
                stopped can go on with `config.resume`; None: one that is removed in the end.
            progress: called now and then.

        Raises:
            UsageError: options that do not go with the models.
            InputError: data or models that cannot be used, or no space.
            OutOfMemory: a batch does not fit.
            KeyboardInterrupt: a checkpoint of the training is in `folder`.
        """
        with ExitStack() as stack:
            if folder is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="llmopt-distill-"))
            run = Run(self.config, Path(folder), progress or _silent, time.perf_counter())
            teacher = open_teacher(self._path, self.config.loss, own_device(self.config.device))
            report, student = distilled(run, teacher, data, held_out, self._objective)
        self._pair = teacher, student
        return report

    def save(self, dst: str | os.PathLike[str]) -> Path:
        """Write the student as an ordinary checkpoint into a folder that exists, and return it.

        Raises:
            UsageError: nothing was trained yet.
            InputError: it cannot be written.
        """
        if self._pair is None:
            raise UsageError("there is no student yet", "call fit() first")
        teacher, student = self._pair
        folder = Path(dst)
        with writing(folder):
            write_student(teacher, student, folder)
        return folder

    @property
    def models(self) -> tuple[Teacher, Student]:
        """Teacher and student as they are after `fit`.

        Raises:
            UsageError: nothing was trained yet.
        """
        if self._pair is None:
            raise UsageError("there is no student yet", "call fit() first")
        return self._pair


def _silent(done: int, total: int, text: str) -> None:
    """Tell nobody."""
