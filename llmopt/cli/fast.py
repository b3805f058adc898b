"""Take text options as they are, without pydantic.

typer checks every value through a pydantic adapter; loading pydantic costs a third of a short run. A parameter
that is text, a path or a flag has nothing to check, so it gets a converter that does without. Everything else, and any
typer that keeps its converters elsewhere, goes the usual way.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

PLAIN: dict[Any, type[str] | type[Path] | type[bool]] = {
    str: str,
    list[str]: str,
    Path: Path,
    list[Path]: Path,
    bool: bool,
}
"""Annotation -> what makes a value of it from text."""


@dataclass(frozen=True, slots=True)
class Text:
    """Converter of one parameter: the part of typer's own converters that typer calls."""

    make: type[str] | type[Path] | type[bool]
    several: bool

    def coerce(self, value: Any, param: object, ctx: object) -> Any:
        """Return `value` (text, a list of texts, a truth, or None) as the parameter's type."""
        del param, ctx
        if self.several:
            return tuple(self.make(one) for one in value or ())
        return None if value is None else self.make(value)


def spare_pydantic(command: TyperCommand | TyperGroup, context: Any) -> None:
    """Give every plain parameter of `command` and its subcommands a converter of its own.

    Args:
        command: a loaded command.
        context: the one it will run in, which names the help option.
    """
    for param in [*command.params, command.get_help_option(context)]:
        spare(param)
    if isinstance(command, TyperGroup):
        for sub in command.commands.values():
            if isinstance(sub, TyperCommand | TyperGroup):
                spare_pydantic(sub, context)


def spare(param: Any) -> None:
    """Give one parameter a converter of its own where it is plain."""
    descriptor = getattr(param, "type_descriptor", None)
    make = PLAIN.get(getattr(descriptor, "annotation", None))
    if make is not None and getattr(param, "_runtime_param", ...) is None:
        several = bool(getattr(param, "multiple", False)) or param.nargs == -1
        vars(param)["_runtime_param"] = Text(make, several)
