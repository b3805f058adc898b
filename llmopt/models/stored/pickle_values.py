"""What a pickle would make, as inert values: names, calls that are not made, and entries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class PickleError(ValueError):
    """A pickle that is damaged, or does what none of tensors does."""


@dataclass(frozen=True, slots=True)
class Global:
    """What the pickle asks for."""

    name: str
    """With its module: `module.name`."""


@dataclass(frozen=True, slots=True)
class Persistent:
    """What the pickle names and its archive holds: a storage of numbers."""

    id: Any
    """As the pickle has it."""


@dataclass(slots=True, eq=False)
class Made:
    """What a call would return, or a dictionary, a list or a set."""

    callee: Any
    """A `Global` mostly; None for a plain dictionary, list or set."""
    arguments: Any
    """Of the call."""
    items: list[tuple[Any, Any]] = field(default_factory=list)
    """Entries of a dictionary, in their order."""
    members: list[Any] = field(default_factory=list)
    """Entries of a list or set."""
    state: Any = None
    """What it would be given by `__setstate__`."""
