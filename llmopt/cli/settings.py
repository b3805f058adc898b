"""Settings below the flags: pyproject.toml, then llmopt.toml, then LLMOPT_* variables.

A key at the top (`format = "markdown"`) is the default of that option in every command that has it; a key in a
table named after a command (`[cost]`, in pyproject.toml `[tool.llmopt.cost]`) only there, and wins.
`LLMOPT_FORMAT` and `LLMOPT_COST_MAX_COST` are the same two as variables.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

from llmopt.errors import ConfigError

FLAGS = ("help", "install_completion", "show_completion")
"""Options that are actions and never settings."""

SWITCH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}

MIXED: dict[str, Callable[[Any, Any], bool]] = {
    "cached": lambda value, option: (str(value) in ("included", "excluded")) == ("included" in option.metavar),
    "keep": lambda value, option: str(value).endswith("%") != bool(option.multiple),
    "output": lambda value, option: bool(option.multiple) or not isinstance(value, list),
    "resume": lambda value, option: (str(value).lower() in SWITCH) == bool(getattr(option, "is_flag", False)),
}
"""Options that take one thing in one command and another elsewhere: set for all, each takes what fits it.

Name -> whether a value fits an option.
"""


def defaults_for(command: TyperCommand | TyperGroup, root: Path | None = None, *, files: bool = True) -> dict[str, Any]:
    """Return the default of every option of `command` that the user set anywhere below the flags.

    For a group: one such mapping for each subcommand, by name.

    Args:
        command: the loaded command.
        root: where to look for files first, then in the folders above; None: the working folder.
        files: False: variables only, since the command reads the files itself.

    Raises:
        ConfigError: a file is not TOML, or names an option that the command does not have.
    """
    layers = file_layers(root or working_folder()) if files else []
    return _defaults(command, [command.name or ""], layers)


def within(names: list[str], name: str) -> list[str]:
    """Return the full name of a command of a group; one that is called like its group is the group itself."""
    return names if name == names[-1] else [*names, name]


def working_folder() -> Path:
    """Return the working folder.

    Raises:
        ConfigError: it is not there any more.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise ConfigError(f"the working folder: {error.strerror}", "go to another one") from error


