"""What a log costs with any levers on, from what came of its parts: as `llmopt.savings.project.costs` asks for it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from llmopt.core.money import EXACT
from llmopt.cost.call_columns import Kind
from llmopt.cost.pricing.table import PriceTable
from llmopt.savings.project.coalitions import rounded
from llmopt.savings.project.levers.models import Targets
from llmopt.savings.project.parts.outcome import Outcome
from llmopt.savings.project.parts.survey import Measured
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.replays import View
from llmopt.savings.project.running import Running
from llmopt.savings.project.telling import Telling
from llmopt.savings.project.ways import At


class CostsOfParts:
    """The costs of one log under sets of the levers of one plan."""

    too_many_prompts = False

    def __init__(self, outcome: Outcome, found: Measured, asked: Plan, table: PriceTable) -> None:
        """Prepare.

        Args:
            outcome: of all parts.
            found: in the whole log.
            asked: how the levers are set.
            table: prices.
        """
        self._outcome, self._found, self._asked, self._table = outcome, found, asked, table
        self._running = Running(outcome.load, found.most, asked)
        self._telling = Telling(outcome.tallies, found.shifts, asked)

    def cost(self, on: frozenset[str], at: At = "mid") -> Decimal:
        """Return what the log costs with these levers on, their own costs included, in dollars."""
        return self._cost(View(on, at))

    def exact(self, on: frozenset[str]) -> bool:
        """Return whether nothing about these levers is estimated, so that `low` and `high` are the same."""
        return on not in self._outcome.estimated

    def by_day(self, on: frozenset[str]) -> dict[date, Decimal]:
        """Return UTC day -> what its calls cost with these levers on, their own costs included."""
        days = self._running.by_day(on)
        for day, usd in self._outcome.days[on].items():
            days[day] += Fraction(usd)
        return {day: rounded(amount) for day, amount in sorted(days.items())}

    def changed(self, lever: str, on: frozenset[str]) -> int:
        """Return how many calls a lever changes where `on` are on."""
        return self._outcome.changed[lever, on]

    def own(self, lever: str, on: frozenset[str]) -> Decimal:
        """Return what running a lever costs over the log by itself where `on` are on."""
        return rounded(self._running.usd(lever, on))

    def unseen(self, lever: str) -> int:
        """Return how many calls a lever could not look at."""
        return self._telling.unseen(lever)

    def notes(self, lever: str, on: frozenset[str]) -> tuple[str, ...]:
        """Return what else one should know of a lever, in words; `on` are all of the user's plan."""
        lines = self._telling.notes(lever, self._outcome.moves)
        if lever == "cache" and lever in on:
            lines += self._telling.sampled(self._outcome.sampled_usd)
        listed = sorted(self._outcome.models, key=str)
        kinds = [Kind(model, provider, "default", None, 0, None) for model, provider in listed]
        idle = Targets(self._table, self._asked).idle(lever, kinds, self._found.routes)
        return (*lines, *self._found.notes.get(lever, ()), *idle)

    def killed(self, on: frozenset[str]) -> tuple[int, Decimal]:
        """Return how many calls compression takes below the least prefix that their provider caches, and its cost."""
        if "compression" not in on:
            return 0, Decimal(0)
        strict, lenient = View(on), View(on, lenient=True)
        lost = EXACT.subtract(self._cost(strict), self._cost(lenient))
        return self._outcome.killed[strict] + self._outcome.killed[lenient], lost if lost else Decimal(0)

    def _cost(self, view: View) -> Decimal:
        tokens_usd = self._outcome.usd[view]
        more = sum((self._running.usd(lever, view.on) for lever in view.on), Fraction(0))
        return tokens_usd if not more else rounded(Fraction(tokens_usd) + more)
