"""Write values as TOON: which of its four forms an array or object takes, and how strings are quoted.

Section numbers are those of the specification that `llmopt.prompts.forms.toon` names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from llmopt.errors import InputError
from llmopt.prompts.forms.numbers import Spelled, float_text, integer_text

_PRIMITIVES = frozenset({str, int, float, bool, type(None), Spelled, Decimal})
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)
_PLAIN_TEXT = re.compile(r'(?![ #\-])[^\x00-\x1f:"\\\[\]{},]+(?<! )')
_NUMERIC = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_ESCAPED = re.compile(r'[\x00-\x1f"\\]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LITERALS = frozenset({"true", "false", "null"})
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table, or a group of columns."""

    name: str
    fields: tuple[Field, ...] = ()
    """Columns of the group; empty for a single column."""


class _Keys(dict[str, str]):
    """Keys as TOON writes them, each worked out once."""

    def __missing__(self, key: str) -> str:
        self[key] = result = key_text(key)
        return result


class _Quoted(dict[str, str]):
    """Strings as TOON writes them, each worked out once: tables repeat their strings."""

    def __missing__(self, text: str) -> str:
        plain = _PLAIN_TEXT.fullmatch(text) and text not in _LITERALS and not _NUMERIC.fullmatch(text)
        self[text] = result = text if plain else quoted(text)
        return result


def quoted(text: str) -> str:
    """Return a string in quotes, escaped (section 7.1)."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def key_text(key: str) -> str:
    """Return a key, in quotes where it needs them (section 7.3)."""
    return key if _PLAIN_KEY.fullmatch(key) else quoted(key)


def encode(value: Any) -> str:
    """Write a value as TOON.

    Args:
        value: None, bool, int, float, Decimal, Spelled, str, list, or dict with str keys; nested.

    Raises:
        InputError: a string has a lone surrogate, an integer has more than 300 digits, or the nesting is too deep.
    """
    try:
        text = "\n".join(_Writer().document(value))
    except RecursionError:
        raise InputError("the value is nested too deep for TOON", "keep it as JSON") from None
    except ValueError as error:
        raise InputError(f"the value does not fit TOON: {error}", "keep it as JSON") from None
    except KeyError as error:
        raise InputError(f"the value has a {error.args[0]!r}, which JSON does not know", "turn it into text") from None
    if not text.isascii() and _SURROGATE.search(text):
        raise InputError("a string with a lone surrogate does not fit TOON", "keep it as JSON")
    return text


def table_fields(rows: Sequence[Any]) -> tuple[Field, ...]:
    """Return the columns of uniform objects, none where they are not uniform (section 9.3).

    Keys must come in the same order too: else a decoder would give them back in another one.
    """
    if set(map(type, rows)) != {dict}:
        return ()
    names = list(rows[0])
    if any(list(row) != names for row in rows):
        return ()
    fields = []
    for name in names:
        column = [row[name] for row in rows]
        kinds = set(map(type, column))
        inner = table_fields(column) if kinds == {dict} else ()
        if not inner and not kinds <= _PRIMITIVES:
            return ()
        fields.append(Field(name, inner))
    return tuple(fields)


class _Writer:
    """Writes one document, line by line."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._keys = _Keys()
        self._texts: dict[type, Callable[[Any], str]] = {
            str: _Quoted().__getitem__,
            int: integer_text,
            bool: {True: "true", False: "false"}.__getitem__,
            type(None): {None: "null"}.__getitem__,
            Spelled: lambda number: str(number.text),
            float: float_text,
            Decimal: float_text,
        }

    def document(self, value: Any) -> list[str]:
        """Return the lines of a root value (section 5)."""
        if type(value) is dict:
            fields = _keyed_fields(value)
            if fields:
                self._entries("", value, fields, 0)
            else:
                self._object("", value, 0)
        elif type(value) is list:
            self._array("", value, 0)
        elif type(value) is str and value.startswith("\ufeff"):
            self._lines.append(quoted(value))  # else taken for a byte-order mark
        else:
            self._lines.append(self._texts[type(value)](value))
        return self._lines

    def _object(self, start: str, value: dict[str, Any], depth: int) -> None:
        """Write the fields of an object at a depth; what the first one begins with may be a hyphen (section 10)."""
        indent = "  " * depth
        for key, item in value.items():
            name = start + self._keys[key]
            start = indent
            if type(item) is list:
                self._array(name, item, depth)
            elif type(item) is not dict:
                self._lines.append(f"{name}: {self._texts[type(item)](item)}")
            elif fields := _keyed_fields(item):
                self._entries(name, item, fields, depth)
            else:
                self._lines.append(f"{name}:")
                self._object(indent + "  ", item, depth + 1)

    def _entries(self, name: str, value: dict[str, Any], fields: tuple[Field, ...], depth: int) -> None:
        """Write a keyed table (section 9.5)."""
        self._lines.append(f"{name}[{len(value)}:]{_field_list(fields)}:")
        indent = "  " * (depth + 1)
        rows = self._rows(list(value.values()), fields)
        self._lines += [f"{indent}{key_text(key)}: {row}" for key, row in zip(value, rows, strict=True)]

    def _array(self, name: str, value: list[Any], depth: int) -> None:
        """Write an array whose items stand one level below `depth`, as a table where it is one (section 9.3)."""
        if not value:
            self._lines.append(f"{name}: []" if name else "[]")
            return
        fields = table_fields(value)
        if fields:
            indent = "  " * (depth + 1)
            self._lines.append(f"{name}[{len(value)}]{_field_list(fields)}:")
            self._lines += [indent + row for row in self._rows(value, fields)]
        else:
            self._list(name, value, depth + 1)

    def _list(self, name: str, value: list[Any], depth: int) -> None:
        """Write an array inline or as a list whose items stand at `depth` (sections 9.1, 9.2, 9.4)."""
        if set(map(type, value)) <= _PRIMITIVES:
            cells = ",".join([self._texts[type(item)](item) for item in value])
            self._lines.append(f"{name}[{len(value)}]: {cells}" if value else f"{name}[0]:")
            return
        self._lines.append(f"{name}[{len(value)}]:")
        start = "  " * depth + "- "
        for item in value:
            if type(item) is list:
                self._list(start, item, depth + 1)
            elif type(item) is not dict:
                self._lines.append(start + self._texts[type(item)](item))
            elif item:
                self._object(start, item, depth + 1)
            else:
                self._lines.append(start[:-1])

    def _rows(self, rows: Sequence[Any], fields: tuple[Field, ...]) -> Iterator[str]:
        return map(",".join, zip(*self._columns(rows, fields), strict=True))

    def _columns(self, rows: Sequence[Any], fields: tuple[Field, ...]) -> Iterator[list[str]]:
        """Yield the cells of each column, which is faster than row by row."""
        for field in fields:
            column = [row[field.name] for row in rows]
            if field.fields:
                yield from self._columns(column, field.fields)
                continue
            kinds = set(map(type, column))
            if len(kinds) == 1:
                yield list(map(self._texts[kinds.pop()], column))
            else:
                yield [self._texts[type(value)](value) for value in column]


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04x}"


def _keyed_fields(value: dict[str, Any]) -> tuple[Field, ...]:
    """Return the columns of an object as a keyed table, none where it is no such table."""
    if len(value) < 2 or type(next(iter(value.values()))) is not dict:
        return ()
    return table_fields(list(value.values()))


def _field_list(fields: tuple[Field, ...]) -> str:
    names = (key_text(field.name) + (_field_list(field.fields) if field.fields else "") for field in fields)
    return f"{{{','.join(names)}}}"
