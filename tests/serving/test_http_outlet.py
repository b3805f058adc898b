"""A head goes out with what follows at once, and alone where nothing does."""

from __future__ import annotations

import asyncio

from llmopt.serving.http_outlet import Outlet

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def outlet() -> tuple[Wire, Outlet]:
    wire = Wire()
    return wire, Outlet(wire, asyncio.get_running_loop())


def test_a_head_goes_out_with_the_first_piece_and_further_pieces_by_themselves() -> None:
    async def run() -> None:
        wire, out = await outlet()
        for data in (HEAD, b"HTTP/1.1 100 is a body", b"more"):
            out.write(data)
        await asyncio.sleep(0)
        assert wire.written == [HEAD + b"HTTP/1.1 100 is a body", b"more"]

    asyncio.run(run())


def test_a_head_that_nothing_follows_goes_out_at_the_next_turn() -> None:
    async def run() -> None:
        wire, out = await outlet()
        out.write(HEAD)
        assert wire.written == []
        await asyncio.sleep(0)
        assert wire.written == [HEAD]
        out.write(b"")
        out.write(b"piece")
        assert wire.written == [HEAD, b"", b"piece"]

    asyncio.run(run())


def test_a_client_is_told_to_go_on_at_once() -> None:
    async def run() -> None:
        wire, out = await outlet()
        out.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert len(wire.written) == 1
        out.write(HEAD)
        out.close()
        assert wire.written[1:] == [HEAD]
        assert wire.closed
        assert out.is_closing()

    asyncio.run(run())


def test_nothing_is_written_to_a_connection_that_closed_meanwhile() -> None:
    async def run() -> None:
        wire, out = await outlet()
        out.write(HEAD)
        wire.close()
        await asyncio.sleep(0)
        assert wire.written == []

    asyncio.run(run())
