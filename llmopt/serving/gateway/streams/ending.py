"""The end of an iterator that nobody reads to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator


async def let_go(pieces: AsyncIterator[bytes]) -> None:
    """End a generator now, and not when it happens to be collected; nothing happens to one that has ended."""
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()
