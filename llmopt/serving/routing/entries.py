"""A table of a policy that knows where it stands: entries by type, and errors with file and line."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from llmopt.core.toml import line_of
from llmopt.errors import ConfigError

DOCS = "see docs/routing.md"


class Table:
    """One table."""

    def __init__(self, raw: Mapping[str, Any], path: tuple[str | int, ...], text: str, source: str) -> None:
        """Keep what an error message needs: the table's place, the text of the file, and its name."""
        self.raw = raw
        self._path = path
        self._text = text
        self.source = source

    @property
    def line(self) -> int:
        """Where the table begins; 0 where that cannot be told."""
        return line_of(self._text, self._path) if self._path else 0

    @property
    def title(self) -> str:
        """The table as the file writes it, `[fallback.chains]`."""
        names = ".".join(str(step) for step in self._path if isinstance(step, str))
        return (
            f"[[{names}]]"
            if self._path and isinstance(self._path[-1], int)
            else f"[{names}]"
            if names
            else "the policy"
        )

    def fault(self, message: str, key: str = "", hint: str = DOCS) -> ConfigError:
        """Return an error about an entry, or about the table itself."""
        path = (*self._path, key) if key and key in self.raw else self._path
        line = line_of(self._text, path) if path else 0
        return ConfigError(f"{self.source}:{line}: {message}" if line else f"{self.source}: {message}", hint)

    def only(self, known: Iterable[str]) -> None:
        """Refuse a key that is not known."""
        names = list(known)
        for key in self.raw:
            if key not in names:
                raise self.fault(f"unknown key {key!r} in {self.title}", key, _hint(key, names))

    def one_of(self, key: str, value: str, known: Iterable[str], what: str) -> str:
        """Return a value that has to be one of some names."""
        names = list(known)
        if value not in names:
            raise self.fault(f"{key} in {self.title}: no {what} is called {value!r}", key, _hint(value, names))
        return value

    def text(self, key: str) -> str | None:
        """Return a text that is not empty; None where the key is not there."""
        value = self.raw.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.fault(f"{key} in {self.title} is {value!r}; a text is needed", key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return texts that are not empty, from a text or a list of them; none where the key is not there."""
        value = self.raw.get(key)
        if value is None:
            return ()
        listed = value if isinstance(value, list) else [value]
        if not listed or not all(isinstance(each, str) and each.strip() for each in listed):
            raise self.fault(f"{key} in {self.title}: a text or a list of texts is needed, none of them empty", key)
        return tuple(dict.fromkeys(listed))

    def whole(self, key: str, least: int = 0) -> int | None:
        """Return a whole number; None where the key is not there."""
        value = self.raw.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.fault(f"{key} in {self.title} is {value!r}; a whole number of {least} or more is needed", key)
        return value

    def number(self, key: str, least: float = 0.0, most: float = math.inf) -> float | None:
        """Return a number from `least` to `most`; None where the key is not there."""
        value = self.raw.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            bounds = f"of {least:g} or more" if math.isinf(most) else f"from {least:g} to {most:g}"
            raise self.fault(f"{key} in {self.title} is {value!r}; a number {bounds} is needed", key)
        return float(value)

    def flag(self, key: str) -> bool | None:
        """Return true or false; None where the key is not there."""
        value = self.raw.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.fault(f"{key} in {self.title} is {value!r}; true or false is needed", key)
        return value

    def table(self, key: str) -> Table | None:
        """Return a table within this one; None where the key is not there."""
        value = self.raw.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.fault(f"{key} in {self.title} must be a table", key)
        return Table(value, (*self._path, key), self._text, self.source)

    def tables(self, key: str) -> list[Table]:
        """Return the tables of a list, `[[key]]`."""
        value = self.raw.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.fault(f"{key} must be tables, each under its own [[{key}]]", key)
        return [
            Table(each, (*self._path, key, position), self._text, self.source) for position, each in enumerate(value)
        ]


def _hint(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"one of {', '.join(known)}" if known else DOCS
