"""One order of things for threads and event loops: a generator yields what is to be done, a driver does it.

httpx has its authentication done so. What is done one way in a thread and another in an event loop is a `Step`; all
that lies between is written once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be done, one way or the other."""

    now: Callable[[], Any]
    """Does it, and returns when it is done."""
    soon: Callable[[], Awaitable[Any]]
    """Does it while an event loop goes on."""


Flow = Generator[Step, Any, T]
"""Yields steps, is sent what comes of them, or has thrown in what they raise; returns what comes of it all."""


def run(flow: Flow[T]) -> T:
    """Do the steps of a flow in this thread."""
    try:
        step = next(flow)
        while True:
            try:
                done = step.now()
            except BaseException as error:  # noqa: BLE001 - the flow's to see, whatever it is
                step = flow.throw(error)
            else:
                step = flow.send(done)
    except StopIteration as end:
        returned: T = end.value
        return returned


async def arun(flow: Flow[T]) -> T:
    """Do the steps of a flow in this event loop."""
    try:
        step = next(flow)
        while True:
            try:
                done = await step.soon()
            except BaseException as error:  # noqa: BLE001 - as above
                step = flow.throw(error)
            else:
                step = flow.send(done)
    except StopIteration as end:
        returned: T = end.value
        return returned
