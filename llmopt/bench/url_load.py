"""Open-loop load: each request is sent when it is due, whether or not the ones before it are answered.

A closed loop waits for answers, so a server that stalls also stalls its own load, and the requests that would have come
during the stall are never counted ("coordinated omission"). Here every latency counts from when the request was due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from llmopt.serving.exchange import Exchange

NO_ANSWER = "no answer in time"
"""What is said of a request that was still open when the run was over."""


class Asker(Protocol):
    """Something that can be asked; it tells errors and does not raise them."""

    async def ask(self, prompt: str, due_s: float) -> Exchange:
        """Send a prompt that was due at an instant of the loop's clock and return what came of it."""
        ...


@dataclass(frozen=True, slots=True)
class Offered:
    """What came of a load."""

    exchanges: tuple[Exchange, ...]
    """In the order in which they were due; those that were sent."""
    needed: int
    """Requests that it takes to say what there is to say."""
    late_s: float
    """How late the sender was at most."""
    started_s: float
    """On the clock of the loop."""


async def offer(
    asker: Asker, arrivals_s: Sequence[float], prompt: Callable[[int], str], *, patience_s: float, needed: int = 1
) -> Offered:
    """Send a prompt at each arrival and wait for the answers.

    Args:
        asker: takes the prompts.
        arrivals_s: seconds from now, ascending.
        prompt: gives the one of a number.
        patience_s: how long to wait for answers after the last request; what has none then has failed.
        needed: requests that it takes to say what there is to say.
    """
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    tasks: list[asyncio.Task[Exchange]] = []
    dues_s: list[float] = []
    late_s = 0.0
    try:
        for number, arrival_s in enumerate(arrivals_s):
            due_s = start_s + arrival_s
            text = prompt(number)
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            late_s = max(late_s, loop.time() - due_s)
            dues_s.append(due_s)
            tasks.append(loop.create_task(asker.ask(text, due_s)))
        if tasks:
            await asyncio.wait(tasks, timeout=patience_s)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    now_s = loop.time()
    found = [_exchange(result, due_s, now_s) for result, due_s in zip(results, dues_s, strict=True)]
    return Offered(tuple(found), needed, late_s, start_s)


def _exchange(result: Exchange | BaseException, due_s: float, now_s: float) -> Exchange:
    if isinstance(result, Exchange):
        return result
    if isinstance(result, asyncio.CancelledError):
        return Exchange(due_s, due_s, now_s, error=NO_ANSWER)
    raise result
