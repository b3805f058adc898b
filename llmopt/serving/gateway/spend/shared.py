"""Sums that processes and machines share: added in the background, in batches, so that no request waits for the store.

What the store answers is a sum with everybody's part in it. While the store is gone, sums are counted here and added
when it is back. A sum never falls: where the store forgot (a Redis that was started anew), it is told what it said.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from logging import getLogger
from typing import Protocol

from llmopt.core.money import exact_text
from llmopt.serving.gateway.spend.caps import usd

LOG = getLogger("llmopt.serving.gateway")
PAUSE_S = 0.05
"""Between two exchanges."""
REFRESH_S = 1.0
"""Sums that are asked for are read anew after it."""
STALE_S = 5.0
"""A sum that nobody asked for so long is waited for."""
ASK_S = 0.25
"""Wait so long for a sum at most."""
_LONGEST_WAIT_S = 5.0
_CLOSE_S = 2.0
_MOST = 65_536
"""Sums in memory."""


class StoreGoneError(Exception):
    """The store does not answer, or refuses."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of one sum."""

    add: int
    """0: only to know it."""
    floor: int
    """What it was at least: what the store itself said."""


class SpendStore(Protocol):
    """Keeps sums."""

    @property
    def where(self) -> str:
        """For logs; holds nothing secret."""
        ...

    async def exchange(self, batch: str, wishes: Mapping[str, Wish]) -> dict[str, int]:
        """Add to sums and return what they are.

        Args:
            batch: a name for it; the same wishes sent twice under one name, as the first answer was lost, are added
                once.
            wishes: by the name of the sum.

        Raises:
            StoreGoneError: it cannot say whether they were added.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class SharedTotals:
    """Sums in a store; of one event loop.

    Args:
        store: that keeps them.
        clock: seconds that only go forward.
    """

    def __init__(self, store: SpendStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[int, float]] = {}
        """What the store said last, and when."""
        self._pending: dict[str, int] = {}
        self._sending: dict[str, int] = {}
        """A batch of which nobody knows yet whether it was added."""
        self._batch = ""
        self._seen: set[str] = set()
        self._due_s = 0.0
        self._failing_for_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._round: asyncio.Future[None] | None = None
        """Done when the next exchange to begin has ended."""
        self._closing = False
        self.errors = 0
        """Exchanges that failed."""

    def get(self, name: str) -> int | None:
        """Return a sum as it is known here; None: `ask` first."""
        known = self._known.get(name)
        if known is None or self._clock() - known[1] > STALE_S:
            return None
        return known[0] + self._unsent(name)

    def last(self, name: str) -> int | None:
        """Return a sum as it was known last, however long ago; None: nobody asked."""
        return self._floor(name) + self._unsent(name) if name in self._known else None

    async def ask(self, names: Sequence[str]) -> None:
        """Learn sums; waits a short time only, and without an answer they are what was counted here."""
        if not self._failing_for_s:
            self._begin()
            self._seen.update(names)
            if self._round is None:
                self._round = asyncio.get_running_loop().create_future()
            self._hurry.set()
            self._wake.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._round), ASK_S)
        now_s = self._clock()
        for name in names:
            if self.get(name) is None:
                self._known[name] = (self._floor(name), now_s)

    def add(self, amounts: Mapping[str, int]) -> None:
        """Add to sums."""
        self._begin()
        for name, amount in amounts.items():
            self._pending[name] = self._pending.get(name, 0) + amount
        self._wake.set()

    def seen(self, names: Sequence[str]) -> None:
        """Say that somebody asks for these, so that they are kept up to date."""
        self._seen.update(names)
        if self._clock() >= self._due_s:
            self._begin()
            self._wake.set()

    def forget(self, but: tuple[str, ...]) -> None:
        """Forget sums whose names begin with none of these; what is not added yet will be."""
        self._known = {name: known for name, known in self._known.items() if name.startswith(but)}
        self._seen = {name for name in self._seen if name.startswith(but)}

    async def close(self) -> None:
        """Add what is left to add, in a short time."""
        self._closing = True
        self._wake.set()
        self._hurry.set()
        if self._task is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._task, _CLOSE_S)  # which cancels it
        left = max((self._unsent(name) for name in {*self._pending, *self._sending}), default=0)
        if left:
            missing = exact_text(usd(left))
            LOG.warning("%s: %s USD of spending could not be written", self._store.where, missing)
        await self._store.close()

    def _begin(self) -> None:
        if self._task is None and not self._closing:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._hurry.clear()
            fine = await self._exchange()
            if self._closing and (not fine or not self._pending):
                return
            wait_s = PAUSE_S if fine else self._failing_for_s
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), wait_s)
            if not fine or self._closing or self._pending:
                self._wake.set()

    async def _exchange(self) -> bool:
        """Send what is pending, and learn the sums; return whether that went well."""
        ended, self._round = self._round, None
        if not self._sending:
            self._batch, self._sending, self._pending = secrets.token_hex(16), self._pending, {}
        names = {*self._sending, *self._seen}
        wishes = {name: Wish(self._sending.get(name, 0), self._floor(name)) for name in names}
        try:
            if wishes:
                self._learn(await self._store.exchange(self._batch, wishes))
        except StoreGoneError as error:
            self._failed(error)
            return False
        else:
            if self._failing_for_s:
                LOG.warning("%s: spending is shared again", self._store.where)
            self._failing_for_s = 0.0
            return True
        finally:
            if ended is not None and not ended.done():
                ended.set_result(None)

    def _learn(self, sums: Mapping[str, int]) -> None:
        now_s = self._clock()
        self._sending = {}
        self._seen.difference_update(sums)
        self._due_s = now_s + REFRESH_S
        if len(self._known) > _MOST:
            self._known = {}
        for name, amount in sums.items():
            self._known[name] = (max(amount, self._floor(name)), now_s)

    def _failed(self, error: StoreGoneError) -> None:
        self.errors += 1
        if not self._failing_for_s:
            why = str(error).rstrip(".")
            LOG.warning("%s: %s; spending is counted in this process until it is back", self._store.where, why)
        self._failing_for_s = min(2 * self._failing_for_s or 4 * PAUSE_S, _LONGEST_WAIT_S)

    def _floor(self, name: str) -> int:
        known = self._known.get(name)
        return known[0] if known is not None else 0

    def _unsent(self, name: str) -> int:
        return self._pending.get(name, 0) + self._sending.get(name, 0)
