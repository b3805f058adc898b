"""Does a JSON value satisfy a JSON Schema (drafts 4 to 2020-12)? By `jsonschema-rs`, loaded when the first one is made.

Its expressions run in linear time, since answers come from models and so from strangers. A `$ref` may lead to another
part of the schema only: nothing is fetched.
"""

from __future__ import annotations

from typing import Any

from llmopt.errors import ConfigError, MissingExtraError

_DEEPEST = 200
"""Levels of arrays and objects; the library overruns its stack, and so ends the process, somewhere beyond."""


class Schema:
    """A schema that can be asked; what it says holds no values of the answer, so that it may be logged."""

    def __init__(self, root: object) -> None:
        """Prepare a schema.

        Raises:
            ConfigError: it is none.
            MissingExtraError: the library is not installed.
        """
        try:
            import jsonschema_rs
        except ImportError as error:
            raise MissingExtraError("jsonschema-rs", "serve") from error
        if not isinstance(root, bool | dict) or _is_deep(root):
            raise ConfigError(
                "a schema is an object or a boolean" + (", nested less deep" if _is_deep(root) else ""),
                "see json-schema.org for the form",
            )
        options = jsonschema_rs.RegexOptions()
        try:
            self._validator: Any = jsonschema_rs.validator_for(
                root, mask="it", pattern_options=options, retriever=_refuse
            )
        except ValueError as error:
            place = "".join(f"/{step}" for step in getattr(error, "instance_path", ()))
            message = str(getattr(error, "message", error)).partition("\n")[0]
            raise ConfigError(f"no JSON Schema: #{place}: {message}", "see json-schema.org for the form") from error

    def fault(self, value: object) -> str:
        """Return the first thing that is wrong with a value, with its place; empty where nothing is."""
        if _is_deep(value):
            return "$: nested too deep to be checked"
        try:
            error = next(self._validator.iter_errors(value), None)
        except ValueError:  # half of a surrogate pair
            return "$: holds what is no text"
        return "" if error is None else f"{_place(error.instance_path)}: {error.message}"


def _refuse(uri: str) -> Any:
    raise ValueError(f"$ref {uri!r} leads out of the schema")


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        tables = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [inner for each in tables for inner in each]
        if not level:
            return False
    return True


def _place(path: list[str | int]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
