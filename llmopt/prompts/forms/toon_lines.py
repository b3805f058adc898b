"""The lines of a TOON document, and what one line by itself says: indentation, header, tokens.

Section numbers are those of the specification that `llmopt.prompts.forms.toon` names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from llmopt.errors import InputError
from llmopt.prompts.forms.numbers import NUMBER
from llmopt.prompts.forms.toon_encoder import Field

_SPANS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?$)')
_ESCAPE = re.compile(r"\\(?:([\\\"nrt])|u([0-9a-fA-F]{4}))")
_UNESCAPED = {"\\": "\\", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_QUOTED = re.compile(r'"[^"\\]*+(?:\\(?:[\\"nrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})[^"\\]*+)*+"', re.ASCII)
_BRACKET = re.compile(r"\[(0|[1-9][0-9]*)(:?)([\t|]?)\]")
_MOST_DIGITS = 4000
"""A count of more digits is no count of anything."""


class Line(NamedTuple):
    """A line that says something; a tuple, for there are many."""

    number: int
    """From 1."""
    depth: int
    content: str
    """Without indentation and blanks at the end."""
    masked: str
    """The content with quoted spans made of `"` alone: what is found in it is not quoted."""
    blanks: int
    """Blank lines above it in the document."""

    def error(self, message: str) -> InputError:
        """Return the error to raise about this line."""
        return InputError(f"TOON line {self.number}: {message}", "compare it with the TOON specification, version 4.4")


@dataclass(frozen=True, slots=True)
class Header:
    """What opens an array or a keyed table (section 6)."""

    key: str | None
    """None where it has none."""
    count: int
    """Declared number of items, rows or entries."""
    keyed: bool
    delimiter: str
    fields: tuple[Field, ...]
    """Empty where it has no field list."""
    rest: str
    """What stands behind the colon."""


def lines_of(text: str) -> Iterator[Line]:
    """Yield the lines of a document but blank ones and comments (section 12)."""
    blanks = 0
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.removesuffix("\r").rstrip(" ")
        content = line.lstrip(" ")
        if not content:
            blanks += 1
        elif content[0] != "#":
            width = len(line) - len(content)
            seen = masked(content) if '"' in content else content
            found = Line(number, width // 2, content, seen, blanks)
            if width % 2 or content[0] == "\t":
                raise found.error("the indentation is not a multiple of two blanks")
            yield found


def masked(content: str) -> str:
    """Return a text of the same length in which whatever stands in quotes is hidden."""
    return _SPANS.sub(lambda found: '"' * len(found[0]), content) if '"' in content else content


def unquoted(token: str, line: Line) -> str:
    """Return what a token in quotes stands for, or the token (section 7.4)."""
    if not token.startswith('"'):
        return token
    if not _QUOTED.fullmatch(token):
        raise line.error(f"{token[:40]} is no complete string")
    inside = token[1:-1]
    if "\\" not in inside:
        return inside
    return _ESCAPE.sub(lambda found: chr(int(found[2], 16)) if found[2] else _UNESCAPED[found[1]], inside)


def header_of(line: Line, content: str) -> Header | None:
    """Return the header that a content is, none if it is none (sections 5.2 and 6)."""
    if "[" not in content:
        return None
    seen = line.masked if content is line.content else masked(content)
    start, colon = seen.find("["), seen.find(":")
    if start < 0 or colon < 0 or colon < start:
        return None
    found = _BRACKET.match(seen, start)
    if not found or seen[start - 1 : start] in {" ", "\t"} or len(found[1]) > _MOST_DIGITS:
        raise line.error("this is no header of an array")
    delimiter, at = found[3] or ",", found.end()
    fields: tuple[Field, ...] = ()
    if seen[at : at + 1] == "{":
        close = _closing(seen, at)
        fields = _fields(content[at + 1 : close], seen[at + 1 : close], delimiter, line) if close else ()
        at = close + 1
    if seen[at : at + 1] != ":" or (found[2] and not fields):
        raise line.error("this is no header of an array")
    rest = content[at + 1 :].strip(" ")
    if fields and rest:
        raise line.error("nothing may follow a header with fields")
    key = unquoted(content[:start], line) if start else None
    return Header(key, int(found[1]), bool(found[2]), delimiter, fields, rest)


def _closing(seen: str, start: int) -> int:
    """Return where the brace that opens at `start` closes, 0 if nowhere."""
    depth = 0
    for brace in re.finditer("[{}]", seen[start:]):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return start + brace.start()
    return 0


def _fields(content: str, seen: str, delimiter: str, line: Line) -> tuple[Field, ...]:
    """Return the fields of a field list (section 6)."""
    if any(mark in seen for mark in ",|\t" if mark != delimiter):
        raise line.error("a field list has another delimiter than its header")
    fields: list[Field] = []
    for start, end in _parts(seen, delimiter):
        part, shown = content[start:end], seen[start:end]
        left = len(shown) - len(shown.lstrip(" "))
        part, shown = part.strip(" "), shown[left:].rstrip(" ")
        brace = shown.find("{")
        name = part if brace < 0 else part[:brace]
        if not name or (brace >= 0 and (name[-1] in " \t" or _closing(shown, brace) != len(shown) - 1)):
            raise line.error("a field list has an empty or broken field")
        inner = _fields(part[brace + 1 : -1], shown[brace + 1 : -1], delimiter, line) if brace >= 0 else ()
        fields.append(Field(unquoted(name, line), inner))
    if len({field.name for field in fields}) < len(fields):
        raise line.error("a field list names a field twice")
    return tuple(fields)


def _parts(seen: str, delimiter: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges between delimiters outside of braces."""
    depth = start = 0
    for found in re.finditer(r"[{},|\t]", seen):
        mark = found[0]
        depth += (mark == "{") - (mark == "}")
        if mark == delimiter and not depth:
            yield start, found.start()
            start = found.end()
    yield start, len(seen)


class Tokens(dict[str, Any]):
    """Values by their tokens (section 4), each worked out once: tables repeat their cells."""

    def __init__(self, number: Callable[[str], Any]) -> None:
        super().__init__({"true": True, "false": False, "null": None, "": ""})
        self._number = number

    def __missing__(self, token: str) -> Any:
        self[token] = value = self._number(token) if NUMBER.fullmatch(token) else token
        return value
