"""The JSON in a text, read by the standard library: values that can be compared, and the text around them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_OPENING = re.compile(r"\{(?=\s*[\"}])|\[(?=\s*[\"{\[\]\dtfn-])")
_MANY = 20_000
"""Brackets looked at in one text; more are no prompt."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text, told apart into JSON and the rest."""

    text: str
    values: tuple[str, ...]
    """Every object and array, spelled in one way only: order, copies of keys and spelling of numbers are kept."""
    outside: str
    """The rest."""


def documents_of(text: str) -> Document:
    """Find the JSON of a text."""
    values, outside, at = [], [], 0
    for number, opening in enumerate(_OPENING.finditer(text)):
        if opening.start() < at:
            continue
        found = _decoded(text, opening.start()) if number < _MANY else None
        if found is not None:
            outside.append(text[at : opening.start()])
            values.append(found[0])
            at = found[1]
    return Document(text, tuple(values), " ".join([*outside, text[at:]]))


class _Number(str):
    """A number as it was spelled; no string of the same characters equals its representation."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{self}>"


_DECODER = json.JSONDecoder(
    object_pairs_hook=lambda pairs: ("object", *pairs), parse_float=_Number, parse_int=_Number, parse_constant=_Number
)


def _decoded(text: str, start: int) -> tuple[str, int] | None:
    try:
        value, end = _DECODER.raw_decode(text, start)
        return repr(value), end
    except (json.JSONDecodeError, RecursionError):
        return None
