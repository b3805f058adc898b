"""Checks of an answer: what a cheap model's answer must satisfy, so that no better model is asked.

An answer that calls tools has no text to check; checks of the text let it pass. A function of one's own
(`Satisfies`) sees the answer itself.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from llmopt.errors import ConfigError, UsageError
from llmopt.serving.routing.answered import Answered
from llmopt.serving.routing.patterns import Pattern, compiled, first_in, said
from llmopt.serving.routing.schema import Schema
from llmopt.serving.routing.words import Phrases, Words, is_phrase

COMPLETE = (
    "stop",
    "end_turn",
    "stop_sequence",
    "tool_calls",
    "tool_use",
    "function_call",
    "completed",
    "complete",
    "eos_token",
)
"""How servers say that an answer came to its own end."""


class Check(Protocol):
    """Looks at an answer."""

    def fault(self, answered: Answered, value: Any) -> str:
        """Return what is wrong, in words; empty where the answer passes."""
        ...


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer came to its end: it was neither cut nor filtered. An answer that does not say so fails."""

    accepted: tuple[str, ...] = COMPLETE

    def fault(self, answered: Answered, value: Any) -> str:
        """Return the finish reason that is not accepted."""
        if not answered.finish_reason:
            return "no finish reason"
        return "" if answered.finish_reason in self.accepted else f"finish reason {answered.finish_reason[:40]!r}"


@dataclass(frozen=True, slots=True)
class Long:
    """The text has so many characters, blanks around it left out."""

    min_chars: int = 0
    max_chars: int | None = None

    def fault(self, answered: Answered, value: Any) -> str:
        """Return a length that is too short or too long."""
        count = len(answered.text.strip())
        if answered.calls_tools or (count >= self.min_chars and (self.max_chars is None or count <= self.max_chars)):
            return ""
        return f"{count} characters {'<' if count < self.min_chars else '>'} {self._bound(count)}"

    def _bound(self, count: int) -> int:
        return self.min_chars if self.max_chars is None or count < self.min_chars else self.max_chars


@dataclass(frozen=True, slots=True)
class Reads:
    """One of some patterns matches the text, or (`wanted=False`) none does."""

    patterns: tuple[Pattern, ...]
    wanted: bool = True

    @classmethod
    def of(cls, *sources: str, wanted: bool = True) -> Reads:
        """Return the check; raises ConfigError for a pattern that is none."""
        return cls(tuple(compiled(source) for source in sources), wanted)

    def fault(self, answered: Answered, value: Any) -> str:
        """Return the pattern that is there, or that none is."""
        if answered.calls_tools:
            return ""
        try:
            first = first_in(self.patterns, answered.text)
        except TimeoutError:
            return "a pattern that takes too long"
        if (first is not None) == self.wanted:
            return ""
        return said(self.patterns, first)


@dataclass(frozen=True, slots=True)
class Says:
    """One of some words or phrases stands in the text, or (`wanted=False`) none does."""

    phrases: Phrases
    wanted: bool = True

    @classmethod
    def of(cls, *phrases: str, wanted: bool = True) -> Says:
        """Return the check; raises ConfigError for a phrase that is not made of words."""
        for phrase in phrases:
            if not is_phrase(phrase):
                raise ConfigError(f"{phrase!r} is not made of words", "look for it with Reads.of")
        return cls(Phrases(phrases), wanted)

    def fault(self, answered: Answered, value: Any) -> str:
        """Return the words that are there, or that none are."""
        first = self.phrases.first(Words(answered.text))
        if answered.calls_tools or (first is not None) == self.wanted:
            return ""
        return "none of the words" if first is None else f"the words {first!r}"


@dataclass(frozen=True, slots=True)
class IsJson:
    """The text is JSON, and satisfies a schema where one is given; a Markdown fence around it is no fault."""

    schema: Schema | None = None

    def fault(self, answered: Answered, value: Any) -> str:
        """Return what is wrong with the JSON, and where."""
        if answered.calls_tools:
            return ""
        try:
            found = json.loads(_unfenced(answered.text), parse_constant=_refuse)
        except (ValueError, RecursionError):
            return "no JSON"
        return "" if self.schema is None else self.schema.fault(found)


@dataclass(frozen=True, slots=True)
class Satisfies:
    """A function of one's own: it gets the answer as the call returned it.

    The answer passes where it returns True, None or an empty text. It fails where it returns False or what is wrong,
    or raises what a reader of data raises (ValueError, as of pydantic and json; AssertionError, LookupError, TypeError,
    AttributeError).
    """

    function: Callable[[Any], bool | str | None]

    def __post_init__(self) -> None:
        """Refuse a coroutine function, since nobody would wait for what it says.

        Raises:
            UsageError: it is one.
        """
        if inspect.iscoroutinefunction(self.function):
            raise UsageError(f"the check {self._name} is a coroutine function", "checks are plain functions")

    def fault(self, answered: Answered, value: Any) -> str:
        """Return what the function says."""
        try:
            said = self.function(value)
        except (ValueError, AssertionError, LookupError, TypeError, AttributeError) as error:
            return f"{self._name} raised {type(error).__name__}"
        if isinstance(said, str):
            return said
        return "" if said is None or said else f"refused by {self._name}"

    @property
    def _name(self) -> str:
        return getattr(self.function, "__name__", "the function")


def fault(checks: Sequence[Check], value: Any) -> str:
    """Return what the first check that fails says; empty where the answer passes all."""
    answered = Answered.of(value)
    return next((said for check in checks if (said := check.fault(answered, value))), "")


def _unfenced(text: str) -> str:
    stripped = text.strip()
    if not (stripped.startswith("```") and stripped.endswith("```") and "\n" in stripped):
        return stripped
    return stripped[stripped.index("\n") + 1 : -3].strip()


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
