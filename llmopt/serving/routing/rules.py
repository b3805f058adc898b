"""Ordered rules: the first one whose conditions all hold says the route."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.serving.routing.conditions import Condition, HasWords
from llmopt.serving.routing.seen import Seen


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions that all have to hold, and where a request goes then."""

    name: str
    route: str
    conditions: tuple[Condition, ...]
    """The cheap ones first; there is one at least."""

    def holds(self, seen: Seen) -> bool:
        """Whether every condition holds."""
        return all(condition.holds(seen) for condition in self.conditions)

    def why(self, seen: Seen) -> str:
        """Return in words why it holds, or the first reason why it does not."""
        for condition in self.conditions:
            if not condition.holds(seen):
                return condition.said(seen)
        return ", ".join(condition.said(seen) for condition in self.conditions)


def first_of(rules: tuple[Rule, ...], seen: Seen) -> Rule | None:
    """Return the first rule that holds; None where none does."""
    for rule in rules:
        if rule.holds(seen):
            return rule
    return None


def vocabulary_of(rules: tuple[Rule, ...]) -> frozenset[str]:
    """Return every word that a rule looks for."""
    looking = [each for rule in rules for each in rule.conditions if isinstance(each, HasWords)]
    return frozenset(word for each in looking for word in each.phrases.vocabulary)
