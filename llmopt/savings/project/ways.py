"""Where the calls of a cell go with a set of levers on, and what that does to their tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from llmopt.cost.call_columns import CallColumns, Kind
from llmopt.savings.project.cells import Cell
from llmopt.savings.project.changes import Change
from llmopt.savings.project.levers.models import Target, Targets
from llmopt.savings.project.levers.swap import Shift
from llmopt.savings.project.plan import Plan
from llmopt.savings.project.prefixes.rules import PrefixRule, PrefixRules
from llmopt.savings.project.requests import Requests

if TYPE_CHECKING:
    from llmopt.cost.pricing.table import PriceTable

At = Literal["low", "mid", "high"]
"""Where in the range of what is estimated: the fewest dollars, the typical, the most."""
_RATIOS = {"low": "saved_most", "mid": "saved", "high": "saved_least"}


@dataclass(frozen=True, slots=True)
class Way:
    """Where calls go."""

    target: Target
    served: bool
    """Own machines serve them: their tokens cost nothing."""
    rule: PrefixRule | None
    """Of the provider's cache, by the model that answers."""
    steps: tuple[int, ...]
    """Input tokens beyond which the price changes, at the batch rate or without."""


class Ways:
    """Works out where calls go; answers are kept."""

    def __init__(
        self, columns: CallColumns, requests: Requests, plan: Plan, table: PriceTable, as_of: datetime | None
    ) -> None:
        """Prepare.

        Args:
            columns: the calls.
            requests: what is known of their requests.
            plan: how the levers are set.
            table: prices.
            as_of: price calls without a time as of then; None: at the newest prices.
        """
        self._kinds, self._routes = columns.kinds, requests.routes if plan.routing is not None else ()
        self._targets = Targets(table, plan, requests.shifts, as_of=as_of)
        self._rules: PrefixRules | None = None
        self._found: dict[tuple[int, int, bool, bool, bool], Way] = {}
        if not any(requests.saved_most):
            self._ratios = dict.fromkeys(_RATIOS, "")
        elif requests.saved_least == requests.saved == requests.saved_most:
            self._ratios = dict.fromkeys(_RATIOS, "saved")
        else:
            self._ratios = _RATIOS

    def of(self, cell: Cell, on: frozenset[str]) -> Way:
        """Return where the calls of a cell go.

        Raises:
            ConfigError: a model that they would go to has no price.
        """
        route = cell.route if "routing" in on else -1
        waits = cell.waits and "batch" in on
        key = (cell.kind, route, "swap" in on, waits, cell.tagged and "self_host" in on)
        if key not in self._found:
            self._found[key] = self._work_out(*key)
        return self._found[key]

    def change(self, way: Way, on: frozenset[str], at: At, *, lenient: bool = False) -> Change:
        """Return what becomes of the tokens of calls that go a way.

        Args:
            way: where they go.
            on: levers that are on.
            at: where in the range of what is estimated.
            lenient: leave out that a compressed prompt may be too short for the provider's cache.
        """
        shift, ratio = way.target.shift, self._ratios[at] if "compression" in on else ""
        num = _numerator(shift, at)
        return Change(
            num=1 if num == shift.den else num,
            den=1 if num == shift.den else shift.den,
            ratio=ratio,
            minimum=way.rule.minimum_tokens if way.rule and ratio and not lenient else 0,
            steps=way.steps,
        )

    def idle(self, lever: str) -> tuple[str, ...]:
        """Return a sentence for each model that a lever names and that no call asks for."""
        return self._targets.idle(lever, self._kinds, self._routes)

    def exact(self, way: Way, on: frozenset[str]) -> bool:
        """Return whether nothing about calls that go a way is estimated."""
        shift = way.target.shift
        known = shift.low == shift.num == shift.high
        return known and not ("compression" in on and len(set(self._ratios.values())) > 1)

    def _work_out(self, kind: int, route: int, swap: bool, waits: bool, tagged: bool) -> Way:
        if self._rules is None:
            self._rules = PrefixRules.load()
        logged = self._kinds[kind]
        name = self._routes[route] if route >= 0 else None
        target = self._targets.target(logged, name, swap=swap, batch=waits)
        served = tagged and logged.price is not None and self._targets.self_hosted(target.kind)
        return Way(target, served, self._rules.of(target.kind), self._steps(logged, name, swap=swap))

    def _steps(self, logged: Kind, route: str | None, *, swap: bool) -> tuple[int, ...]:
        """Return the same steps whether calls wait or not, so that their tokens are added up once for both."""
        found: set[int] = set()
        for waits in (False, True):
            price = self._targets.target(logged, route, swap=swap, batch=waits).kind.price
            found.update(band.above_input_tokens for band in (price.bands if price else ()))
        return tuple(sorted(found))


def _numerator(shift: Shift, at: At) -> int:
    return {"low": shift.low, "mid": shift.num, "high": shift.high}[at]
