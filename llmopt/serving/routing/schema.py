"""Does a JSON value satisfy a JSON Schema? The part of draft 2020-12 that answers of models are described with.

A keyword that is not known here is refused when the schema is read: to pass over it would be to check less than was
asked. Source: https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llmopt.errors import ConfigError
from llmopt.serving.routing.patterns import safe

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: _is_number(value),
    "integer": lambda value: _is_number(value) and value == int(value),
}
_NOTES = "$schema $id $comment $anchor title description default examples deprecated readOnly writeOnly format"
_SAYS_NOTHING = frozenset([*_NOTES.split(), "contentEncoding", "contentMediaType", "$defs", "definitions"])
"""Annotations; `format` is one in this draft."""
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_ONE = ("not", "items", "additionalProperties", "propertyNames", "contains")
_BY_NAME = ("properties", "$defs", "definitions")
_LIMITS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_KNOWN = _SAYS_NOTHING | {*_MANY, *_ONE, *_BY_NAME, *_LIMITS, *_BOUNDS}
_KNOWN = _KNOWN | {"$ref", "type", "enum", "const", "required", "pattern", "uniqueItems"}
_SIZED = ((str, "Length"), (list, "Items"), (dict, "Properties"))
_DEEPEST = 60


class Schema:
    """A schema that was looked through and can be asked."""

    def __init__(self, root: object) -> None:
        """Look through a schema.

        Raises:
            ConfigError: it is no schema, or asks for something that is not known here.
        """
        self._root = root
        self._patterns: dict[str, tuple[re.Pattern[str], int]] = {}
        self._look(root, "#", 0)

    def fault(self, value: object) -> str:
        """Return the first thing that is wrong with a value, with its place; empty where nothing is."""
        return next(self._faults(value, self._root, "$", 0), "")

    def _look(self, schema: object, place: str, depth: int) -> None:
        if isinstance(schema, bool):
            return
        if not isinstance(schema, dict) or depth > _DEEPEST:
            raise ConfigError(f"{place}: a schema is an object or a boolean")
        for key in schema:
            if key not in _KNOWN:
                raise ConfigError(f"{place}: the keyword {key!r} is not known here", "leave it out, or use a callable")
        for name in _names(schema.get("type", []), place):
            if name not in _TYPES:
                raise ConfigError(f"{place}: {name!r} is no type", f"types are {', '.join(_TYPES)}")
        self._look_at_values(schema, place)
        for inner_place, inner in _inner(schema, place):
            self._look(inner, inner_place, depth + 1)

    def _look_at_values(self, schema: Mapping[str, Any], place: str) -> None:
        for key in (*_LIMITS, *_BOUNDS):
            if key in schema and not _is_number(schema[key]):
                raise ConfigError(f"{place}: {key} is {schema[key]!r}; a number is needed")
        if schema.get("multipleOf", 1) <= 0:
            raise ConfigError(f"{place}: multipleOf is {schema['multipleOf']!r}; it must be above 0")
        _names(schema.get("required", []), place)
        if not isinstance(schema.get("enum", []), list):
            raise ConfigError(f"{place}: enum is no list")
        if "pattern" in schema:
            source = schema["pattern"]
            if not isinstance(source, str):
                raise ConfigError(f"{place}: pattern is {source!r}; a text is needed")
            self._patterns[source] = safe(source)
        if "$ref" in schema:
            self._resolve(schema["$ref"], place)

    def _resolve(self, reference: object, place: str) -> object:
        found: Any = self._root
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise ConfigError(f"{place}: $ref {reference!r} leads out of the schema")
        for step in reference[1:].split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or key not in found:
                raise ConfigError(f"{place}: $ref {reference!r} leads nowhere")
            found = found[key]
        return found

    def _faults(self, value: Any, schema: Any, place: str, depth: int) -> Iterator[str]:
        if isinstance(schema, bool):
            if not schema:
                yield f"{place}: not allowed"
            return
        if depth > _DEEPEST:
            yield f"{place}: nested too deep to be checked"
            return
        if "$ref" in schema:
            yield from self._faults(value, self._resolve(schema["$ref"], place), place, depth + 1)
        yield from _plain_faults(value, schema, place)
        if isinstance(value, str) and "pattern" in schema and not self._matches(value, schema["pattern"]):
            yield f"{place}: does not match the pattern {schema['pattern']!r}"
        yield from self._combined(value, schema, place, depth)
        if isinstance(value, dict):
            yield from self._of_object(value, schema, place, depth)
        if isinstance(value, list):
            yield from self._of_array(value, schema, place, depth)

    def _matches(self, value: str, pattern: str) -> bool:
        """Whether a text matches; one that is too long to be looked at in time does not."""
        found, reach = self._patterns[pattern]
        return len(value) <= reach and found.search(value) is not None

    def _fits(self, value: Any, schema: Any, place: str, depth: int) -> bool:
        return next(self._faults(value, schema, place, depth + 1), None) is None

    def _combined(self, value: Any, schema: Mapping[str, Any], place: str, depth: int) -> Iterator[str]:
        for inner in schema.get("allOf", []):
            yield from self._faults(value, inner, place, depth + 1)
        if "anyOf" in schema and not any(self._fits(value, inner, place, depth) for inner in schema["anyOf"]):
            yield f"{place}: fits none of anyOf"
        if "oneOf" in schema:
            count = sum(self._fits(value, inner, place, depth) for inner in schema["oneOf"])
            if count != 1:
                yield f"{place}: fits {count} of oneOf"
        if "not" in schema and self._fits(value, schema["not"], place, depth):
            yield f"{place}: fits what it must not"

    def _of_object(self, value: dict[str, Any], schema: Mapping[str, Any], place: str, depth: int) -> Iterator[str]:
        own = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{place}: {name!r} is missing"
        for name, inner in value.items():
            if "propertyNames" in schema:
                yield from self._faults(name, schema["propertyNames"], f"{place}.{name}", depth + 1)
            if name in own:
                yield from self._faults(inner, own[name], f"{place}.{name}", depth + 1)
            elif "additionalProperties" in schema:
                yield from self._faults(inner, schema["additionalProperties"], f"{place}.{name}", depth + 1)

    def _of_array(self, value: list[Any], schema: Mapping[str, Any], place: str, depth: int) -> Iterator[str]:
        first = schema.get("prefixItems", [])
        for position, inner in enumerate(value):
            wanted = first[position] if position < len(first) else schema.get("items", True)
            yield from self._faults(inner, wanted, f"{place}[{position}]", depth + 1)
        if "contains" in schema and not any(self._fits(inner, schema["contains"], place, depth) for inner in value):
            yield f"{place}: holds nothing of what it must contain"


def _plain_faults(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    types = _names(schema.get("type", []), place)
    if types and not any(_TYPES[name](value) for name in types):
        yield f"{place}: no {' or '.join(types)}"
    if "enum" in schema and not any(_equal(value, each) for each in schema["enum"]):
        yield f"{place}: not one of the values that are allowed"
    if "const" in schema and not _equal(value, schema["const"]):
        yield f"{place}: not the value that is asked for"
    yield from _size_faults(value, schema, place)
    if _is_number(value):
        yield from _number_faults(value, schema, place)
    if isinstance(value, list) and schema.get("uniqueItems") is True and _has_twice(value):
        yield f"{place}: holds something twice"


def _size_faults(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    for kind, what in _SIZED:
        if not isinstance(value, kind):
            continue
        if len(value) < schema.get(f"min{what}", 0):
            yield f"{place}: less than {schema[f'min{what}']} long"
        if len(value) > schema.get(f"max{what}", math.inf):
            yield f"{place}: more than {schema[f'max{what}']} long"


def _has_twice(items: list[Any]) -> bool:
    return any(_equal(one, other) for position, one in enumerate(items) for other in items[:position])


def _number_faults(value: float, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    if value < schema.get("minimum", -math.inf) or value <= schema.get("exclusiveMinimum", -math.inf):
        yield f"{place}: too small"
    if value > schema.get("maximum", math.inf) or value >= schema.get("exclusiveMaximum", math.inf):
        yield f"{place}: too big"
    step = schema.get("multipleOf")
    if step is not None and not math.isclose(value / step, round(value / step), rel_tol=1e-9, abs_tol=1e-9):
        yield f"{place}: no multiple of {step}"


def _inner(schema: Mapping[str, Any], place: str) -> Iterator[tuple[str, object]]:
    for key in _MANY:
        for position, inner in enumerate(_listed(schema.get(key, []), f"{place}/{key}")):
            yield f"{place}/{key}/{position}", inner
    for key in _ONE:
        if key in schema:
            yield f"{place}/{key}", schema[key]
    for key in _BY_NAME:
        named = schema.get(key, {})
        if not isinstance(named, dict):
            raise ConfigError(f"{place}: {key} is no object")
        for name, inner in named.items():
            yield f"{place}/{key}/{name}", inner


def _listed(value: object, place: str) -> list[object]:
    if not isinstance(value, list):
        raise ConfigError(f"{place}: a list of schemas is needed")
    return value


def _names(value: object, place: str) -> list[str]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise ConfigError(f"{place}: {value!r} is no list of names")
    return listed


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _equal(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1, 1.0 is 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)
