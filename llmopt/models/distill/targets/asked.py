"""Ask a teacher in batches of like lengths, and hand its answers on in the order of the texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

from llmopt.errors import InputError, MissingExtraError, OutOfMemory, UsageError
from llmopt.models.distill.targets.columns import by_shape, dtype_of, rows_of_texts
from llmopt.models.distill.targets.pieces import Limits, batches
from llmopt.models.distill.training.precision import Precision, computing
from llmopt.models.distill.values import Column, Item, Objective, Teacher
from llmopt.models.encoder import padded
from llmopt.models.loading import unwarned

try:
    import torch
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

_ON_CPU, _ON_GPU = Limits(texts=128, tokens=2**11), Limits(texts=512, tokens=2**14)
_LOGITS = 2**26
"""Numbers that a batch of a language model may give: each token has one for each token id, and they are copied."""
_SHOWN = 60
"""Letters of a text in a message."""


class Asking:
    """A teacher that is asked for what an objective needs.

    Args:
        teacher: to ask.
        objective: says what for.
        columns: of the objective.
        items: texts, as token ids.

    Attributes:
        lengths: tokens that the teacher reads, of each text.
    """

    def __init__(
        self, teacher: Teacher, objective: Objective, columns: Sequence[Column], items: Sequence[Item]
    ) -> None:
        self.lengths = [len(item.teacher_ids) for item in items]
        self._teacher, self._objective, self._columns, self._items = teacher, objective, tuple(columns), items
        self._limits = _limits(teacher)

    def answers(
        self, places: Sequence[int], precision: Precision, tell: Callable[[int], None]
    ) -> dict[str, torch.Tensor]:
        """Return the teacher's answers to some texts, by column, `(rows, width)` in the order of the texts.

        Args:
            places: of the texts.
            precision: in which to compute.
            tell: called after each batch with the texts that are done.

        Raises:
            InputError: an answer is not finite; the text is named.
            OutOfMemory: a single text does not fit.
            UsageError: the objective gives other than its columns say.
        """
        pieces: dict[str, dict[int, torch.Tensor]] = {column.name: {} for column in self._columns}
        plan = batches(places, self.lengths, self._limits)
        while plan:
            batch, *rest = plan
            answers = self._tried(batch, precision)
            if answers is None:
                plan = batches([*batch, *chain(*rest)], self.lengths, self._limits)
                continue
            plan = rest
            for name, rows in self._split(batch, answers).items():
                pieces[name].update(rows)
            tell(len(places) - sum(map(len, plan)))
        return {name: torch.cat([found[place] for place in places]) for name, found in pieces.items()}

    def _tried(self, batch: list[int], precision: Precision) -> dict[str, torch.Tensor] | None:
        """Return what the objective says to a batch; None where it does not fit in memory: the next are smaller."""
        try:
            return self._computed(batch, precision)
        except OutOfMemory:
            if len(batch) == 1:
                raise
            tokens = len(batch) // 2 * max(self.lengths[place] for place in batch)
            self._limits = replace(self._limits, tokens=tokens)
            return None

    def _computed(self, batch: list[int], precision: Precision) -> dict[str, torch.Tensor]:
        """Return what the objective says to a batch, on the host."""
        teacher, items = self._teacher, [self._items[place] for place in batch]
        place = teacher.device.place
        wanted = any(item.wanted for item in items)

        def work() -> dict[str, torch.Tensor]:
            ids, mask = padded([item.teacher_ids for item in items], place, fill=teacher.fill)
            extra = (padded([item.wanted for item in items], place, fill=-100)[0],) if wanted else ()
            return {name: values.cpu() for name, values in self._objective.answers(ids, mask, *extra).items()}

        with torch.inference_mode(), unwarned(), computing(teacher.model, place, precision):
            return teacher.device.compute(work)

    def _split(self, batch: list[int], found: dict[str, torch.Tensor]) -> dict[str, dict[int, torch.Tensor]]:
        """Return what each text has of each column, as it is kept."""
        if found.keys() != {column.name for column in self._columns}:
            raise UsageError(f"the objective answers {sorted(found)}", "its columns must be named so")
        tokens = torch.tensor([self.lengths[place] for place in batch])
        split: dict[str, dict[int, torch.Tensor]] = {}
        for column in sorted(self._columns, key=by_shape):
            rows, counts = found[column.name], rows_of_texts(self._columns, column, tokens, found)
            if rows.ndim != 2 or rows.shape[1] != column.width:
                raise UsageError(
                    f"the objective gives {tuple(rows.shape)} for {column.name}", f"(rows, {column.width}) is expected"
                )
            if len(rows) != int(counts.sum()) or bool((counts < 0).any()):
                raise UsageError(
                    f"the objective gives {len(rows):,} rows of {column.name}, {int(counts.sum()):,} were expected",
                    "a row for each text, for each token, or as many as its `_counts` tell",
                )
            sizes = counts.tolist()
            self._check_finite(rows, dict(zip(batch, torch.split(rows, sizes), strict=True)))
            split[column.name] = dict(zip(batch, torch.split(_stored(column, rows), sizes), strict=True))
        return split

    def _check_finite(self, rows: torch.Tensor, parts: dict[int, torch.Tensor]) -> None:
        if rows.isfinite().all():
            return
        place = next(place for place, found in parts.items() if not found.isfinite().all())
        words = self._teacher.vocabulary.decode(self._items[place].teacher_ids)[:_SHOWN]
        raise InputError(
            f"{self._teacher.name}: its answer to a text is not finite: {words!r}",
            "take that text out, or see whether the checkpoint is whole",
        )


def _stored(column: Column, rows: torch.Tensor) -> torch.Tensor:
    """Return rows in the type of their column; floats beyond what it can hold become its largest.

    Raises:
        UsageError: whole numbers beyond what it can hold.
    """
    dtype = dtype_of(column)
    if dtype.is_floating_point:
        largest = torch.finfo(dtype).max
        return rows.clamp(-largest, largest).to(dtype) if dtype.itemsize < rows.dtype.itemsize else rows.to(dtype)
    held = torch.iinfo(dtype)
    if rows.numel() and not held.min <= rows.min() <= rows.max() <= held.max:
        raise UsageError(
            f"the objective gives {rows.max().item()} for {column.name}", f"{column.dtype} holds less; take another"
        )
    return rows.to(dtype)


def _limits(teacher: Teacher) -> Limits:
    limits = _ON_CPU if teacher.device.place.type == "cpu" else _ON_GPU
    if teacher.task in ("classify", "embed"):
        return limits
    return replace(limits, tokens=min(limits.tokens, _LOGITS // max(1, teacher.known_tokens)))
