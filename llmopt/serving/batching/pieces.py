"""Run a batch, and when it fails, find out for which requests.

A group that fails is cut in half, down to single requests: one bad request among `n` costs `2 log2 n` more calls, and
`k` of them at most `k` times that. After two bad ones in a row, groups are cut without trying them, until a request
succeeds; so where every request fails `n + log2 n` calls are made, not `2 n`. A request fails only when `predict`
failed for it alone, so a batch that was merely too large (out of memory) gets its answers from two halves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from inspect import iscoroutine
from itertools import islice
from typing import Any

from llmopt.serving.batching.errors import PredictFailed

REFUSED = (str, bytes, bytearray, Mapping, Set)
"""Results that can be iterated, but hardly mean one answer a request in order."""

HOPELESS = 2
"""After so many bad requests in a row, a group is not tried as a whole."""
HINT = "return one answer for each request"


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbours in a batch whose fate is known."""

    start: int
    """Position of the first of them."""
    stop: int
    """Position behind the last of them."""
    answers: list[Any]
    """An answer each; empty where `error` is set."""
    error: BaseException | None
    """Why `predict` failed for this one request; it can be set on a future."""
    calls: int
    """Calls of `predict` since the piece before."""


def pieces(predict: Callable[[list[Any]], Iterable[Any]], requests: list[Any]) -> Iterator[Piece]:
    """Run a batch and yield its pieces in order; a batch that succeeds is one piece.

    Args:
        predict: from a list of requests to as many answers. It gets a list of its own at each call.
        requests: at least one.
    """
    groups, calls, in_a_row = [(0, len(requests))], 0, 0
    while groups:
        start, stop = groups.pop()
        halves = [((start + stop) // 2, stop), (start, (start + stop) // 2)]
        if in_a_row >= HOPELESS and stop - start > 1:
            groups += halves
            continue
        error: BaseException | None = None
        answers: list[Any] = []
        calls += 1
        try:
            answers = checked(predict(requests[start:stop]), stop - start)
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it belongs to callers who wait
            error = raised
        if error is not None and stop - start > 1:
            groups += halves
            continue
        in_a_row = 0 if error is None else in_a_row + 1
        yield Piece(start, stop, answers, None if error is None else portable(error), calls)
        calls = 0


def checked(answers: Any, size: int) -> list[Any]:
    """Return answers as a list.

    Raises:
        PredictFailed: they are not `size` answers in order.
    """
    if type(answers) is not list:
        if iscoroutine(answers):
            answers.close()  # nobody will await it
        if isinstance(answers, REFUSED) or not hasattr(answers, "__iter__"):
            raise PredictFailed(f"predict returned {type(answers).__name__}, not a list", HINT)
        answers = list(answers if hasattr(answers, "__len__") else islice(answers, size + 1))
    found: list[Any] = answers
    if len(found) != size:
        raise PredictFailed(f"predict returned {len(found)} answers for {size} requests", HINT)
    return found


def portable(error: BaseException) -> BaseException:
    """Return the error, in a `PredictFailed` where it would do harm in a caller's task.

    No future carries `StopIteration`, a `CancelledError` would look as if the caller had been cancelled, and
    `SystemExit` or `KeyboardInterrupt` would end the event loop.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    failed = PredictFailed(f"predict raised {type(error).__name__}", "see the cause of this error")
    failed.__cause__ = error
    return failed
