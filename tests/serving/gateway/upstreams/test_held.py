"""Errors that are read to their end."""

from __future__ import annotations

import asyncio

import pytest

from llmopt.serving.gateway.errors import UpstreamError
from llmopt.serving.gateway.upstreams.held import HeldReply, held
from tests.serving.gateway.upstreams.fakes import Endless


def test_an_error_is_the_same_after_it_was_read() -> None:
    async def main() -> HeldReply:
        found = await held(HeldReply(503, ((b"a", b"b"),), b"busy"), "x", 5.0)
        assert [piece async for piece in found.pieces()] == [b"busy"]
        found.close()
        return found

    found = asyncio.run(main())
    assert (found.status, found.headers, asyncio.run(found.read())) == (503, ((b"a", b"b"),), b"busy")


def test_an_answer_without_a_body_has_no_pieces() -> None:
    async def main() -> list[bytes]:
        return [piece async for piece in HeldReply(204, (), b"").pieces()]

    assert asyncio.run(main()) == []


@pytest.mark.parametrize(("most_s", "why"), [(30.0, "without end"), (0.0, "to the end")])
def test_an_error_without_end_is_let_go(most_s: float, why: str) -> None:
    endless = Endless(500)
    with pytest.raises(UpstreamError, match=why):
        asyncio.run(_held(endless, most_s))
    assert endless.closed


async def _held(reply: Endless, most_s: float) -> HeldReply:
    return await held(reply, "x", most_s)


def test_a_wait_that_is_told_as_a_date_is_known() -> None:
    held_reply = HeldReply(429, ((b"retry-after", b"Wed, 21 Oct 2099 07:28:00 GMT"),), b"")
    failure = held_reply.failure
    assert failure is not None
    assert failure.retry_after_s == 86_400.0
