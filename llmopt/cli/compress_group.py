"""A group of commands of which one runs where no other is named: `llmopt compress FILE`, `llmopt compress eval`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class DefaultGroup(TyperGroup):
    """A group whose command of the same name takes all arguments that do not begin with another command.

    A file that is called like a command is written `./eval`.
    """

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Return the context of the command that `args` ask for."""
        own = self.commands[str(self.name)]
        if args and args[0] in self.commands and args[0] != self.name:
            return super().make_context(info_name, args, parent, **extra)
        settings = parent.default_map if parent is not None else None
        mine = settings.get(info_name, {}).get(self.name) if settings else None
        return own.make_context(info_name, args, parent, default_map=mine, **extra)
