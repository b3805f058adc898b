"""What running the levers costs by itself: their own costs, and own machines; over the log, and by day.

Fees a month run from the first call of the log to the last, for an hour at least, whether calls come or not. Calls far
apart from most others make neither of the two: a record whose time is 0 is no reason to pay for half a century.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from llmopt.savings.project.cells import DAY_US, HOUR_US, Cells, day_of
from llmopt.savings.project.changes import Sums
from llmopt.savings.project.levers.self_host import Machine, cost_usd, machines
from llmopt.savings.project.plan import OwnCost, Plan, SelfHostLever
from llmopt.savings.project.replays import Gone
from llmopt.savings.project.times import Stretch

_MONTH_US = 30 * DAY_US


@dataclass(slots=True)
class Load:
    """Calls that levers meet; adds up over parts of a log."""

    calls: int = 0
    hits: int = 0
    """Those that the response cache answers."""
    by_day: Counter[date] = field(default_factory=Counter)
    """UTC day -> its calls."""
    hits_by_day: Counter[date] = field(default_factory=Counter)

    @classmethod
    def of(cls, cells: Cells) -> Load:
        """Return that of the calls of a log."""
        load = cls()
        for number, cell in enumerate(cells.cells):
            load.calls += len(cell)
            load.hits += len(cell) if cell.hit else 0
            for piece in cells.days(number):
                if piece.day is not None:
                    load.by_day[piece.day] += piece.last - piece.first
                    load.hits_by_day[piece.day] += piece.last - piece.first if cell.hit else 0
        return load

    def add(self, other: Load) -> None:
        """Add that of another part."""
        self.calls += other.calls
        self.hits += other.hits
        self.by_day.update(other.by_day)
        self.hits_by_day.update(other.hits_by_day)


class Running:
    """Own costs of the levers of a plan over one log."""

    def __init__(self, load: Load, most: Stretch | None, plan: Plan) -> None:
        """Prepare.

        Args:
            load: the calls.
            most: the days that the log covers.
            plan: how the levers are set.
        """
        self._load, self._plan = load, plan
        self._ends = (most.first_us, most.last_us) if most is not None else None
        self.span_us = max(HOUR_US, self._ends[1] - self._ends[0] if self._ends else 0)
        """From the first call to the last, those far apart from most others left out."""

    def usd(self, lever: str, on: frozenset[str]) -> Fraction:
        """Return what running a lever costs over the log where `on` are on; nothing if it is off."""
        own = self._own(lever)
        if lever not in on or own is None:
            return Fraction(0)
        reached = self._load.calls - (self._load.hits if "cache" in on and lever != "cache" else 0)
        return Fraction(own.usd_per_month) * self.span_us / _MONTH_US + Fraction(own.usd_per_call) * reached

    def by_day(self, on: frozenset[str]) -> defaultdict[date, Fraction]:
        """Return UTC day -> what running the levers costs, for all days that the log covers, and 0 for any other day.

        Calls far apart from most others have days beside these.
        """
        covered = list(self._days())
        days = defaultdict[date, Fraction](Fraction, dict.fromkeys(covered, Fraction(0)))
        for lever in on:
            own = self._own(lever)
            if own is None:
                continue
            if own.usd_per_month and self._ends is not None:
                # Of the hour that is charged at least, what lies beyond the last call counts to its day.
                for number, day in enumerate(covered):
                    share = Fraction(self._on_day(number), self._ends[1] - self._ends[0] or 1)
                    days[day] += Fraction(own.usd_per_month) * self.span_us / _MONTH_US * share
            if own.usd_per_call:
                answered = self._load.hits_by_day if "cache" in on and lever != "cache" else Counter[date]()
                for day, calls in self._load.by_day.items():
                    days[day] += Fraction(own.usd_per_call) * (calls - answered[day])
        return days

    def _own(self, lever: str) -> OwnCost | None:
        setting = getattr(self._plan, lever, None)
        return None if setting is None else setting.own

    def _days(self) -> Iterator[date]:
        if self._ends is not None:
            for number in range(self._ends[0] // DAY_US, self._ends[1] // DAY_US + 1):
                yield day_of(number * DAY_US)

    def _on_day(self, number: int) -> int:
        """Return how much of the log's time lies in its first, second … day; all of no time lies in its only day."""
        if self._ends is None or self._ends[0] == self._ends[1]:
            return 1
        start = (self._ends[0] // DAY_US + number) * DAY_US
        return min(self._ends[1], start + DAY_US) - max(self._ends[0], start)


@dataclass(frozen=True, slots=True)
class Work:
    """What own machines have to do."""

    calls: int
    ps: int
    """Picoseconds of one machine."""


class Machines:
    """Own machines over one log; their benchmark is read when they are first needed."""

    def __init__(self, lever: SelfHostLever | None, span_us: int) -> None:
        """Prepare.

        Args:
            lever: None: there are none.
            span_us: how long they run: `Running.span_us`.
        """
        self._lever, self._span_us = lever, span_us
        self._machine: Machine | None = None

    def work(self, gone: Iterable[Gone]) -> Work:
        """Return what machines have to do for some calls.

        Raises:
            InputError: the result of the benchmark cannot be used, whether there are calls or not.
        """
        if self._lever is not None:
            self._known(self._lever)
        parts = [part for each in gone for part in each.sums]
        return Work(sum(part.calls for part in parts), sum(self._ps(part) for part in parts))

    def count(self, work: Work) -> int:
        """Return how many machines that takes."""
        if self._lever is None:
            return 0
        return machines(work.ps, self._span_us, self._lever.utilization, calls=work.calls)

    def usd(self, work: Work) -> Fraction:
        """Return what the machines cost."""
        if self._lever is None:
            return Fraction(0)
        return cost_usd(self.count(work), self._span_us, self._lever.usd_per_hour)

    def share(self, part: Sums, whole: Work) -> Fraction:
        """Return the part of the work that some calls are; by number where there is nothing to do."""
        if whole.ps:
            return Fraction(self._ps(part), whole.ps)
        return Fraction(part.calls, whole.calls or 1)

    def notes(self, work: Work) -> list[str]:
        """Return what one should know of the machines, in words."""
        if self._lever is None or not work.calls:
            return []
        count, machine = self.count(work), self._known(self._lever)
        return [f"{count:,} machine{'' if count == 1 else 's'} for {work.calls:,} calls", machine.says, *machine.notes]

    def _ps(self, part: Sums) -> int:
        if self._lever is None:
            return 0
        usage = part.usage
        return self._known(self._lever).work_ps(part.calls, usage.input_tokens, usage.output_tokens)

    def _known(self, lever: SelfHostLever) -> Machine:
        if self._machine is None:
            self._machine = Machine.load(lever)
        return self._machine
