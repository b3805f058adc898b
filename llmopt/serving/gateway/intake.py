"""What a gateway has taken in and not answered yet: how many requests, how many bytes, and whether it takes more."""

from __future__ import annotations

import asyncio

from llmopt.serving.gateway.config.settings import Limits
from llmopt.serving.gateway.errors import GatewayError

_SOON = ((b"retry-after", b"1"),)
_ELSEWHERE = ((b"retry-after", b"1"), (b"connection", b"close"))


class Intake:
    """Counts what is being answered; of one event loop.

    Args:
        limits: how much is taken at once.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._idle = asyncio.Event()
        self._idle.set()
        self.requests = 0
        """That are being answered."""
        self.bodies_bytes = 0
        """Of their bodies."""
        self.draining = False
        """Whether nothing new is taken."""

    def begin(self) -> None:
        """Take a request.

        Raises:
            GatewayError: 503, there are too many, or the gateway is about to end.
        """
        if self.draining:
            raise GatewayError(503, "draining", "this gateway is about to end; ask again", _ELSEWHERE)
        if self.requests >= self._limits.requests:
            raise GatewayError(503, "too_many_requests", "too many requests are being answered; ask again soon", _SOON)
        self.requests += 1
        self._idle.clear()

    def end(self, body_bytes: int) -> None:
        """Note that a request was answered.

        Args:
            body_bytes: that `grow` was told of it.
        """
        self.requests -= 1
        self.bodies_bytes -= body_bytes
        if not self.requests:
            self._idle.set()

    def grow(self, size_bytes: int) -> None:
        """Make room for a body, or for more of one.

        Raises:
            GatewayError: 503, there is none.
        """
        if self.bodies_bytes + size_bytes > self._limits.bodies_bytes:
            raise GatewayError(503, "too_many_bytes", "too many bytes are being answered; ask again soon", _SOON)
        self.bodies_bytes += size_bytes

    async def idle(self) -> None:
        """Wait until nothing is being answered."""
        await self._idle.wait()
