"""JSON as text and as values: the shortest text of the same tokens, and values that lose nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

import msgspec

from llmopt.errors import InputError
from llmopt.prompts.forms.numbers import spelled

_TOKEN = re.compile(r'("[^"\\]*+(?:\\.[^"\\]*+)*+")|[ \t\n\r]++')
_HINT = "keep it as JSON"


def minified(text: str) -> str | None:
    """Return a JSON text without the whitespace between its tokens, each of which stays as it is written.

    Duplicate keys, the spelling of numbers, escapes and the order of keys all stay. None if the text is no JSON, or
    nested so deep that nobody here reads it.
    """
    try:
        return msgspec.json.format(text, indent=-1)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _minified_by_tokens(text)


def exact_values(text: str) -> Any:
    """Return the values of a JSON text; numbers with a fraction or an exponent are `Spelled`.

    Raises:
        InputError: it is no JSON, a key comes twice in one object, a number is a negative zero or beyond a double, or
            it is nested too deep: another form would not bring that back.
    """
    if "-0" in text and _NEGATIVE_ZERO.search(text):
        raise InputError("JSON with a negative zero has no other form", _HINT)
    try:
        values = json.loads(text, object_pairs_hook=_object, parse_float=spelled, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"JSON that has no other form: {error}", _HINT) from None
    # Python 3.12 and later read what 3.11 gives up on: the limit is one of ours, so that it is the same everywhere.
    if text.count("[") + text.count("{") > _DEEPEST and _is_deeper(values):
        raise InputError(f"JSON that has no other form: nested more than {_DEEPEST} deep", _HINT)
    return values


_DEEPEST = 500


def _is_deeper(values: Any) -> bool:
    """Tell whether lists and objects are nested more than `_DEEPEST` deep, without a call for each level."""
    level = [values]
    for _ in range(_DEEPEST):
        level = [child for one in level for child in _children(one)]
        if not level:
            return False
    return any(isinstance(one, list | dict) for one in level)


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


_NEGATIVE_ZERO = re.compile(r"-0(?<=[\s:,\[]-0)(?![.0-9eE])")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _minified_by_tokens(text: str) -> str | None:
    """Return a JSON text without whitespace between tokens where the fast way does not read it."""
    short = _TOKEN.sub(r"\1", text)
    try:
        same = _tokens(text) == _tokens(short)
    except (ValueError, RecursionError):
        return None
    return short if same else None


def _tokens(text: str) -> Any:
    return json.loads(text, object_pairs_hook=list, parse_float=str, parse_int=str, parse_constant=_refuse)
