"""Pieces of an object added up: what a stream says bit by bit.

Source: OpenAI API reference, "Chat completion chunk object": strings go on where they left off, lists grow, and
`tool_calls` are told apart by their `index`. Names of things (`id`, `role` ...) are said again and not gone on with.
"""

from __future__ import annotations

from typing import Any

_SAID_AGAIN = frozenset({"id", "role", "type", "object", "model", "format"})
_INDEXED = frozenset({"tool_calls", "reasoning_details"})


class Text(list[str]):
    """A string on its way: joining once takes linear time, adding each piece takes quadratic."""


class Numbered(dict[int, dict[str, Any]]):
    """A list on its way, whose elements come in pieces with an `index`."""


def add(held: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add a piece to an object; null says nothing where something was said."""
    for name, new in delta.items():
        old = held.get(name)
        if new is None:
            held.setdefault(name, None)
        elif isinstance(new, str):
            _add_text(held, name, old, new)
        elif isinstance(new, dict):
            into = held[name] = old if type(old) is dict else {}
            add(into, new)
        elif isinstance(new, list):
            _add_list(held, name, old, new)
        else:
            held[name] = new


def settled(value: Any) -> Any:
    """Return what was added up, as JSON has it."""
    if isinstance(value, Text):
        return "".join(value)
    if isinstance(value, Numbered):
        return [settled(value[index]) for index in sorted(value)]
    if isinstance(value, dict):
        return {name: settled(each) for name, each in value.items()}
    return value


def _add_text(held: dict[str, Any], name: str, old: Any, new: str) -> None:
    if name in _SAID_AGAIN:
        held[name] = new or old or new
    elif not isinstance(old, Text):
        held[name] = Text([new])
    elif not (name == "name" and "".join(old) == new):  # some servers say the name of a function in every piece
        old.append(new)


def _add_list(held: dict[str, Any], name: str, old: Any, new: list[Any]) -> None:
    if name not in _INDEXED:
        held[name] = [*old, *new] if isinstance(old, list) and not isinstance(old, Text) else list(new)
        return
    into = held[name] = old if isinstance(old, Numbered) else Numbered()
    for piece in new:
        if isinstance(piece, dict):
            index = piece.get("index")
            add(into.setdefault(index if isinstance(index, int) else len(into), {}), piece)
