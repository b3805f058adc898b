"""Read TOON strictly: whatever the specification calls an error raises one.

Section numbers are those of the specification that `llmopt.prompts.forms.toon` names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from llmopt.errors import InputError
from llmopt.prompts.forms import numbers
from llmopt.prompts.forms.toon_encoder import Field
from llmopt.prompts.forms.toon_lines import Header, Line, Tokens, header_of, lines_of, masked, unquoted


def decode(text: str, *, number: Callable[[str], Any] = numbers.number) -> Any:
    """Read a TOON document.

    Args:
        text: a whole document; line breaks may be LF or CRLF.
        number: makes a value of the text of a number; as exact as Python's numbers are if not given.

    Raises:
        InputError: the document breaks a rule of the specification; the message names the line.
    """
    try:
        return _Reader(text, number).document()
    except RecursionError:
        raise InputError("the TOON document is nested too deep", "split it") from None
    except ValueError as error:
        raise InputError(f"TOON: {error}", "write the number as a string") from None


class _Reader:
    """Reads one document, line by line."""

    def __init__(self, text: str, number: Callable[[str], Any]) -> None:
        self._lines = list(lines_of(text))
        self._at = 0
        self._tokens = Tokens(number)

    def document(self) -> Any:
        """Return the root value (section 5)."""
        if not self._lines:
            return {}
        first = self._lines[0]
        if first.depth:
            raise first.error("the first line is indented")
        header = header_of(first, first.content)
        if header and header.key is None:
            self._at = 1
            value = self._opened(header, first, 0)
        elif first.content == "[]":
            self._at = 1
            value = []
        elif len(self._lines) == 1 and ":" not in first.masked:
            return self._value(first.content, first)
        else:
            value = self._object(0)
        if self._at < len(self._lines):
            raise self._lines[self._at].error("nothing may follow here")
        return value

    def _next(self, depth: int) -> Line | None:
        """Return the next line if it stands at this depth or deeper."""
        if self._at < len(self._lines) and self._lines[self._at].depth >= depth:
            return self._lines[self._at]
        return None

    def _value(self, token: str, line: Line) -> Any:
        return unquoted(token, line) if token[:1] == '"' else self._tokens[token]

    def _object(self, depth: int, result: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the object whose fields stand at a depth (section 8)."""
        result = {} if result is None else result
        while line := self._next(depth):
            if line.depth > depth:
                raise line.error("the line is indented too far")
            self._at += 1
            self._field(result, line, line.content, depth)
        return result

    def _field(self, result: dict[str, Any], line: Line, content: str, depth: int) -> None:
        """Read a field that stands at a depth, with the lines below that belong to it."""
        header = header_of(line, content)
        if header:
            if header.key is None:
                raise line.error("a header without a key stands only at the root or in a list")
            self._add(result, header.key, line)
            result[header.key] = self._opened(header, line, depth)
            return
        colon = masked(content).find(":")
        if colon < 0:
            raise line.error("a field without a colon")
        key = unquoted(content[:colon].strip(" "), line)
        self._add(result, key, line)
        rest = content[colon + 1 :].strip(" ")
        if rest:
            result[key] = [] if rest == "[]" else self._value(rest, line)
        else:
            result[key] = self._object(depth + 1)

    def _add(self, result: dict[str, Any], key: str, line: Line) -> None:
        if key in result:
            raise line.error(f"the key {key[:40]!r} comes twice")

    def _opened(self, header: Header, line: Line, depth: int) -> Any:
        """Return what a header at a depth opens."""
        if header.rest:
            cells = self._cells(header.rest, header.delimiter, line)
            self._check(len(cells), header, line)
            return cells
        first = self._at
        if header.keyed:
            value: Any = self._entries(header, depth + 1)
        elif header.fields:
            value = list(self._rows(header, depth + 1))
        else:
            value = list(self._items(depth + 1))
        self._check(len(value), header, line)
        if self._at > first + 1 and self._lines[self._at - 1].blanks != self._lines[first].blanks:
            raise line.error("there is a blank line within what this header opens")
        return value

    def _check(self, count: int, header: Header, line: Line) -> None:
        if count != header.count:
            raise line.error(f"the header counts {header.count}, but there are {count}")

    def _cells(self, text: str, delimiter: str, line: Line) -> list[Any]:
        """Return the values of a row or of an inline array."""
        if '"' not in text:
            cells = text.split(delimiter)
            return (
                [self._tokens[cell.strip(" ")] for cell in cells] if " " in text else [self._tokens[c] for c in cells]
            )
        seen = masked(text)
        values, start = [], 0
        while start <= len(text):
            end = seen.find(delimiter, start)
            end = len(text) if end < 0 else end
            values.append(self._value(text[start:end].strip(" "), line))
            start = end + 1
        return values

    def _rows(self, header: Header, depth: int) -> Iterator[dict[str, Any]]:
        """Yield the objects of a table (section 9.3)."""
        flat = not any(field.fields for field in header.fields)
        names = [field.name for field in header.fields]
        width = _leaves(header.fields)
        while (line := self._next(depth)) and line.depth == depth:
            colon = line.masked.find(":")
            if colon >= 0 and not 0 <= line.masked.find(header.delimiter) < colon:
                return
            self._at += 1
            cells = self._cells(line.content, header.delimiter, line)
            if len(cells) != width:
                raise line.error(f"the row has {len(cells)} cells for {width} fields")
            yield dict(zip(names, cells, strict=True)) if flat else _grouped(header.fields, iter(cells))

    def _entries(self, header: Header, depth: int) -> dict[str, Any]:
        """Return the object of a keyed table (section 9.5)."""
        result: dict[str, Any] = {}
        width = _leaves(header.fields)
        while (line := self._next(depth)) and line.depth == depth:
            colon = line.masked.find(":")
            if colon < 0:
                raise line.error("an entry without a colon")
            key = unquoted(line.content[:colon].strip(" "), line)
            self._add(result, key, line)
            self._at += 1
            rest = line.content[colon + 1 :].strip(" ")
            cells = self._cells(rest, header.delimiter, line) if rest else []
            if len(cells) != width:
                raise line.error(f"the entry has {len(cells)} cells for {width} fields")
            result[key] = _grouped(header.fields, iter(cells))
        return result

    def _items(self, depth: int) -> Iterator[Any]:
        """Yield the items of a list (sections 9.2, 9.4 and 10)."""
        while (line := self._next(depth)) and line.depth == depth:
            if line.content != "-" and not line.content.startswith("- "):
                return
            self._at += 1
            yield self._item(line, line.content[1:].lstrip(" "), depth)

    def _item(self, line: Line, content: str, depth: int) -> Any:
        """Return the item behind a hyphen."""
        if not content:
            return {}
        if content == "[]":
            return []
        header = header_of(line, content)
        if header and header.key is None:
            if header.fields:
                raise line.error("a header with fields needs a key here")
            return self._opened(header, line, depth)
        if header or ":" in masked(content):
            result: dict[str, Any] = {}
            self._field(result, line, content, depth + 1)
            return self._object(depth + 1, result)
        return self._value(content, line)


def _leaves(fields: tuple[Field, ...]) -> int:
    return sum(_leaves(field.fields) if field.fields else 1 for field in fields)


def _grouped(fields: tuple[Field, ...], cells: Iterator[Any]) -> dict[str, Any]:
    """Return the object of one row, its groups of columns as objects."""
    return {field.name: _grouped(field.fields, cells) if field.fields else next(cells) for field in fields}
