"""Write the reference of the command line as markdown, from the commands themselves.

`python -m llmopt.cli.docs` prints what docs/cli.md has to hold; a test compares the two.
"""

from __future__ import annotations

import sys
from typing import Any

from typer.core import TyperCommand, TyperGroup

from llmopt.cli.registry import COMMANDS, load
from llmopt.cli.settings import FLAGS, within

HEAD = """\
# The command line

Generated from the commands by `make docs`; do not edit.

Exit codes: 0 fine; 1 a check that you asked for failed; 2 wrong usage, unreadable input, bad settings or a missing
extra; 3 a bug; 130 Ctrl-C. The result goes to stdout, everything else to stderr.

Every option can be set below the flags: `[tool.llmopt]` in pyproject.toml, then `llmopt.toml`, then `LLMOPT_*`
variables, each over the one before. `format = "json"` (`LLMOPT_FORMAT=json`) holds for every command that has
the option; `max-cost = "500"` under `[tool.llmopt.cost]` (in llmopt.toml `[cost]`; `LLMOPT_COST_MAX_COST=500`) for
that one, and `ttl = "24h"` under `[cache.simulate]` (`LLMOPT_CACHE_SIMULATE_TTL=24h`) for a command of a group.
The files are looked for in the working folder and those above it, up to the root of the repository. `[gateway]` holds
more than options: [docs/gateway.md](gateway.md).
"""


def reference() -> str:
    """Return the reference of every command."""
    return HEAD + "".join(_command(load(entry), f"llmopt {entry.name}") for entry in COMMANDS)


def _command(command: TyperCommand | TyperGroup, path: str) -> str:
    lines = [f"\n## `{path}`\n", f"{command.help or ''}\n"]
    if isinstance(command, TyperGroup):
        head = "" if command.name in command.commands else "\n".join(lines)
        names = path.split()
        return head + "".join(_command(sub, " ".join(within(names, name))) for name, sub in _commands(command))
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option" and param.name not in FLAGS]
    usage = " ".join([path, *(str(argument.metavar or str(argument.name).upper()) for argument in arguments)])
    lines.append(f"```\n{usage} [OPTIONS]\n```\n")
    if arguments or options:
        lines.append("| | | default |\n| --- | --- | --- |")
        lines.extend(_row(param) for param in [*arguments, *options] if not getattr(param, "hidden", False))
    return "\n".join(lines) + "\n"


def _commands(group: TyperGroup) -> list[tuple[str, Any]]:
    return list(group.commands.items())


def _row(param: Any) -> str:
    metavar = (param.metavar or "").replace("|", r"\|")
    if param.param_type_name == "argument":
        names = f"`{metavar or param.name.upper()}`"
    else:
        names = ", ".join(f"`{name}`" for name in param.opts) + (f" `{metavar}`" if metavar else "")
    default = "" if param.default in (None, False, [], (), ...) or param.required else f"`{param.default}`"
    text = (param.help or "").replace("|", r"\|")
    return f"| {names} | {text} | {default} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
