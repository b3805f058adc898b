"""Looking up what somebody might type: are the command and its options there? Nothing is run."""

from __future__ import annotations

from typing import Any

from typer import TyperException
from typer.core import TyperGroup

from llmopt.cli.main import _command as command_line
from llmopt.cli.registry import COMMANDS, load


def fault_of(arguments: list[str]) -> str:
    """Look a command and its options up as the command line would, and run nothing."""
    root = command_line()
    context: Any = root.context_class(root, help_option_names=["-h", "--help"])
    try:
        _, rest, _ = root.make_parser(context).parse_args(list(arguments))
        command, rest = _found(rest)
        if command is not None:
            _, rest, _ = command.make_parser(command.context_class(command, parent=context)).parse_args(list(rest))
    except TyperException as error:
        return str(error.message or error)
    return f"nothing takes {' '.join(rest)}" if rest else ""


def _found(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that words name, and those that are left; no command for a family of commands alone."""
    entry = next((entry for entry in COMMANDS if entry.name in words[:1]), None)
    if entry is None:
        return None, words
    command, rest = load(entry), words[1:]
    if not isinstance(command, TyperGroup):
        return command, rest
    if rest and rest[0] in command.commands:
        return command.commands[rest[0]], rest[1:]
    return command.commands.get(str(command.name)), rest
