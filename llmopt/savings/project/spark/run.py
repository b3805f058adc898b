"""Project a log by jobs of Spark: read its parts into slices, deal them by question, replay each deal, add up.

Two jobs: the first reads the log, keeps the dealt calls on the disks of the workers, and says what has to be known of
all of them (`parts.survey`); the second replays them. The driver holds no call: what it gets grows with the days of the
log and the sets of levers.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from llmopt.cost.read import SMALL_BYTES
from llmopt.cost.sniff import Sniffer
from llmopt.cost.sources import Source, find_files
from llmopt.cost.spark.check import told
from llmopt.cost.spark.cluster import Paths, checked, cores_of, kept, listed, part_bytes, probe
from llmopt.cost.spark.cutting import Cutter, Part, lines_before
from llmopt.cost.spark.session import opened
from llmopt.cost.spark.task import versions
from llmopt.cost.spark.wire import Sent, collected, mapped
from llmopt.savings.project.api import Reading, plan_from
from llmopt.savings.project.looking import Looker
from llmopt.savings.project.parts.assembly import Whole, projected
from llmopt.savings.project.parts.limits import asked_of, cut_of
from llmopt.savings.project.parts.outcome import Outcome
from llmopt.savings.project.parts.reading import Drawn
from llmopt.savings.project.parts.survey import lowest_ranks, measured
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.result import Projection
from llmopt.savings.project.spark.asked import Asked, asked_for
from llmopt.savings.project.spark.task import (
    COUNTS,
    DRAWN,
    OUTCOME,
    SETTLED,
    SURVEY,
    UNFIT,
    LookOver,
    ReadSlices,
    Replay,
    Settle,
)

if TYPE_CHECKING:
    from llmopt.cost.spark.wire import DataFrame, SparkSession

TASK_BYTES = 512 * 2**20
"""How much log there is to a task that replays: its calls are in memory, at some tenth of that."""
_MOST_TASKS = 1024
_BUCKETS_A_TASK = 4
"""Spark deals buckets by their hash; with one to a task, some tasks would get several and others none."""


def project_on_spark(
    paths: Paths, plans: Sequence[Plan], master: str | None = None, **reading: Unpack[Reading]
) -> tuple[Projection, ...]:
    """Project log files on the Spark cluster at `master`, under each of some plans.

    Args:
        paths: files, directories and globs.
        plans: scenarios; the log is read once for each.
        master: as for `spark-submit`; None: what that says, else this machine with all its cores.
        reading: as for `llmopt.savings.project.api.project`.
    """
    asked = [asked_for(plan, reading) for plan in plans]
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        sources = find_files(listed(paths), Path(folder))  # what is wrong with them is told before Spark starts
        with opened(master) as spark:
            return tuple(_project(spark, sources, one, Path(folder)) for one in asked)


def project_files(
    spark: SparkSession,
    paths: Paths,
    plan: Plan | str | PathLike[str] | Mapping[str, object] | None,
    **reading: Unpack[Reading],
) -> Projection:
    """Do what `llmopt.savings.project.spark.project_paths` says."""
    asked = asked_for(plan_from(plan), reading)
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        return _project(spark, find_files(listed(paths), Path(folder)), asked, Path(folder))


def _project(spark: SparkSession, sources: Sequence[Source], asked: Asked, folder: Path) -> Projection:
    size, cores = sum(source.size_bytes for source in sources), cores_of(spark)
    with told():
        probe(spark)
        cutter = Cutter(Sniffer(asked.wanted.specs), part_bytes(size, cores), folder, cut_of)
        tasks = min(_MOST_TASKS, max(cores, size // TASK_BYTES))
        files = tuple(source.shown for source in sources)
        log = _Log(spark, asked, tuple(cutter.parts(sources)), files, tasks)
        if size > SMALL_BYTES:
            found = log.project(at_once=True)
            if found is not None:
                return found
        found = log.project(at_once=False)
        if found is None:
            raise RuntimeError("a part that is read record by record does not fit")
        return found


@dataclass(frozen=True, slots=True)
class _Log:
    """A log that is cut."""

    spark: SparkSession
    asked: Asked
    parts: tuple[Part, ...]
    files: tuple[str, ...]
    tasks: int
    """That calls are dealt to."""

    def project(self, *, at_once: bool) -> Projection | None:
        """Read and replay it; None where a part cannot be read by one statement."""
        asked = self.asked
        with kept(self._dealt(at_once=at_once)) as dealt:
            sent = checked(collected(mapped(dealt, LookOver(asked, versions()))))
            if any(one.kind == UNFIT for one in sent):
                return None
            whole, drawn = self._whole(sent)
            whole.check(asked.wanted)
            wider = asked_of(asked.plan)
            routes = Looker(wider, asked.wanted.table).routes
            found = measured(whole.survey, lowest_ranks(drawn, wider), wider, routes)
            outcome = Outcome()
            for one in checked(collected(mapped(dealt, Replay(asked, found, versions())))):
                if one.kind == OUTCOME:
                    outcome.add(pickle.loads(one.data))
        return projected(asked.plan, whole, found, outcome, asked.wanted, asked.as_of)

    def _dealt(self, *, at_once: bool) -> DataFrame:
        """Return the calls of each question together."""
        driver, count, buckets = versions(), max(1, len(self.parts)), self.tasks * _BUCKETS_A_TASK
        turns = {shown: number for number, shown in enumerate(self.files)}
        read = ReadSlices(self.asked, self.parts, turns, buckets, driver, at_once)
        slices = mapped(self.spark.range(0, len(self.parts), 1, count), read).repartition(self.tasks, "bucket")
        return mapped(slices, Settle(self.asked, buckets, driver)).repartition(self.tasks, "bucket")

    def _whole(self, sent: Sequence[Sent]) -> tuple[Whole, list[Drawn]]:
        """Add up what reading gave, in the order of the log."""
        whole, drawn = Whole(self.files, len(self.parts)), list[Drawn]()
        counts = sorted((one for one in sent if one.kind == COUNTS), key=lambda one: one.part)
        before = lines_before(self.parts, [one.lines for one in counts])
        for one, lines in zip(counts, before, strict=True):
            whole.counts.add(pickle.loads(one.data), lines)
        for one in sent:
            if one.kind == SETTLED:
                repeats, remarks = pickle.loads(one.data)
                whole.counts.duplicates += repeats
                whole.remarks.add(remarks)
            elif one.kind == SURVEY:
                whole.survey.add(pickle.loads(one.data))
            elif one.kind == DRAWN:
                drawn += pickle.loads(one.data)
        return whole, drawn
