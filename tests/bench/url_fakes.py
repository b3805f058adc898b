"""Servers on a virtual clock, and load that is offered to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from llmopt.bench.url_load import Asker, Offered, offer
from llmopt.serving.exchange import Exchange
from tests.serving.virtual import run


class Server:
    """Takes so many requests at once and so long for each; `error` may refuse the n-th."""

    def __init__(
        self, service_s: float, concurrency: int, *, error: Callable[[int], str] = lambda number: "", tokens: int = 5
    ) -> None:
        self.service_s = service_s
        self.concurrency = concurrency
        self.error = error
        self.tokens = tokens
        self.asked = 0
        self.prompts: list[str] = []
        self.stalls: list[tuple[int, float]] = []
        """Number of a request and how long everything stands still when it is served."""
        self._queue: asyncio.Semaphore | None = None

    async def ask(self, prompt: str, due_s: float) -> Exchange:
        loop = asyncio.get_running_loop()
        number, self.asked = self.asked, self.asked + 1
        self.prompts.append(prompt)
        self._queue = self._queue or asyncio.Semaphore(self.concurrency)
        sent_s = loop.time()
        if error := self.error(number):
            return Exchange(due_s, sent_s, loop.time(), error=error)
        async with self._queue:
            await asyncio.sleep(dict(self.stalls).get(number, 0.0))
            first_s = loop.time() + self.service_s / self.tokens
            await asyncio.sleep(self.service_s)
        return Exchange(due_s, sent_s, loop.time(), first_s, loop.time(), self.tokens)


def offered(asker: Asker, arrivals_s: Sequence[float], *, patience_s: float = 1000.0, needed: int = 1) -> Offered:
    """Offer a load on a virtual clock."""
    return run(offer(asker, arrivals_s, str, patience_s=patience_s, needed=needed))
