"""What runs in a task: read a part into slices, settle what other parts repeat, survey a bucket, replay it.

The classes here are pickled with their fields, so that workers import them; nothing is a closure.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from llmopt.cost.column_wish import Unfit
from llmopt.cost.spark.cutting import Part
from llmopt.cost.spark.task import each_number, guarded, laid_out
from llmopt.cost.spark.wire import Batches, Sent, received
from llmopt.savings.project.parts.outcome import outcome_of
from llmopt.savings.project.parts.reading import Drawn, Piece, read_slice, remarks_of
from llmopt.savings.project.parts.slices import Slice, joined, without_repeats
from llmopt.savings.project.parts.survey import Measured, lowest_ranks, surveyed
from llmopt.savings.project.spark.asked import Asked

SLICE, DRAWN = "slice", "drawn"
"""Kinds of what is for other tasks: calls; the sample of prompts."""
COUNTS, SETTLED, SURVEY, OUTCOME, UNFIT = "counts", "settled", "survey", "outcome", "unfit"
"""Kinds of what is for the driver: `Counts` of a part; (repeats, `Remarks`) of settled calls; `Survey` and `Outcome` of
a bucket; a part cannot be read by one statement."""


@dataclass(frozen=True, slots=True)
class ReadSlices:
    """Reads parts by their numbers."""

    asked: Asked
    parts: tuple[Part, ...]
    turns: dict[str, int]
    """Name of a file -> its place in the log."""
    buckets: int
    driver: str
    """`versions` of the driver."""
    at_once: bool
    """Try to read each part by one statement."""

    def __call__(self, batches: Batches) -> Batches:
        """Read the parts whose numbers come in."""
        return each_number(batches, self.driver, self._read)

    def _read(self, number: int, folder: Path) -> Iterator[Sent]:
        part, wanted = self.parts[number], self.asked.wanted
        sources, known, lines = laid_out(
            part, wanted.specs, folder, "project that file by itself for the whole message"
        )
        pieces = [
            Piece(source, self.turns[source.shown], piece.start, known[source.path])
            for source, piece in zip(sources, part, strict=True)
        ]
        asked = self.asked.widened(folder / "policy")
        try:
            found, counts, drawn = read_slice(pieces, asked, wanted, folder, part=number, at_once=self.at_once)
        except Unfit:
            yield Sent(number, number % self.buckets, UNFIT, 0, b"")
            return
        yield Sent(number, number % self.buckets, COUNTS, lines, pickle.dumps(counts))
        yield Sent(number, 0, DRAWN, 0, pickle.dumps(drawn))
        dealt = found.by_question if wanted.plan.dedupe == "none" else found.by_ident
        for bucket, some in dealt(self.buckets).items():
            yield Sent(number, bucket, SLICE, 0, pickle.dumps(some))


@dataclass(frozen=True, slots=True)
class Settle:
    """Leaves out records that repeat others, and deals calls by their question."""

    asked: Asked
    buckets: int
    driver: str

    def __call__(self, batches: Batches) -> Batches:
        """Settle the calls that come in; what is for others goes through."""
        return _taken(batches, self.driver, self._settle)

    def _settle(self, ours: _Ours, folder: Path) -> Iterator[Sent]:
        if ours.drawn:
            yield Sent(0, 0, DRAWN, 0, pickle.dumps(lowest_ranks(ours.drawn, self.asked.widened(folder))))
        if not ours.slices:
            return
        kept, repeats = joined(ours.slices), 0
        if self.asked.wanted.plan.dedupe != "none":
            kept, repeats = without_repeats(kept)
        remarks = remarks_of(kept, self.asked.wanted.quotes)
        yield Sent(0, 0, SETTLED, 0, pickle.dumps((repeats, remarks)))
        for bucket, some in kept.by_question(self.buckets).items():
            yield Sent(0, bucket, SLICE, 0, pickle.dumps(some))


@dataclass(frozen=True, slots=True)
class LookOver:
    """Says what a bucket adds to what has to be known of the whole log; what is for the driver goes through."""

    asked: Asked
    driver: str

    def __call__(self, batches: Batches) -> Batches:
        """Look at the calls that come in."""
        return _taken(batches, self.driver, self._look)

    def _look(self, ours: _Ours, folder: Path) -> Iterator[Sent]:
        asked = self.asked.widened(folder)
        if ours.drawn:
            yield Sent(0, 0, DRAWN, 0, pickle.dumps(lowest_ranks(ours.drawn, asked)))
        if ours.slices:
            yield Sent(0, 0, SURVEY, 0, pickle.dumps(surveyed(joined(ours.slices), asked)))


@dataclass(frozen=True, slots=True)
class Replay:
    """Replays a bucket with every set of levers."""

    asked: Asked
    found: Measured
    driver: str

    def __call__(self, batches: Batches) -> Batches:
        """Replay the calls that come in; all else was looked at before."""
        ours = _Ours()
        for _ in ours.take(batches):
            pass
        yield from guarded(self.driver, partial(self._replay, ours))

    def _replay(self, ours: _Ours, folder: Path) -> Iterator[Sent]:
        if ours.slices:
            asked, wanted = self.asked.widened(folder), self.asked.wanted
            whole = joined(ours.slices)
            ours.slices.clear()
            outcome = outcome_of(whole, self.asked.plan, asked, self.found, wanted.table, self.asked.as_of)
            yield Sent(0, 0, OUTCOME, 0, pickle.dumps(outcome))


@dataclass(slots=True)
class _Ours:
    """What comes to one task."""

    slices: list[Slice] = field(default_factory=list)
    drawn: list[Drawn] = field(default_factory=list)

    def take(self, batches: Batches) -> Batches:
        """Take what is for tasks, and give back the rest."""
        for batch in batches:
            for sent in received(batch):
                if sent.kind == SLICE:
                    self.slices.append(pickle.loads(sent.data))
                elif sent.kind == DRAWN:
                    self.drawn += pickle.loads(sent.data)
                else:
                    yield sent.batch()


def _taken(batches: Batches, driver: str, do: Callable[[_Ours, Path], Iterator[Sent]]) -> Batches:
    """Yield what is for others, then what is made of the rest."""
    ours = _Ours()
    yield from ours.take(batches)
    yield from guarded(driver, partial(do, ours))
