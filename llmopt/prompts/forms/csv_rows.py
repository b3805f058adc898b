"""CSV (RFC 4180) whose values keep their types: an array of flat objects as a line of keys and a line for each object.

A cell without quotes that is `true`, `false`, `null` or a JSON number is that; every other cell is a string. Strings
that would be taken for one of these, and empty ones, stand in quotes. Lines end in LF when written; CRLF is read too.
Readers that know plain CSV see the same cells, all of them strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from llmopt.errors import InputError
from llmopt.prompts.forms import numbers
from llmopt.prompts.forms.numbers import NUMBER, Spelled, float_text, integer_text

_PLAIN = re.compile(r'(?! )[^\x00-\x1f",]+(?<! )')
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff]")
_CELL = re.compile(r'(?:"((?:[^"]++|"")*+)"|([^",\n]*+))(,|\n|\Z)')
_HINT = "keep it as JSON"


def encode(value: Any) -> str:
    """Write an array of flat objects as CSV.

    Args:
        value: a list of dicts, all with the same str keys in the same order, each value None, bool, int, float,
            Decimal, Spelled or str.

    Raises:
        InputError: it is something else, or a string has a control character or a lone surrogate.
    """
    names = _names(value)
    if not names:
        raise InputError("only an array of flat objects with the same keys can be CSV", _HINT)
    texts = _writers()
    try:
        columns = [_column([row[name] for row in value], texts) for name in names]
    except (KeyError, ValueError):
        raise InputError("a value is nested, or a number does not fit CSV", _HINT) from None
    text = "\n".join((",".join(map(texts[str], names)), *map(",".join, zip(*columns, strict=True))))
    if _UNSAFE.search(text):
        raise InputError("a string with a control character or a lone surrogate does not fit CSV", _HINT)
    return text


def decode(text: str, *, number: Callable[[str], Any] = numbers.number) -> list[dict[str, Any]]:
    """Read CSV as `encode` writes it.

    Args:
        text: a line of keys, then a line for each object.
        number: makes a value of the text of a number; as exact as Python's numbers are if not given.

    Raises:
        InputError: a quote is not closed or stands within a cell, a line has more or fewer cells than there are keys,
            or a key comes twice.
    """
    text = text.replace("\r\n", "\n").removesuffix("\n")
    names, at = _row(text, 0, str)
    if len(set(names)) < len(names):
        raise InputError("CSV line 1: a key comes twice", "rename one of them")
    read = _Values(number).__getitem__
    found: list[dict[str, Any]] = []
    while at <= len(text):
        row, at = _row(text, at, read)
        if len(row) != len(names):
            message = f"CSV object {len(found) + 1}: {len(row)} cells for {len(names)} keys"
            raise InputError(message, "quote cells that have a comma")
        found.append(dict(zip(names, row, strict=True)))
    return found


class _Values(dict[str, Any]):
    """Values of cells without quotes, each worked out once."""

    def __init__(self, number: Callable[[str], Any]) -> None:
        super().__init__({"true": True, "false": False, "null": None})
        self._number = number

    def __missing__(self, cell: str) -> Any:
        self[cell] = value = self._number(cell) if NUMBER.fullmatch(cell) else cell
        return value


class _Strings(dict[str, str]):
    """Strings as CSV has them, each worked out once."""

    def __missing__(self, text: str) -> str:
        plain = _PLAIN.fullmatch(text) and text not in {"true", "false", "null"} and not NUMBER.fullmatch(text)
        self[text] = result = text if plain else '"' + text.replace('"', '""') + '"'
        return result


def _names(value: Any) -> list[str]:
    """Return the keys that all objects have, none where they differ."""
    if type(value) is not list or not value or not all(type(row) is dict for row in value):
        return []
    names = list(value[0])
    return names if all(list(row) == names for row in value) else []


def _writers() -> dict[type, Callable[[Any], str]]:
    return {
        str: _Strings().__getitem__,
        int: integer_text,
        bool: {True: "true", False: "false"}.__getitem__,
        type(None): {None: "null"}.__getitem__,
        Spelled: lambda number: str(number.text),
        float: float_text,
        Decimal: float_text,
    }


def _column(column: list[Any], texts: dict[type, Callable[[Any], str]]) -> list[str]:
    kinds = set(map(type, column))
    if len(kinds) == 1:
        return list(map(texts[kinds.pop()], column))
    return [texts[type(value)](value) for value in column]


def _row(text: str, start: int, read: Callable[[str], Any]) -> tuple[list[Any], int]:
    """Return the cells of a row, those without quotes as `read` has them, and where the next row starts."""
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    if text.find('"', start, end) < 0:
        return list(map(read, text[start:end].split(","))), end + 1
    row: list[Any] = []
    while True:
        found = _CELL.match(text, start)
        if not found:
            raise InputError(f"CSV: a broken cell at character {start:,}", "close its quotes and double those within")
        row.append(read(found[2]) if found[1] is None else found[1].replace('""', '"'))
        start = found.end()
        if found[3] != ",":
            return row, start if found[3] else start + 1
