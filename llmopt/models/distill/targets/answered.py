"""The teacher's answers to all texts, computed once: the student's training then asks the disk and not the teacher.

Answers are computed chunk by chunk and journalled, so a run that was killed goes on where it stopped, with the very
answers that it would have had. Bytes that are damaged are computed again.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

from llmopt.errors import MissingExtraError
from llmopt.models.distill.targets.answers import Answers
from llmopt.models.distill.targets.asked import Asking
from llmopt.models.distill.targets.columns import checked, row_bytes
from llmopt.models.distill.targets.journal import Journal, Made
from llmopt.models.distill.targets.pieces import chunks
from llmopt.models.distill.targets.precision import chosen
from llmopt.models.distill.training.precision import Precision
from llmopt.models.distill.values import Column, Item, Objective, Teacher
from llmopt.models.quantizing.destination import check_space, writing

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

Progress = Callable[[int, int, str], None]
"""Called with how much is done, how much there is, and what is being done."""
_TOLD = "asking the teacher"


def answered(
    teacher: Teacher,
    objective: Objective,
    items: Sequence[Item],
    folder: Path,
    *,
    made: str,
    over: Callable[[], bool],
    progress: Progress | None = None,
) -> Answers:
    """Return the teacher's answers to texts; those that a folder has are not computed again.

    Args:
        teacher: to ask.
        objective: says what for.
        items: texts, as token ids.
        folder: that exists, for nothing but these answers.
        made: what is made of what (teacher, loss, settings) in one line; where the folder has answers that were made
            otherwise, or to other texts, it starts anew.
        over: whether there is no time for more, asked between chunks; the first chunk is computed in any case. A run
            that goes on does not ask for more than the first one did, or the student would learn from other texts.
        progress: called after each batch with texts.

    Raises:
        InputError: an answer is not finite, or there is no space.
        OutOfMemory: a single text does not fit.
        UsageError: the columns of the objective cannot be kept.
    """
    columns = checked(objective.columns)
    asking = Asking(teacher, objective, columns, items)
    pieces = list(chunks(asking.lengths))
    with writing(folder):
        journal = Journal(folder, _made(made, columns, items), columns, [piece.stop for piece in pieces])
        found = journal.texts
    _Filling(asking, columns, journal, folder, progress).fill(pieces, teacher, over)
    tokens = torch.tensor(asking.lengths[: journal.texts], dtype=torch.int64)
    with writing(folder):
        return Answers(folder, columns, tokens, precision=journal.precision, found=found)


class _Filling:
    """What it takes to fill a folder."""

    def __init__(
        self, asking: Asking, columns: Sequence[Column], journal: Journal, folder: Path, progress: Progress | None
    ) -> None:
        self._asking, self._columns, self._journal, self._folder = asking, columns, journal, folder
        self._progress = progress

    def fill(self, pieces: Sequence[range], teacher: Teacher, over: Callable[[], bool]) -> None:
        """Ask for what is not there yet."""
        journal = self._journal
        missing = [] if journal.ended else [piece for piece in pieces if piece.start >= journal.texts]
        self._tell(0)
        for piece in missing:
            if piece.start and over():
                with writing(self._folder):
                    journal.end()
                return
            if not piece.start:
                precision = chosen(teacher.device.place, self._asking.lengths, self._probed)
                with writing(self._folder):
                    journal.begin(precision)
            rows = self._asking.answers(piece, journal.precision, self._tell)
            with writing(self._folder):
                if piece is missing[0]:
                    check_space(self._folder, self._needed_bytes(rows, piece))
                journal.add(piece.stop, rows)

    def _probed(self, places: list[int], precision: Precision) -> dict[str, torch.Tensor]:
        return self._asking.answers(places, precision, _silent)

    def _needed_bytes(self, rows: dict[str, torch.Tensor], piece: range) -> int:
        """Return what the answers that are missing will take, by what the first of them take."""
        lengths = self._asking.lengths
        tokens = sum(lengths[piece.start :]) / max(1, sum(lengths[piece.start : piece.stop]))
        texts = (len(lengths) - piece.start) / len(piece)
        sizes = (
            (texts if each.shape == "text" else tokens) * len(rows[each.name]) * row_bytes(each)
            for each in self._columns
        )
        return round(sum(sizes))

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(self._journal.texts + done, len(self._asking.lengths), _TOLD)


def _made(made: str, columns: Sequence[Column], items: Sequence[Item]) -> Made:
    digest = hashlib.blake2b(digest_size=16)
    for item in items:
        for ids in (item.teacher_ids, item.wanted):
            digest.update(len(ids).to_bytes(8, "little"))
            digest.update(array("q", ids).tobytes())
    described = tuple((column.name, column.shape, column.width, column.dtype) for column in columns)
    return Made(made, digest.hexdigest(), described)


def _silent(_: int) -> None:
    """Tell nobody."""
