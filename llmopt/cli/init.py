"""`llmopt init`: write an llmopt.toml in which every option stands as a comment, with what it does and its default."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from llmopt.cli.options import QuietOption, VerboseOption
from llmopt.cli.output import check_place, save, to_stdout
from llmopt.cli.registry import COMMANDS, Entry, load
from llmopt.cli.settings import FLAGS, within
from llmopt.errors import InputError, UsageError
from llmopt.report.text import clean

_NOT_SET = (*FLAGS, "output", "verbose", "quiet", "force")
"""Options that belong to one run."""
_NOT_TABLES = ("init", "doctor")
_WIDTH = 100
_HEAD = """\
# Settings of llmopt for this folder and those below it.
#
# Every line is a comment and shows what holds already, or what may stand there: "A|B" is one of the two, capitals are a
# placeholder. Take away a "#" to set an option.
# Flags go before variables (LLMOPT_COST_MAX_COST=500), variables before this file, and this file before
# [tool.llmopt] in pyproject.toml. `llmopt doctor` tells where each setting comes from.

# For all commands that have the option:
# format = "table"
# prices = ["prices.json"]
"""
_GATEWAY = """\

# The table of `llmopt gateway` holds more than options: upstreams, keys, budgets. See docs/gateway.md;
# `llmopt gateway --new-key NAME` writes the part for a key.
# [gateway]
"""


def init(
    commands: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND]...", help="Only these commands, such as cost. Default: all.", show_default=False
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Write there; - is stdout.")] = Path(
        "llmopt.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Write a commented llmopt.toml, with every option as it is.

    Example: llmopt init cost compress
    """
    wanted = [_entry(name) for name in commands or []] or [one for one in COMMANDS if one.name not in _NOT_TABLES]
    text = template(wanted)
    if str(output) == "-":
        to_stdout(text)
        return
    check_place(output)
    if output.exists() and not force:
        raise InputError(f"{output}: is there already", "replace it with --force, or write to another file with -o")
    save(output, text)
    if not quiet:
        sys.stderr.write(f"llmopt: wrote {clean(str(output))}; take the # from a line to set an option\n")


def template(entries: list[Entry]) -> str:
    """Return the text of a settings file that changes nothing."""
    parts = [_HEAD]
    for entry in entries:
        parts += [_GATEWAY] if entry.reads_files else _tables(load(entry), [entry.name])
    return "".join(parts)


def _tables(command: Any, names: list[str]) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        for name, sub in command.commands.items():
            yield from _tables(sub, within(names, name))
        return
    lines = [f"\n[{'.'.join(names)}]", f"# {(command.help or '').splitlines()[0]}"]
    for option in command.params:
        if option.param_type_name == "option" and option.name not in _NOT_SET and not option.hidden:
            lines += _lines(option)
    yield "\n".join(lines) + "\n"


def _lines(option: Any) -> list[str]:
    """Return one option as comments: what it does, and how it is set."""
    name = str(option.name).replace("_", "-")
    said = textwrap.wrap(option.help or "", _WIDTH, initial_indent="# ", subsequent_indent="# ")
    return ["", *said, f"# {name} = {_value(option)}"]


def _value(option: Any) -> str:
    """Return the default as TOML; where there is none, what is to be put there."""
    if getattr(option, "is_flag", False):
        return str(bool(option.default)).lower()
    default = option.default if option.default not in (None, (), []) else None
    if option.multiple:
        return json.dumps([str(one) for one in default] if default else [option.metavar or "VALUE"])
    return json.dumps(str(default) if default is not None else (option.metavar or "VALUE"), ensure_ascii=False)


def _entry(name: str) -> Entry:
    for entry in COMMANDS:
        if entry.name == name and name not in _NOT_TABLES:
            return entry
    known = ", ".join(entry.name for entry in COMMANDS if entry.name not in _NOT_TABLES)
    raise UsageError(f"{name}: no command with settings", f"one of {known}")
