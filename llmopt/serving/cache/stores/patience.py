"""A time-out for event loops that counts only the time in which the loop ran.

A loop that stands still (a busy machine, a long computation) has not looked whether an answer is there; when it goes
on, an ordinary time-out gives up before the answer is read. This one waits in slices, and one that ends late is still
one slice; at the end the loop goes round a few times more, which takes microseconds where nothing is to be read.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

_SLICES = 5
_ROUNDS = 16
"""To connect and to be answered takes some ten rounds of a loop, however late each of them comes."""


class Patience:
    """Raises TimeoutError in the block that it surrounds when that takes longer than it may."""

    def __init__(self, timeout_s: float) -> None:
        """Wait so long."""
        self._slice_s = timeout_s / _SLICES
        self._left = _SLICES + _ROUNDS
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.Handle | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._timeout.__aenter__()
        self._timer = self._loop.call_later(self._slice_s, self._tick)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._timeout.__aexit__(kind, error, where)

    def _tick(self) -> None:
        self._left -= 1
        if self._left > _ROUNDS:
            self._timer = self._loop.call_later(self._slice_s, self._tick)
        elif self._left:
            self._timer = self._loop.call_soon(self._tick)
        else:
            self._timer = None
            self._timeout.reschedule(self._loop.time())
