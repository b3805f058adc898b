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
        given = [parameter for parameter in self.parameters if parameter.name in values]
        by_place = [values[each.name] for each in given if each.kind is inspect.Parameter.POSITIONAL_ONLY]
        by_name = {each.name: values[each.name] for each in given if each.kind is not inspect.Parameter.POSITIONAL_ONLY}
        return lambda: self.function(*by_place, **by_name)


def linked(function: Callable[..., Any], what: str) -> Linked:
    """Read what a function takes.

    Args:
        function: any callable.
        what: what it is, for errors, such as `stage 'search'`.

    Raises:
        UsageError: it is not callable, or takes `*args` or `**kwargs`, which have no names to link.
    """
    if not callable(function):
        raise UsageError(f"{what} is a {type(function).__name__}, not a function")
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
    return any(inspect.iscoroutinefunction(each) for each in (function, inner, type(function).__call__))
