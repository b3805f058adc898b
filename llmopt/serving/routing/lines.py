"""Where an entry of a TOML file stands: tomllib says the line of bad syntax only, not that of a key.

Growing pieces of the file are parsed until the entry is there; only an error message needs it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

_LONGEST = 3000
"""Lines; beyond them no place is looked for."""


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the line, from 1, on which the entry at `path` begins; 0 where it cannot be told.

    Args:
        text: of a whole and valid TOML file.
        path: keys and positions in lists, such as `("rule", 2, "words")`.
    """
    lines = text.split("\n")
    if len(lines) > _LONGEST:
        return 0
    start = 0
    for count in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:count]) + "\n")
        except tomllib.TOMLDecodeError:
            continue
        if _has(document, path):
            return next(at for at in range(start, count) if _says(lines[at])) + 1
        start = count
    return 0


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _has(document: object, path: Sequence[str | int]) -> bool:
    for step in path:
        if isinstance(document, dict):
            if step not in document:
                return False
        elif not (isinstance(document, list) and isinstance(step, int) and step < len(document)):
            return False
        document = document[step]  # type: ignore[index]
    return True
