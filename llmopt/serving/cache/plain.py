"""Values as JSON has them: from what Python has in their place, and from JSON itself.

`is_plain` is the fast way for what needs no change; `as_plain` makes a copy of the rest. A number that a float holds
without a fraction becomes the integer that it equals, so that `1`, `1.0` and `1e0` are spelled alike, and integers
beyond 2^53 stay exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from llmopt.errors import InputError

MORE_THAN_JSON = "a request holds objects, arrays, strings, numbers, true, false and null, as JSON does"
_ATOMS = frozenset({str, int, bool, type(None)})
_LEAF = msgspec.json.Encoder().encode


class NotFinite(float):
    """NaN or an infinity, which JSON has no spelling for; msgspec would write null, and refuses this type instead."""


def is_plain(value: Any) -> bool:
    """Return whether all values in a value are of JSON's own types, with every number spelled in one way only.

    Names are not looked at: msgspec refuses to sort what is no string.
    """
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not list:
        # Of what has a fraction nothing is infinite: infinity is a whole number less itself, which is NaN.
        return kind in _ATOMS or (kind is float and value % 1.0 > 0.0)
    for each in value:  # noqa: SIM110 - a generator would cost a microsecond for each message
        if type(each) not in _ATOMS and not is_plain(each):
            return False
    return True


def as_plain(value: Any) -> Any:
    """Return a value with only dicts, lists, strings, integers, floats with a fraction, booleans, None and `NotFinite`.

    Raises:
        InputError: it holds what JSON cannot.
        RecursionError: it is nested too deep, or holds itself.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return _object(value.items())
    if isinstance(value, (list, tuple)):
        return [as_plain(each) for each in value]
    # Messages of an earlier answer are sent again as the objects of the client library, which are Pydantic models.
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return as_plain(dump(mode="json", exclude_unset=True))
    raise InputError(f"the request holds a {type(value).__name__}, which JSON cannot hold", MORE_THAN_JSON)


def read_object(text: bytes | str, *, strict: bool = False) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        text: of the object.
        strict: whether NaN and infinities are refused, which Python writes and JSON does not have.

    Raises:
        InputError: it is none, or has a name twice in one object: servers differ in which of the two they take.
    """
    if not isinstance(text, (bytes, str, bytearray, memoryview)):
        raise InputError(f"the request is a {type(text).__name__}, which is no JSON object", MORE_THAN_JSON)
    text = text if isinstance(text, str) else bytes(text)
    try:
        raw = text.encode() if isinstance(text, str) else text
        found = msgspec.json.decode(raw)
        # The same text comes of it again, but for white space, only if no name was there twice.
        again = _LEAF(found)
        if again != raw and again != msgspec.json.format(raw, indent=-1):
            found = read_any(text, strict=strict)
    except (ValueError, RecursionError, msgspec.DecodeError):
        found = read_any(text, strict=strict)
    if not isinstance(found, dict):
        raise InputError("the request is not a JSON object", MORE_THAN_JSON)
    return found


def read_any(text: bytes | str, *, strict: bool = False) -> Any:
    """Read any JSON, also what a strict reader does not (NaN, half a surrogate pair that is escaped).

    Args:
        text: of it.
        strict: whether NaN and infinities are refused all the same.

    Raises:
        InputError: it is none, is nested too deep, or has a name twice in one object.
    """
    try:
        if isinstance(text, bytes) and json.detect_encoding(text).startswith("utf-8"):
            text = text.decode()  # json would take halves of surrogate pairs, which are no UTF-8
        text = text.removeprefix("\ufeff") if isinstance(text, str) else text
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refused if strict else None)
    except RecursionError as error:
        raise InputError("the request is nested too deep", MORE_THAN_JSON) from error
    except ValueError as error:
        raise InputError(f"the request is not JSON: {error}", MORE_THAN_JSON) from error


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is none of its numbers")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InputError("the request has a name twice in one object", "send each field once")
    return found


def _number(value: float) -> int | float:
    if value % 1.0 > 0.0:
        return float(value)
    return int(value) if value.is_integer() else NotFinite(value)


def _object(items: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in items:
        spelled = _name(name)
        if spelled in found:
            raise InputError(f"the request has the name {spelled!r} twice in one object", "send each field once")
        found[spelled] = as_plain(value)
    return found


def _name(name: Any) -> str:
    """Spell a name that is no string as `json.dumps` does: `{50256: -100}` is sent as `{"50256": -100}`."""
    if isinstance(name, str):
        return str.__str__(name)
    if name is None or isinstance(name, (int, float)):
        return str(json.dumps(name))
    raise InputError(f"the request holds a {type(name).__name__} as a name, which JSON cannot hold", MORE_THAN_JSON)
