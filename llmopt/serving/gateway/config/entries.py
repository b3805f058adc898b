"""What a gateway is told, entry by entry, from several places: settings files, variables, flags.

Every place becomes a flat mapping of dotted names (`cache.ttl`) to entries; a later place goes over an earlier one,
name by name. An entry knows where it stands, so that each error names the file and the line, or the flag.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from llmopt.core.toml import line_of
from llmopt.errors import ConfigError, LlmoptError, UsageError
from llmopt.serving.gateway.config.names import TABLES

DOCS = "see docs/gateway.md"
SWITCH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
Read = TypeVar("Read")
_CREDENTIALS = re.compile(r"://.*@", re.DOTALL)
"""In a URL."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file that holds settings, or the command line with its variables."""

    source: str = ""
    """Name of the file; empty: flags and variables."""
    text: str = ""
    """Of the file."""
    folder: Path = Path()
    """To which relative paths are relative."""

    def fault(self, path: tuple[str | int, ...], message: str, hint: str = DOCS) -> LlmoptError:
        """Return an error about an entry, with its file and line."""
        if not self.source:
            return UsageError(message, hint)
        line = line_of(self.text, path) if path else 0
        return ConfigError(f"{self.source}:{line}: {message}" if line else f"{self.source}: {message}", hint)


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting, as it was written."""

    value: Any
    place: Place
    path: tuple[str | int, ...]
    """In the file; of a flag its name only."""

    @property
    def label(self) -> str:
        """What messages call it: `--ttl`, or `[gateway.cache] ttl =`."""
        if not self.place.source:
            return f"--{str(self.path[-1]).replace('_', '-')}"
        return f"{titled(self.path[:-1])} {self.path[-1]} ="

    def fault(self, message: str, hint: str = DOCS) -> LlmoptError:
        """Return an error about it."""
        return self.place.fault(self.path, message, hint)

    def wrong(self, wanted: str, hint: str = DOCS) -> LlmoptError:
        """Return the error that it is not what is wanted."""
        return self.fault(f"{self.label} {self._written()}: {wanted}", hint)

    def parsed(self, read: Callable[[str, str], Read]) -> Read:
        """Return what a reader of texts, such as those of `llmopt.core.parsed`, makes of it.

        Args:
            read: takes the text and the label, and raises UsageError.
        """
        if isinstance(self.value, bool | list | dict) or not isinstance(self.value, str | int | float | Decimal):
            raise self.wrong("one value is needed")
        try:
            return read(str(self.value), self.label)
        except UsageError as error:
            hint = error.hint.replace(f"{self.label} ", "") if self.place.source else error.hint
            written = str(self.value) if not isinstance(self.value, str) else repr(self.value)
            raise self.fault(error.message.replace(repr(str(self.value)), written), hint) from error

    def text(self) -> str:
        """Return a text that is not empty, and holds what can be printed only."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong("a text is needed")
        if not self.value.isprintable():
            raise self.wrong("a text of one line is needed")
        return self.value.strip()

    def texts(self) -> tuple[str, ...]:
        """Return texts, of a list or of one; no list item is empty."""
        listed = self.value if isinstance(self.value, list | tuple) else [self.value]
        found = [Entry(each, self.place, self.path).text() for each in listed]
        return tuple(dict.fromkeys(found))

    def switch(self) -> bool:
        """Return true or false."""
        word = str(self.value).lower()
        if word not in SWITCH or isinstance(self.value, list | dict):
            raise self.wrong("true or false is needed")
        return SWITCH[word]

    def choice(self, known: Iterable[str]) -> str:
        """Return one of some words."""
        names = list(known)
        if self.value not in names:
            raise self.wrong(f"not one of {', '.join(names)}", near(str(self.value), names))
        return str(self.value)

    def file(self) -> Path:
        """Return a path; one in a file is relative to the file's folder."""
        return self.place.folder / Path(self.text()).expanduser()

    def _written(self) -> str:
        """Return the value about as the file has it, without what may be secret: a table, a URL's password."""
        match self.value:
            case dict():
                return "{...}"
            case list() | tuple():
                return "[...]"
            case bool():
                return str(self.value).lower()
            case str():
                return repr(_CREDENTIALS.sub("://", self.value))
            case _:
                return str(self.value)


def entries_of(
    raw: Mapping[str, Any], place: Place, path: tuple[str | int, ...], known: Iterable[str]
) -> dict[str, Entry]:
    """Return the entries of a table by their names, in which `-` and `_` are the same.

    Args:
        raw: the table.
        place: where it stands.
        path: of the table.
        known: names that it may have.

    Raises:
        LlmoptError: a name is not known, or is there in both spellings.
    """
    names = list(known)
    found: dict[str, Entry] = {}
    for key, value in raw.items():
        name = key.replace("-", "_")
        if name not in names:
            raise place.fault(
                (*path, key), f"{titled(path)} has no key {key!r}", _home(path, name) or near(name, names)
            )
        if name in found:
            raise place.fault((*path, key), f"{titled(path)} has {name!r} twice, with - and with _", "leave one out")
        found[name] = Entry(value, place, (*path, key))
    return found


def _home(path: tuple[str | int, ...], name: str) -> str:
    """Return the hint for a key that belongs into a table of the one that it stands in."""
    tables = [f"[gateway.{table}]" for table, keys in TABLES.items() if name in keys]
    return f"write it under {' or '.join(tables)}" if tables and path[-1:] == ("gateway",) else ""


def titled(path: tuple[str | int, ...]) -> str:
    """Return a table's header as the file has it: `[gateway.cache]`, `[[gateway.upstream]]`."""
    names = ".".join(str(step) for step in path if isinstance(step, str))
    return f"[[{names}]]" if path and isinstance(path[-1], int) else f"[{names}]"


def near(word: str, known: Iterable[str]) -> str:
    """Return the hint that belongs to a word that is not known."""
    names = list(known)
    close = difflib.get_close_matches(word, names, 1)
    return f"did you mean {close[0]!r}?" if close else f"one of {', '.join(names)}"
