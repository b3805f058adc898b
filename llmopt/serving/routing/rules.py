"""Ordered rules: the first one whose conditions all hold says the route; each condition says in words what it saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from llmopt.serving.routing.patterns import Pattern, any_in, first_in, said
from llmopt.serving.routing.seen import Seen, Where
from llmopt.serving.routing.words import Phrases


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions that all have to hold, and where a request goes then."""

    name: str
    route: str
    conditions: tuple[Condition, ...]
    """The cheap ones first; there is one at least."""

    def holds(self, seen: Seen) -> bool:
        """Whether every condition holds."""
        for condition in self.conditions:  # noqa: SIM110 - faster than a generator
            if not condition.holds(seen):
                return False
        return True

    def why(self, seen: Seen) -> str:
        """Return in words why it holds."""
        return ", ".join([condition.said(seen) for condition in self.conditions])

    def why_not(self, seen: Seen) -> str:
        """Return in words the first reason why it does not hold."""
        said = (condition.said(seen) for condition in self.conditions if not condition.holds(seen))
        return next(said, "a pattern that takes too long")  # it may have been in time now


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


class Condition(Protocol):
    """A question to a request; `cost` orders the conditions of a rule, cheap ones first."""

    @property
    def cost(self) -> int:
        """How long it takes beside others: 0 a look-up, 1 a count, 2 words, 3 a pattern, 4 a language."""
        ...

    def holds(self, seen: Seen) -> bool:
        """Whether it holds."""
        ...

    def said(self, seen: Seen) -> str:
        """Return what it saw, with nothing of the request but figures and names that the policy holds too."""
        ...


@dataclass(frozen=True, slots=True)
class HasWords:
    """One of some words or phrases stands in a text, or none does."""

    phrases: Phrases
    where: Where
    wanted: bool
    """False: the text must have none of them."""
    cost: int = 2

    def holds(self, seen: Seen) -> bool:
        """Whether it holds."""
        return (self.phrases.first(seen.words(self.where)) is not None) == self.wanted

    def said(self, seen: Seen) -> str:
        """Return the first of the words that is there."""
        first = self.phrases.first(seen.words(self.where))
        return "none of the words" if first is None else f"the words {first!r}"


@dataclass(frozen=True, slots=True)
class Matches:
    """One of some patterns matches a text, or none does."""

    patterns: tuple[Pattern, ...]
    where: Where
    wanted: bool
    joined: Pattern | None = None
    """All of them in one; None: they are looked for one by one."""
    cost: int = 3

    def holds(self, seen: Seen) -> bool:
        """Whether it holds; it does not where the text takes too long to tell."""
        try:
            return any_in(self.patterns, self.joined, seen.text(self.where)) == self.wanted
        except TimeoutError:
            return False

    def said(self, seen: Seen) -> str:
        """Return the first pattern that matches."""
        try:
            first = first_in(self.patterns, seen.text(self.where))
        except TimeoutError:
            return "a pattern that takes too long"
        return said(self.patterns, first)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text has more or fewer tokens than a limit, the limit itself left out."""

    limit: int
    above: bool
    where: Where
    cost: int = 1

    def holds(self, seen: Seen) -> bool:
        """Whether it holds."""
        count = seen.tokens(self.where)
        return count > self.limit if self.above else count < self.limit

    def said(self, seen: Seen) -> str:
        """Return the count beside the limit."""
        count = seen.tokens(self.where)
        sign = (">" if count > self.limit else "<=") if self.above else ("<" if count < self.limit else ">=")
        what = {"question": "question of ", "system": "instructions of ", "all": ""}[self.where]
        return f"{what}about {count} {'token' if count == 1 else 'tokens'} {sign} {self.limit}"


@dataclass(frozen=True, slots=True)
class Present:
    """Tools are offered, or images are shown; or not."""

    what: str
    """`tools` or `images`."""
    wanted: bool
    cost: int = 0

    def holds(self, seen: Seen) -> bool:
        """Whether it holds."""
        return bool(getattr(seen.asked, self.what)) == self.wanted

    def said(self, seen: Seen) -> str:
        """Return what is there."""
        return f"{self.what}" if getattr(seen.asked, self.what) else f"no {self.what}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """The tenant, the model asked for, or the language is one of a list; or one of the tags is."""

    what: str
    """`tenant`, `model`, `language` or `tags`."""
    accepted: tuple[str, ...]
    where: Where = "question"
    cost: int = 0

    def holds(self, seen: Seen) -> bool:
        """Whether it holds."""
        return not set(self._has(seen)).isdisjoint(self.accepted)

    def said(self, seen: Seen) -> str:
        """Return which of the list it is."""
        shared = [each for each in self.accepted if each in self._has(seen)]
        if shared:
            return f"{self.what} {shared[0]!r}"
        return f"{self.what} not {self.accepted[0]!r}" + (" nor another of the list" if len(self.accepted) > 1 else "")

    def _has(self, seen: Seen) -> tuple[str, ...]:
        if self.what == "tags":
            return tuple(seen.tags)
        if self.what == "language":
            return (seen.language(self.where),)
        return (seen.asked.model if self.what == "model" else seen.tenant,)


@dataclass(frozen=True, slots=True)
class Header:
    """A header is there, with one of some values."""

    name: str
    """In lower case."""
    accepted: tuple[str, ...]
    """Empty: any value."""
    wanted: bool = True
    """False: the header must not be there."""
    cost: int = 0

    def holds(self, seen: Seen) -> bool:
        """Whether it holds."""
        value = seen.headers.get(self.name)
        if value is None:
            return not self.wanted
        return self.wanted and (not self.accepted or value.strip() in self.accepted)

    def said(self, seen: Seen) -> str:
        """Return whether it is there, and its value where the policy names that."""
        value = seen.headers.get(self.name)
        if value is None:
            return f"no header {self.name}"
        return f"header {self.name}: {value.strip()}" if value.strip() in self.accepted else f"header {self.name}"
