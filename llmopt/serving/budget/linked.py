"""A function whose parameters are filled by name: with results of stages, or inputs of the run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llmopt.errors import UsageError

_STARS = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


@dataclass(frozen=True, slots=True)
class Linked:
    """A function and what it takes."""

    function: Callable[..., Any]
    parameters: tuple[inspect.Parameter, ...]
    asynchronous: bool
    """Whether calling it gives a coroutine; else it is run in a thread."""

    @property
    def names(self) -> tuple[str, ...]:
        """What it takes."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def needs(self) -> tuple[str, ...]:
        """What it cannot do without: parameters that have no default."""
        return tuple(each.name for each in self.parameters if each.default is inspect.Parameter.empty)

    def bound(self, values: Mapping[str, Any]) -> Callable[[], Any]:
        """Return the call with the values it takes; one that is not there is left to the default."""
        by_place: list[Any] = []
        by_name: dict[str, Any] = {}
        for each in self.parameters:
            if each.kind is inspect.Parameter.POSITIONAL_ONLY:
                by_place.append(values.get(each.name, each.default))  # its place is taken, given or not
            elif each.name in values:
                by_name[each.name] = values[each.name]
        return lambda: self.function(*by_place, **by_name)


def linked(function: Callable[..., Any], what: str) -> Linked:
    """Read what a function takes.

    Args:
        function: any callable.
        what: what it is, for errors, such as `stage 'search'`.

    Raises:
        UsageError: it is a generator, or takes `*args` or `**kwargs`, which have no names to link.
    """
    if any(inspect.isgeneratorfunction(each) or inspect.isasyncgenfunction(each) for each in _own(function)):
        raise UsageError(f"{what} is a generator: its work would be done after it", "return a list of what it yields")
    try:
        parameters = tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = ()  # some built-ins, such as `dict`, do not tell; called with nothing they work
    starred = [_STARS[each.kind] + each.name for each in parameters if each.kind in _STARS]
    if starred:
        raise UsageError(
            f"{what} takes {starred[0]}; results are linked by parameter name", "name what it takes, one by one"
        )
    return Linked(function, parameters, _asynchronous(function))


def _asynchronous(function: Callable[..., Any]) -> bool:
    inner = inspect.unwrap(function)
    return any(inspect.iscoroutinefunction(each) for each in (inner, *_own(function)))


def _own(function: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    """Return what tells its kind: itself, or the method of a callable object."""
    return function, type(function).__call__
