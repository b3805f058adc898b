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

    def place(self, piece: dict[str, Any]) -> int:
        """Return where a piece belongs; some servers (Gemini's) give all calls of a message the same index."""
        index = piece.get("index")
        if not isinstance(index, int):
            return max(self, default=-1) + 1
        alike = [place for place, held in self.items() if held.get("index") == index]
        last = max(alike, default=index)
        ids = (piece.get("id"), self.get(last, {}).get("id"))
        return max(self) + 1 if all(ids) and ids[0] != ids[1] and _is_named(piece) else last


class Unjoinable(ValueError):
    """Pieces that do not fit together: a text that goes on as a list."""


def add(held: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add a piece to an object; null says nothing where something was said.

    Raises:
        Unjoinable: a field goes on as something else.
    """
    for name, new in delta.items():
        old = held.get(name)
        if new is None:
            held.setdefault(name, None)
        elif isinstance(new, str):
            _add_text(held, name, old, new)
        elif isinstance(new, dict):
            if old is not None and type(old) is not dict:
                raise Unjoinable(name)
            into = held[name] = {} if old is None else old
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
    elif old is None:
        held[name] = Text([new])
    elif not isinstance(old, Text):
        raise Unjoinable(name)
    elif not (name == "name" and "".join(old) == new):  # some servers say the name of a function in every piece
        old.append(new)


def _add_list(held: dict[str, Any], name: str, old: Any, new: list[Any]) -> None:
    # Parts of a message (Mistral's thinking) would have to be joined within, and nothing says which with which.
    if name == "content" and any(isinstance(each, dict) and "type" in each for each in new):
        raise Unjoinable(name)
    if name not in _INDEXED:
        if isinstance(old, Text):
            raise Unjoinable(name)
        held[name] = [*old, *new] if isinstance(old, list) else list(new)
        return
    into = held[name] = old if isinstance(old, Numbered) else Numbered()
    for piece in new:
        if isinstance(piece, dict):
            add(into.setdefault(into.place(piece), {}), piece)


def _is_named(piece: dict[str, Any]) -> bool:
    """Return whether a piece begins a call: later ones go without the name, and some servers make each a new id."""
    function = piece.get("function")
    return isinstance(function, dict) and bool(function.get("name"))
