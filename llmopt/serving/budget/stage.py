"""One stage of a pipeline, as it was declared."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from llmopt.errors import UsageError
from llmopt.serving.budget.linked import Linked, linked


class _Nothing:
    """The type of `NOTHING`."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()
"""No fallback was declared; None is one."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage; `LatencyBudget.stage` documents what can be declared."""

    name: str
    call: Linked
    optional: bool
    expected_s: float | None
    min_s: float
    fallback: Any
    """A value; `NOTHING` where there is none or a function."""
    fallback_call: Linked | None
    fallback_s: float
    hedge: float | None

    @property
    def has_fallback(self) -> bool:
        """Whether a value or a function was declared to take its place."""
        return self.fallback_call is not None or self.fallback is not NOTHING

    def fallback_value(self) -> Any:
        """Return the value that takes its place: fresh lists, dicts and sets each time, so that runs share none."""
        return None if self.fallback is NOTHING else _fresh(self.fallback)


def _fresh(value: Any) -> Any:
    """Return a value with lists, dicts and sets of its own, also those within; whatever else it holds is shared."""
    if type(value) is list:
        return [_fresh(each) for each in value]
    if type(value) is dict:
        return {key: _fresh(each) for key, each in value.items()}
    return copy.copy(value) if isinstance(value, list | dict | set) else value


def declared(
    function: Callable[..., Any],
    *,
    name: str | None,
    optional: bool,
    expected_s: float | None,
    min_s: float,
    fallback: Any,
    fallback_s: float,
    hedge: float | None,
) -> Stage:
    """Check what was declared and return the stage.

    Raises:
        UsageError: something in it makes no sense.
    """
    if not callable(function):
        raise UsageError(f"a stage is a function, and {function!r} is none")
    name = getattr(function, "__name__", "") if name is None else name
    if not name.isidentifier():
        raise UsageError(f"the stage {name or function!r} has no name that a parameter can have", "give it name=...")
    what = f"stage '{name}'"
    for label, value in (("expected_s", expected_s), ("min_s", min_s), ("fallback_s", fallback_s)):
        if value is not None and not 0 <= value < math.inf:
            raise UsageError(f"{label} of {what} is {value}; seconds from 0 on are needed")
    if hedge is not None and not 0 < hedge < 1:
        raise UsageError(f"hedge of {what} is {hedge}; a quantile between 0 and 1 is needed", "such as hedge=0.95")
    instead = linked(fallback, f"the fallback of {what}") if callable(fallback) else None
    if instead is not None and instead.asynchronous and not fallback_s:
        raise UsageError(
            f"the fallback of {what} is a coroutine function, and no time is kept for it", "declare fallback_s=..."
        )
    return Stage(
        name=name,
        call=linked(function, what),
        optional=optional,
        expected_s=expected_s,
        min_s=min_s,
        fallback=NOTHING if instead is not None else fallback,
        fallback_call=instead,
        fallback_s=0.0 if instead is None else fallback_s,
        hedge=hedge,
    )
