"""A table of a plan that knows where it stands: entries by type, and errors with file and line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from llmopt.core.toml import line_of
from llmopt.errors import ConfigError, UsageError

DOCS = "see docs/project.md"
_T = TypeVar("_T")
_LONGEST = 60
"""Characters of an amount, a time or a size; more are a slip of the hand."""
_LARGEST = 10**18


class Entries:
    """One table. Its keys may be written with `-` or `_`, or by another name that is known."""

    def __init__(
        self,
        raw: Mapping[str, object],
        path: tuple[str, ...],
        text: str,
        source: str,
        *,
        folder: Path,
        also: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what an error message needs: the table's place, the text of the file, and its name.

        Args:
            raw: the entries.
            path: keys that lead to the table.
            text: TOML that it comes from; empty for none.
            source: what messages call the file.
            folder: to which names of files are relative.
            also: other name of a key -> its name.
        """
        self._source = source
        self._folder = folder
        self._path = path
        self._text = text
        self._written: dict[str, str] = {}
        self._values: dict[str, object] = {}
        for written in raw:
            key = (also or {}).get(_key(written), _key(written))
            before = self._written.get(key)
            self._written[key] = str(written)
            if before is not None:
                raise self.fault(f"{written!r} in {self.title} says the same as {before!r}", key, "leave one out")
            self._values[key] = raw[written]

    @property
    def title(self) -> str:
        """The table as the file writes it, `[cache]`."""
        return f"[{'.'.join(self._path)}]" if self._path else "the plan"

    @property
    def keys(self) -> tuple[str, ...]:
        """Those that are set, in order."""
        return tuple(self._values)

    def get(self, key: str) -> object:
        """Return a value as it is; None where the key is not there."""
        return self._values.get(key)

    def written(self, key: str) -> str:
        """Return a key as the file writes it."""
        return self._written[key]

    def under(self, key: str, raw: Mapping[str, object], also: Mapping[str, str] | None) -> Entries:
        """Return the table that an entry is."""
        path = (*self._path, self._written[key])
        return Entries(raw, path, self._text, self._source, folder=self._folder, also=also)

    def short(self, key: str, meant: str) -> Entries:
        """Return the table that is meant where one value stands in its place: an entry of that, named as it is here."""
        written = self._written[key]
        also = {_key(written): meant}
        return Entries(
            {written: self._values[key]}, self._path, self._text, self._source, folder=self._folder, also=also
        )

    def fault(self, message: str, key: str = "", hint: str = DOCS) -> ConfigError:
        """Return an error about an entry, or about the table itself."""
        path = (*self._path, self._written[key]) if key in self._written else self._path
        line = next((line for end in range(len(path), 0, -1) if (line := line_of(self._text, path[:end]))), 0)
        return ConfigError(f"{self._source}:{line}: {message}" if line else f"{self._source}: {message}", hint)

    def only(self, known: Iterable[str]) -> None:
        """Refuse a key that is not known."""
        names = list(known)
        for key in self._values:
            if key not in names:
                raise self.fault(f"unknown key {self._written[key]!r} in {self.title}", key, near(key, names))

    def parsed(self, key: str, parse: Callable[[str, str], _T]) -> _T | None:
        """Return what a function of (text, its place) makes of a text or a number; None where the key is not there."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise self.fault(f"{self._place(key)} is {_shown(value)}; a text or a number is needed", key)
        if len(_plain(value)) > _LONGEST:
            raise self.fault(f"{self._place(key)} is {_shown(value)}; that is too long", key)
        return self.typed(key, lambda place: parse(_plain(value), place))

    def typed(self, key: str, read: Callable[[str], _T]) -> _T:
        """Return what a function of a place makes of an entry; its error says where that stands, its hint in TOML."""
        place = f"{self._written[key]} =" if key and key in self._written else self.title
        try:
            return read(place)
        except UsageError as error:
            plain = (error.hint or DOCS).replace(f"{place} ", "")
            hint = f"{plain}, in quotes" if plain.startswith(("such as", "write")) else plain
            raise self.fault(error.message, key, hint) from error

    def text(self, key: str) -> str | None:
        """Return a text that is not empty; None where the key is not there."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.fault(f"{self._place(key)} is {_shown(value)}; a text is needed", key)
        return value.strip()

    def texts(self, key: str) -> tuple[str, ...]:
        """Return texts that are not empty, from a list, or a text with commas; none where the key is not there."""
        value = self._values.get(key)
        if value is None:
            return ()
        listed = value if isinstance(value, list | tuple) else value.split(",") if isinstance(value, str) else [value]
        if not listed or not all(isinstance(each, str | Path) and str(each).strip() for each in listed):
            raise self.fault(f"{self._place(key)}: a text or a list of texts is needed, none of them empty", key)
        return tuple(dict.fromkeys(str(each).strip() for each in listed))

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            raise self.fault(f"{self._place(key)} is {_shown(value)}; true or false is needed", key)
        return value

    def whole(self, key: str, least: int) -> int | None:
        """Return a whole number; None where the key is not there."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _LARGEST:
            message = f"{self._place(key)} is {_shown(value)}; a whole number of {least} or more is needed"
            raise self.fault(message, key, f"from {least} to {_LARGEST:,}, not in quotes")
        return value

    def one_of(self, key: str, known: Iterable[str]) -> str | None:
        """Return a text that has to be one of some; None where the key is not there."""
        value, names = self.text(key), list(known)
        if value is not None and value not in names:
            raise self.fault(f"{self._place(key)}: there is no {value!r}", key, near(value, names))
        return value

    def file(self, key: str) -> Path | None:
        """Return a file that exists, its name relative to the folder; None where the key is not there."""
        value = self._values.get(key)
        name = str(value) if isinstance(value, Path) else self.text(key)
        return None if name is None else self.existing(key, name)

    def existing(self, key: str, name: str) -> Path:
        """Return the file of that name, relative to the folder, if there is one."""
        path = self._folder / Path(name).expanduser()
        try:
            found = path.is_file()
        except (OSError, ValueError):  # too long a name, a NUL in it
            found = False
        if not found:
            message = f"{self._place(key)}: no file {str(path)!r}"
            raise self.fault(message, key, "paths are relative to the plan file")
        return path

    def _place(self, key: str) -> str:
        return f"{self._written[key]} in {self.title}"


def near(word: str, known: Iterable[str]) -> str:
    """Return a hint: the name that was meant, or all that there are."""
    names = list(known)
    close = difflib.get_close_matches(word.lower(), names, 1)
    return f"did you mean {close[0]!r}?" if close else f"one of {', '.join(names)}"


def _key(written: object) -> str:
    return str(written).strip().replace("-", "_")


def _plain(value: object) -> str:
    """Return a number as digits, if they are not too many, a text as it is."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _LONGEST:
        return format(value, "f")
    return str(value)


def _shown(value: object) -> str:
    text = _plain(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
