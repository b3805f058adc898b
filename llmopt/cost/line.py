"""One line of a log as a record, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec

_KINDS: dict[type, str] = {list: "list", str: "text", bool: "boolean", type(None): "null"}


def decoded(line: bytes, *, first: bool) -> tuple[Any, str]:
    """Return the record on a line, or null and what is wrong with it."""
    text = line.strip().removeprefix(b"\xef\xbb\xbf") if first else line.strip()
    try:
        record = msgspec.json.decode(text)
    except RecursionError:
        return None, "not JSON that can be read: nested too deeply"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return None, _why(text, str(error))
    if not isinstance(record, dict):
        return None, f"a JSON {_KINDS.get(type(record), 'number')}, not a record"
    return record, ""


def by_line(found: Iterable[Sequence[Any]]) -> Iterator[tuple[int, set[tuple[int, ...]] | None]]:
    """Yield each line that is wanted, with the places in it; None: all of it."""
    for count, rows in groupby(found, key=itemgetter(0)):
        places = [(tuple(place), whole) for _, *place, whole in rows]
        yield count, None if any(whole for _, whole in places) else {place for place, _ in places}


def _why(text: bytes, error: str) -> str:
    if b"\x00" in text:
        return "not JSON: it holds a NUL byte"
    try:
        text.decode()
    except UnicodeDecodeError:
        return "not valid UTF-8"
    if text.startswith(b"{") and "truncated" in error:
        return "truncated JSON"
    return "not JSON: " + error.removeprefix("JSON is malformed: ")
