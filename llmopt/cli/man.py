"""Write the manual page `llmopt(1)` from the commands themselves, in the roff of man-pages(7).

`python -m llmopt.cli.man` prints what docs/llmopt.1 has to hold; a test compares the two, and the wheel installs it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup

from llmopt.cli.registry import COMMANDS, load
from llmopt.cli.settings import FLAGS, within

_HEAD = r"""
.TH LLMOPT 1
.SH NAME
llmopt \- measure what LLM traffic costs, cut it, and prove the saving
.SH SYNOPSIS
.B llmopt
.I COMMAND
.RI [ ARGUMENT ]...
.RI [ OPTION ]...
.SH DESCRIPTION
The result goes to standard output, everything else to standard error. Nothing is sent anywhere unless a URL is named.
Each command tells its options with
.BR \-\-help .
""".lstrip()
_TAIL = r"""
.SH EXIT STATUS
.TP
.B 0
fine
.TP
.B 1
a check that was asked for failed
.TP
.B 2
wrong usage, unreadable input, bad settings or a missing extra
.TP
.B 3
a bug
.TP
.B 130
interrupted
.SH FILES
.TP
.I llmopt.toml
settings of the working folder and those below it; over
.I pyproject.toml
(its table
.BR [tool.llmopt] ).
.B llmopt init
writes one,
.B llmopt doctor
tells where each setting comes from.
.SH ENVIRONMENT
.TP
.BI LLMOPT_ OPTION
a setting for all commands, such as
.BR LLMOPT_FORMAT=json .
.TP
.BI LLMOPT_ COMMAND_OPTION
a setting for one, such as
.BR LLMOPT_COST_MAX_COST=500 .
.TP
.B NO_COLOR
no colours.
""".lstrip()


def page() -> str:
    """Return the manual page."""
    parts = [_HEAD, ".SH COMMANDS\n"]
    for entry in COMMANDS:
        parts += _command(load(entry), [entry.name])
    return "".join([*parts, _TAIL])


def _command(command: Any, names: list[str]) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        for name, sub in command.commands.items():
            yield from _command(sub, within(names, name))
        return
    arguments = [str(one.metavar or one.name.upper()) for one in command.params if one.param_type_name == "argument"]
    yield f".SS llmopt {_roff(' '.join([*names, *arguments]))}\n"
    for paragraph in (command.help or "").split("\n\n"):
        yield f"{_roff(' '.join(paragraph.split()))}\n.PP\n"
    for option in command.params:
        if option.param_type_name == "option" and option.name not in FLAGS and not option.hidden:
            names_of = ", ".join(rf"\fB{_roff(name)}\fR" for name in option.opts)
            value = rf" \fI{_roff(option.metavar)}\fR" if option.metavar else ""
            yield f".TP\n{names_of}{value}\n{_roff(' '.join((option.help or '').split()))}\n"


def _roff(text: str) -> str:
    """Escape what roff would take for itself."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    sys.stdout.write(page())
