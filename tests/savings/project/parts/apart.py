"""Project a log in parts in this process: what tasks do, one after the other; what travels goes through bytes."""

from __future__ import annotations

import pickle
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from llmopt.cost.column_wish import Unfit
from llmopt.cost.read import SMALL_BYTES
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import Source, find_files
from llmopt.cost.spark.cutting import Cutter, lines_before, placed
from llmopt.cost.wanted import Options, Wanted, wanted_by
from llmopt.savings.project.looking import Looker
from llmopt.savings.project.parts.assembly import Whole, projected
from llmopt.savings.project.parts.limits import UNMEASURED, asked_of, check, cut_of
from llmopt.savings.project.parts.outcome import Outcome, outcome_of
from llmopt.savings.project.parts.reading import Counts, Drawn, Piece, read_slice, remarks_of
from llmopt.savings.project.parts.slices import Slice, joined, without_repeats
from llmopt.savings.project.parts.survey import lowest_ranks, measured, surveyed
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.result import Projection

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Apart:
    """How a log is cut."""

    target_bytes: int
    """Of a part."""
    buckets: int = 3
    small_bytes: int = SMALL_BYTES
    """Up to which records are read one by one."""

    def project(self, paths: Sequence[Path], plan: Plan, as_of: datetime | None = None, **reading: Any) -> Projection:
        """Cut a log, and project it."""
        check(plan)
        wanted = wanted_by(Options(as_of=as_of, **reading))
        with tempfile.TemporaryDirectory() as folder:
            sources = find_files(list(paths), Path(folder))
            at_once = sum(source.size_bytes for source in sources) > self.small_bytes
            try:
                return self._projected(sources, plan, wanted, as_of, Path(folder), at_once=at_once)
            except Unfit:
                return self._projected(sources, plan, wanted, as_of, Path(folder), at_once=False)

    def _projected(
        self, sources: list[Source], plan: Plan, wanted: Wanted, as_of: datetime | None, folder: Path, *, at_once: bool
    ) -> Projection:
        asked = asked_of(plan)
        whole, read, drawn = self._read(sources, asked, wanted, folder, at_once=at_once)
        by_ident, by_question = defaultdict[int, list[Slice]](list), defaultdict[int, list[Slice]](list)
        for one in read:
            for bucket, calls in one.by_ident(self.buckets).items():
                by_ident[bucket].append(travelled(calls))
        for some in by_ident.values():
            kept, dropped = without_repeats(joined(some))
            whole.counts.duplicates += dropped
            whole.remarks.add(remarks_of(kept, wanted.quotes))
            for bucket, calls in kept.by_question(self.buckets).items():
                by_question[bucket].append(travelled(calls))
        for some in by_question.values():
            whole.survey.add(travelled(surveyed(joined(some), asked)))
        whole.check(wanted)
        routes = Looker(asked, wanted.table).routes
        found = travelled(measured(whole.survey, lowest_ranks(drawn, asked), asked, routes))
        outcome = Outcome()
        for some in by_question.values():
            outcome.add(travelled(outcome_of(joined(some), plan, asked, found, wanted.table, as_of)))
        return projected(plan, whole, found, outcome, wanted, as_of)

    def _read(
        self, sources: list[Source], asked: Plan, wanted: Wanted, folder: Path, *, at_once: bool
    ) -> tuple[Whole, list[Slice], list[Drawn]]:
        parts = Cutter(Sniffer(wanted.specs), self.target_bytes, folder, cut_of).parts(sources)
        turns = {source.shown: number for number, source in enumerate(sources)}
        whole, read, drawn = Whole(tuple(turns), len(parts)), list[Slice](), list[Drawn]()
        counted: list[tuple[Counts, int]] = []
        for number, part in enumerate(parts):
            spool = folder / f"part-{number}"
            spool.mkdir(exist_ok=True)
            there, known, lines = placed(part, Sniffer(wanted.specs).variants, spool)
            pieces = [
                Piece(source, turns[source.shown], piece.start, known[source.path])
                for source, piece in zip(there, part, strict=True)
            ]
            found, counts, sample = travelled(read_slice(pieces, asked, wanted, spool, part=number, at_once=at_once))
            counted.append((counts, lines))
            read.append(found)
            drawn += sample
        before = lines_before(parts, [lines for _, lines in counted])
        for (counts, _), shift in zip(counted, before, strict=True):
            whole.counts.add(counts, shift)
        return whole, read, drawn


def travelled(value: T) -> T:
    """Return what comes out at the other end."""
    copy: T = pickle.loads(pickle.dumps(value))
    return copy


def without_curves(found: Projection) -> Projection:
    """Return what parts of a log can tell of a projection of all of it."""
    rows = [row if row.on or row.name not in UNMEASURED else _unmeasured(row.name, found) for row in found.checklist]
    return replace(found, break_even=None, divergences=(), checklist=tuple(rows))


def _unmeasured(lever: str, found: Projection) -> Any:
    (row,) = (row for row in found.checklist if row.name == lever)
    return replace(row, potential_usd=None, say=UNMEASURED[lever])
