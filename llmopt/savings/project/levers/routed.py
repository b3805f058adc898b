"""Where a routing policy leads the requests of a log; and where it cannot tell, since only a hash of them is logged.

A rule that looks at model, tenant, tags or headers can be decided without the text. Rules are in order, so a request
without text is decided up to the first rule that might hold and needs the text; from there on nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmopt.cost.spec.load import GROUP_FIELDS
from llmopt.errors import ConfigError
from llmopt.savings.project.levers.batch import TAGS, values_of
from llmopt.savings.project.plan import CacheLever, Plan, RoutingLever
from llmopt.serving.routing.policy import Policy, Route, ScoreSettings, load_policy
from llmopt.serving.routing.router import Router
from llmopt.serving.routing.rules import Condition, Header, OneOf, Rule
from llmopt.serving.routing.seen import Seen, seen
from llmopt.serving.routing.weights import is_weights_file, load_weights

UNDECIDED = -1
_OF_LABELS = ("tenant", "tags")


class Routes:
    """Decides by a policy, as a router in front of the provider would."""

    def __init__(self, lever: RoutingLever, tenant: str) -> None:
        """Read the policy.

        Args:
            lever: names it, or the weights of a trained score alone, which then decides between its two models.
            tenant: group or column that says whose request it is.

        Raises:
            ConfigError: the policy or the weights cannot be read, or the weights are of one model; names the file.
        """
        self._router = Router(_policy(lever.policy))
        policy = self._router.policy
        asked = [condition for rule in policy.rules for condition in rule.conditions]
        names = {condition.what for condition in asked if isinstance(condition, OneOf)}
        self._headers = tuple(dict.fromkeys(each.name for each in asked if isinstance(each, Header)))
        self._tenant = tenant if "tenant" in names else ""
        self._tags = "tags" in names
        self.models = tuple(dict.fromkeys(route.model for route in policy.routes.values()))
        """Models that it leads to."""
        self._numbers = {model: number for number, model in enumerate(self.models)}
        self.by_label = bool(self._headers) or not names.isdisjoint(_OF_LABELS)
        """Whether some rule looks at more than the request."""
        self.columns = tuple(dict.fromkeys(self._columns()))
        """Columns that tell what rules look at."""

    def decide(self, body: Mapping[str, Any], label: Mapping[str, str]) -> int:
        """Return the number of the model that a request is sent to.

        Args:
            body: with the name of its model.
            label: groups and columns that are set.
        """
        if not self.by_label:
            return self._numbers[self._router.decide(body).model]
        headers, tenant, tags = self._of_label(label)
        return self._numbers[self._router.decide(body, headers=headers, tenant=tenant, tags=tags).model]

    def decide_blind(self, model: str | None, label: Mapping[str, str]) -> int:
        """Return the same for a request whose text is not known; `UNDECIDED` where that would be needed."""
        headers, tenant, tags = self._of_label(label)
        looked = seen({"model": model or ""}, headers, tenant, tags)
        policy = self._router.policy
        for rule in policy.rules:
            holds = _holds(rule, looked)
            if holds is None:
                return UNDECIDED
            if holds:
                return self._numbers[policy.routes[rule.route].model]
        return UNDECIDED if policy.score is not None else self._numbers[policy.routes[policy.default].model]

    def _columns(self) -> list[str]:
        found = [self._tenant] if self._tenant and self._tenant not in GROUP_FIELDS else []
        if self._tags:
            found += TAGS
        return found + [column for name in self._headers for column in _header_columns(name)]

    def _of_label(self, label: Mapping[str, str]) -> tuple[dict[str, str], str, tuple[str, ...]]:
        headers = {
            name: label[column] for name in self._headers for column in _header_columns(name) if label.get(column)
        }
        tags = values_of(label, "tags") if self._tags else ()
        return headers, label.get(self._tenant) or "", tags


def routes_of(plan: Plan) -> Routes | None:
    """Return the routes of a plan; None where routing is off."""
    if plan.routing is None:
        return None
    return Routes(plan.routing, (plan.cache or CacheLever()).tenant or CacheLever().tenant)


def _policy(path: Path | None) -> Policy:
    if path is None or not is_weights_file(path):
        return load_policy(path)
    weights = load_weights(path)
    if not weights.cheap or not weights.strong:
        raise ConfigError(f"{path}: the weights name one model only", "name both in a policy, under [routes]")
    routes = {"cheap": Route("cheap", weights.cheap), "strong": Route("strong", weights.strong)}
    return Policy(routes, "strong", score=ScoreSettings(path, None, "cheap", "strong"), source=str(path))


def _header_columns(name: str) -> tuple[str, ...]:
    """Return the columns in which a log may have a header, the most likely one last."""
    return (f"request_headers.{name}", f"headers.{name}", name)


def _holds(rule: Rule, looked: Seen) -> bool | None:
    """Return whether a rule holds; None where only the text would tell."""
    known = [condition.holds(looked) for condition in rule.conditions if _is_told(condition)]
    if not all(known):
        return False
    return True if len(known) == len(rule.conditions) else None


def _is_told(condition: Condition) -> bool:
    """Return whether a condition looks at nothing of the text."""
    return isinstance(condition, Header) or (isinstance(condition, OneOf) and condition.what != "language")
