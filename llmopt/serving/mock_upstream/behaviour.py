"""How a mock upstream behaves: set when it starts, and for one request by its headers or its model's name.

`x-mock-chunks: 103` sets `chunks` for one request. A model named `mock-status-429-retry_after-1` does the same where a
client can set no headers: behind `mock-` come names and values in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from functools import lru_cache

_HEADER = b"x-mock-"
_MODEL = "mock-"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What is answered, and how."""

    latency_s: float = 0.0
    """Before the head of the answer."""
    first_s: float = 0.0
    """Between the head and the first event of a stream."""
    gap_s: float = 0.0
    """Between two events of a stream."""
    chunks: int = 5
    """Pieces of text in an answer, each one word; the whole answer has them, too."""
    text: str = ""
    """In place of those words; a stream sends one word with its space at a time."""
    reasoning: int = 0
    """Pieces of reasoning before the text."""
    tool_calls: int = 0
    """Calls of tools after the text."""
    input_tokens: int = 20
    """All of them, the cached ones included."""
    cached_tokens: int = 0
    output_tokens: int = 10
    """All of them, the reasoning ones included."""
    reasoning_tokens: int = 0
    usage: bool = True
    """Whether answers tell their usage."""
    status: int = 200
    """Any other: an error in the form of the API."""
    retry_after: str = ""
    """Sent with an error."""
    fail_first: int = 0
    """So many calls with the same body get the error (`status`, or 503), then it goes well."""
    die_after: int = -1
    """Cut the connection after so many events of a stream, or after half of a whole answer; -1: never."""
    drop: bool = False
    """Close the connection without an answer."""
    hang: str = ""
    """`head`: never answer; `body`: send the head and no more."""
    done: bool = True
    """Whether a stream ends as its API says; else it just ends."""
    piece_bytes: int = 0
    """Cut streams into pieces of this size, wherever that is; 0: an event a piece."""
    burst: bool = False
    """Write a whole stream at once."""
    keep_alives: bool = False
    """Send a comment before each event."""
    multiline: bool = False
    """Spread the data of an event over several lines."""
    close: bool = False
    """Close the connection after each answer, and say so."""
    answered_model: str = ""
    """Named in the answer; empty: the model that was asked for."""
    echo: str = ""
    """`body`: the request's body is the answer, its content-type too. `request`: a description of the request is."""


USUAL = Behaviour()
"""Five words, at once."""


def asked_of(usual: Behaviour, headers: Iterable[tuple[bytes, bytes]], model: str) -> Behaviour:
    """Return how to behave for one request.

    Args:
        usual: how the server behaves.
        headers: of the request; names in lower case.
        model: that is asked for.
    """
    wishes = tuple((name[7:].decode("latin-1"), value.decode("latin-1")) for name, value in _meant(headers))
    if model.startswith(_MODEL):
        words = model[len(_MODEL) :].split("-")
        wishes += tuple(zip(words[::2], words[1::2], strict=False))
    return _changed(usual, wishes) if wishes else usual


def _meant(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [each for each in headers if each[0].startswith(_HEADER)]


def _flag(value: str) -> bool:
    return value.lower() not in ("", "0", "false", "no", "off")


_KINDS: dict[str, Callable[[str], object]] = {"float": float, "int": int, "str": str, "bool": _flag}
_READ = {field.name: _KINDS[str(field.type)] for field in fields(Behaviour)}
OPTIONS = tuple(_READ)
"""Names of everything that can be set."""


@lru_cache(maxsize=1024)
def _changed(usual: Behaviour, wishes: tuple[tuple[str, str], ...]) -> Behaviour:
    """Return a behaviour with wishes; what is no wish, or has no such value, is left alone."""
    for name, value in wishes:
        name = {"error": "status"}.get(name, name.replace("-", "_"))
        if name in _READ:
            try:
                usual = replace(usual, **{name: _READ[name](value)})  # type: ignore[arg-type]
            except ValueError:
                continue
    return usual


def read_option(name: str, text: str) -> object:
    """Return the value of an option as a command line writes it.

    Raises:
        ValueError: the text is no such value.
    """
    return _READ[name](text)
