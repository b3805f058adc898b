"""Read a TOML file so that errors can say where: its text, what it holds, and the line of an entry.

tomllib says the line of bad syntax only, not that of a key: the shortest beginning of the file that has the entry is
looked for by halves. Only an error message needs it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from llmopt.errors import ConfigError

_LARGEST_BYTES = 4_000_000
_AT = re.compile(r"(.*) \(at line (\d+), column (\d+)\)", re.DOTALL)


def read_text(path: Path, hint: str) -> str:
    """Return the text of a small file.

    Args:
        path: of the file.
        hint: what to do where it cannot be read.

    Raises:
        ConfigError: it cannot be read, is too large, or is no text; names the file, and the line where there is one.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:  # a NUL in the name
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}", hint) from error
    if len(raw) > _LARGEST_BYTES:
        raise ConfigError(f"{path}: more than {_LARGEST_BYTES:,} bytes", hint)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not valid UTF-8", "save it as UTF-8") from error


def document(text: str, source: str, hint: str, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return what a text holds.

    Args:
        text: TOML.
        source: what the error message calls it.
        hint: what to do where it is none.
        parse_float: makes a number of digits with a point or an exponent.

    Raises:
        ConfigError: it is no TOML; names the line.
    """
    try:
        return tomllib.loads(text, parse_float=parse_float)
    except tomllib.TOMLDecodeError as error:
        at = _AT.fullmatch(str(error))
        line, what = (at[2], at[1]) if at else (text.rstrip().count("\n") + 1, error)
        raise ConfigError(f"{source}:{line}: no valid TOML: {what}", hint) from error
    except (ValueError, ArithmeticError) as error:
        raise ConfigError(f"{source}: no valid TOML: a number has too many digits", hint) from error
    except RecursionError as error:
        raise ConfigError(f"{source}: no valid TOML: lists within lists without end", hint) from error


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the line, from 1, on which the entry at `path` begins; 0 where there is none.

    Args:
        text: of a whole and valid TOML file.
        path: keys and positions in lists, such as `("rule", 2, "words")`.
    """
    if not _has(tomllib.loads(text), path):
        return 0
    lines = text.split("\n")
    without, having = 0, len(lines)
    while without + 1 < having:
        end, piece = _piece(lines, (without + having) // 2)
        if _has(piece, path):
            having = (without + having) // 2
        else:
            without = end
    return next(at for at in range(without, len(lines)) if _says(lines[at])) + 1


def _piece(lines: list[str], least: int) -> tuple[int, Mapping[str, Any]]:
    """Return the first lines, `least` or a few more, that are a document of their own, and that."""
    for count in range(least, len(lines)):
        try:
            return count, tomllib.loads("\n".join(lines[:count]) + "\n")
        except tomllib.TOMLDecodeError:  # within a value of several lines
            continue
    return len(lines), tomllib.loads("\n".join(lines))


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _has(value: object, path: Sequence[str | int]) -> bool:
    for step in path:
        if isinstance(value, dict):
            if step not in value:
                return False
        elif not (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            return False
        value = value[step]  # type: ignore[index]
    return True