def file_layers(start: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return the settings files that hold in `start`, lowest rank first.

    The nearest folder upwards that has any is taken; the search ends at a repository's root.
    """
    for folder in [start, *start.parents]:
        layers = [layer for layer in (_pyproject(folder), _llmopt_toml(folder)) if layer is not None]
        if layers:
            return layers
        if (folder / ".git").exists():
            return []
    return []


def is_anything_set() -> bool:
    """Return whether any file or variable may set something."""
    try:
        return any(name.startswith("LLMOPT_") for name in os.environ) or bool(file_layers(working_folder()))
    except ConfigError:
        return False


def _pyproject(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    path = folder / "pyproject.toml"
    table = _toml(path).get("tool", {}) if path.is_file() else {}
    return (path, table["llmopt"]) if isinstance(table.get("llmopt"), dict) else None


def _llmopt_toml(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    path = folder / "llmopt.toml"
    return (path, _toml(path)) if path.is_file() else None


def _toml(path: Path) -> dict[str, Any]:
    import tomllib  # 3 ms that a folder without settings need not spend

    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}", "see to its rights, or remove it") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not TOML: {error}", "fix the file or remove it") from error


def _defaults(
    command: Any, names: list[str], layers: Iterable[tuple[Path, Mapping[str, Any]]], beside: Iterable[str] = ()
) -> dict[str, Any]:
    if isinstance(command, TyperGroup):
        subs = command.commands
        for path, settings in layers:
            _check_group(path, settings, names, subs)
        return {name: _defaults(sub, within(names, name), layers, subs) for name, sub in subs.items()}
    return {one.name: one.value for one in given(command, names, layers, beside)}


@dataclass(frozen=True, slots=True)
class Given:
    """One option that is set somewhere below the flags."""

    name: str
    """Of the option, with underscores."""
    value: Any
    """As the option takes it."""
    where: str
    """The file or the variable."""
    shared: bool
    """Whether it is meant for all commands that have the option."""


def given(
    command: Any, names: list[str], layers: Iterable[tuple[Path, Mapping[str, Any]]], beside: Iterable[str] = ()
) -> Iterator[Given]:
    """Yield what is set for one command, lowest rank first.

    Args:
        command: the loaded command; no group.
        names: its name, after that of its group.
        layers: as `file_layers` returns them.
        beside: names of the other commands of its group.

    Raises:
        ConfigError: a file names an option that the command does not have, or a value that it does not take.
    """
    options = _options(command)
    for path, settings in layers:
        yield from _from_file(path, _without(settings, names, beside), names, options)
    yield from _from_environment("LLMOPT", options, shared=True)
    yield from _from_environment("_".join(["LLMOPT", *names]).upper().replace("-", "_"), options)


def _options(command: Any) -> dict[str, Any]:
    return {str(p.name): p for p in command.params if p.name not in FLAGS and p.param_type_name == "option"}


def _check_group(path: Path, settings: Mapping[str, Any], names: list[str], subs: Mapping[str, Any]) -> None:
    """Refuse what stands in the table of a group and is none of its commands: nothing would come of it."""
    own = settings.get(names[0], {})
    if names[-1] in subs or not isinstance(own, Mapping):
        return
    for key in own:
        if key in subs:
            continue
        having = [name for name, sub in subs.items() if _name(key) in _options(sub)]
        close = get_close_matches(key, subs, 1)
        tables = " or ".join(f"[{names[0]}.{name}]" for name in having or close or subs)
        raise ConfigError(
            f"{path}: llmopt {' '.join(names)} has no command {key!r}",
            f"write it under {tables}" if having else f"did you mean {tables}?",
        )


def _from_file(
    path: Path, settings: Mapping[str, Any], names: list[str], options: Mapping[str, Any]
) -> Iterator[Given]:
    shared = {_name(key): value for key, value in settings.items() if _name(key) in options}
    for name, value in shared.items():
        # [cost] is the table of a command, and no value for the option --cost of another one
        if not isinstance(value, Mapping) and _fits(name, value, options[name]):
            yield Given(name, _value(value, options[name], str(path)), str(path), shared=True)
    own: Any = settings
    for name in names:
        own = own.get(name, {}) if isinstance(own, Mapping) else {}
    if not isinstance(own, Mapping):
        raise ConfigError(f"{path}: [{'.'.join(names)}] must be a table of options", "see docs/cli.md")
    for key, value in own.items():
        if _name(key) not in options:
            close = get_close_matches(_name(key), options, 1)
            hint = f"did you mean {close[0].replace('_', '-')!r}?" if close else f"llmopt {' '.join(names)} --help"
            raise ConfigError(f"{path}: llmopt {' '.join(names)} has no option {key!r}", hint)
        yield Given(_name(key), _value(value, options[_name(key)], str(path)), str(path), shared=False)


def _without(settings: Mapping[str, Any], names: list[str], beside: Iterable[str]) -> Mapping[str, Any]:
    """Return the settings without the tables of other commands in the table of the one called `names`."""
    own = settings.get(names[0])
    if len(names) > 1 or not isinstance(own, Mapping):
        return settings
    kept = {key: value for key, value in own.items() if key not in beside or not isinstance(value, Mapping)}
    return {**settings, names[0]: kept}


def _from_environment(scope: str, options: Mapping[str, Any], *, shared: bool = False) -> Iterator[Given]:
    for name, option in options.items():
        variable = f"{scope}_{name}".upper()
        value = os.environ.get(variable)
        if value and (not shared or _fits(name, value, option)):
            yield Given(name, _value(value, option, variable), variable, shared)


def _fits(name: str, value: Any, option: Any) -> bool:
    """Whether a setting for all commands can be meant for this one."""
    return name not in MIXED or MIXED[name](value, option)


def _name(key: str) -> str:
    return key.replace("-", "_")


def _value(value: Any, option: Any, where: str) -> Any:
    """Give a list to an option that repeats, a truth to a flag, and else the text that would follow the flag."""
    if getattr(option, "is_flag", False):
        word = str(value).lower()
        if word not in SWITCH:
            raise ConfigError(f"{where}: {option.name} is true or false, not {value!r}", "write true or false")
        return SWITCH[word]
    if getattr(option, "multiple", False):
        return [str(one) for one in (value if isinstance(value, list) else [value])]
    if isinstance(value, list | dict):
        raise ConfigError(f"{where}: {option.name} takes one value, not {value!r}", "write one value")
    return str(value)
