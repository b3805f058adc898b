"""Names of objects and the globs that match them, by the rules of globs and folders on a disk."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from glob import has_magic
from itertools import takewhile

_MAGIC = "*?["


def divided(url: str) -> tuple[str, str]:
    """Return the folder of a glob up to its last `/` without a wildcard before it, and the rest: the pattern."""
    plain = "".join(takewhile(lambda letter: letter not in _MAGIC, url)) if has_magic(url) else url
    folder = plain[: plain.rfind("/") + 1]
    return folder, url[len(folder) :]


def literal_start(pattern: str) -> str:
    """Return what each name that matches begins with, up to a first `/`."""
    return "".join(takewhile(lambda letter: letter not in _MAGIC + "/", pattern))


def matches(pattern: Sequence[str], name: Sequence[str]) -> bool:
    """Return whether the parts of a name match those of a glob; `**` stands for any folders, `*` for no hidden name."""
    if not pattern:
        return not name
    if pattern[0] != "**":
        return bool(name) and _fits(pattern[0], name[0]) and matches(pattern[1:], name[1:])
    if len(pattern) == 1:
        return bool(name) and not is_hidden(name)
    visible = len(list(takewhile(lambda part: not part.startswith("."), name)))
    return any(matches(pattern[1:], name[place:]) for place in range(visible + 1))


def is_hidden(name: Sequence[str]) -> bool:
    """Return whether a part of a name is hidden."""
    return any(part.startswith(".") for part in name)


def as_walked(name: Sequence[str]) -> list[tuple[bool, str]]:
    """Return what to sort names by: the files of a folder, then its folders, as a walk through directories does."""
    return [(place < len(name) - 1, part) for place, part in enumerate(name)]


def _fits(pattern: str, part: str) -> bool:
    return (pattern.startswith(".") or not part.startswith(".")) and fnmatchcase(part, pattern)
