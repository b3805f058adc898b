"""Where each setting comes from: the same files and variables that `settings` reads, each value with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from typer.core import TyperGroup

from llmopt.cli import registry
from llmopt.cli.registry import load
from llmopt.cli.settings import Given, file_layers, given, within, working_folder
from llmopt.core.diagnosis import Setting
from llmopt.cost.stores.address import without_secrets
from llmopt.errors import ConfigError

_TELLING = 3
"""Characters of a value that an error does not name by chance."""
_SECRET = re.compile(r"(^|_)(key|token|password|secret)$")


def in_force(root: Path | None = None) -> tuple[list[Setting], list[ConfigError]]:
    """Return every setting that holds in a folder, and what is wrong with the files and variables.

    Args:
        root: as for `settings.defaults_for`.
    """
    try:
        layers = file_layers(root or working_folder())
    except ConfigError as error:
        return [], [error]
    found: dict[tuple[str, str], list[Given]] = {}
    wrong = {error.message: error for path, table in layers for error in _unheard(path, table)}
    for entry in registry.COMMANDS:
        own = [] if entry.reads_files else layers
        for names, command, beside in _commands(load(entry), [entry.name]):
            try:
                for one in given(command, names, own, beside):
                    # What is set for all is told once, and not again for each command that has the option.
                    scope = "" if one.shared else " ".join(names)
                    those = found.setdefault((scope, one.name), [])
                    those += [one] if one not in those else []
            except ConfigError as error:
                wrong.setdefault(error.message, error)
    return [_setting(scope, name, those) for (scope, name), those in found.items()], list(wrong.values())


def blamed(message: str, arguments: Sequence[str]) -> list[Setting]:
    """Return the settings whose value an error names although nobody has typed it.

    Args:
        message: of the error.
        arguments: what was typed.
    """
    typed = " ".join(arguments)
    return [
        one
        for one in in_force()[0]
        if len(one.value) >= _TELLING and one.value in message and one.value not in typed and one.where not in message
    ]


def _unheard(path: Path, table: Mapping[str, Any]) -> Iterator[ConfigError]:
    """Yield what stands at the top of a file and is neither the table of a command nor an option of any."""
    names = [entry.name for entry in registry.COMMANDS]
    options = {
        str(option.name)
        for entry in registry.COMMANDS
        for _, command, _ in _commands(load(entry), [entry.name])
        for option in command.params
    }
    for key, value in table.items():
        known = names if isinstance(value, Mapping) else sorted(options)
        if (key if isinstance(value, Mapping) else key.replace("-", "_")) in known:
            continue
        close = get_close_matches(key.replace("-", "_"), known, 1) or get_close_matches(key, known, 1)
        kind = "command" if isinstance(value, Mapping) else "option of any command"
        hint = f"did you mean {close[0].replace('_', '-')!r}?" if close else "see docs/cli.md"
        yield ConfigError(f"{path}: {key!r} is no {kind}, so nothing comes of it", hint)


def _commands(command: Any, names: list[str]) -> Iterator[tuple[list[str], Any, tuple[str, ...]]]:
    """Yield each command that has options of its own: its names, itself, and the names beside it."""
    if not isinstance(command, TyperGroup):
        yield names, command, ()
        return
    for name, sub in command.commands.items():
        yield within(names, name), sub, tuple(command.commands)


def _setting(scope: str, name: str, those: list[Given]) -> Setting:
    *others, last = those
    value = "(set)" if _SECRET.search(name) else without_secrets(_text(last.value))
    return Setting(scope, f"--{name.replace('_', '-')}", value, last.where, tuple(one.where for one in others))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
