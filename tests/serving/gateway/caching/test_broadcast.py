"""One stream for many readers: everyone gets every byte, memory is bounded, and a slow reader holds nobody up."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.serving.gateway.caching.broadcast import Broadcast, Reader
from tests.serving.gateway.caching.parts import PATIENCE_S, until


async def drained(stream: Broadcast, reader: Reader) -> bytes:
    found = []
    async with asyncio.timeout(PATIENCE_S):
        while piece := await stream.next(reader):
            found.append(piece)
    return b"".join(found)


@settings(deadline=None)
@given(pieces=st.lists(st.binary(min_size=1, max_size=5), max_size=20), joins=st.lists(st.integers(0, 20), max_size=5))
def test_everyone_gets_every_byte_whenever_they_join(pieces: list[bytes], joins: list[int]) -> None:
    async def main() -> None:
        stream = Broadcast()
        readers: list[asyncio.Task[bytes]] = []
        for number, piece in enumerate(pieces):
            readers += [asyncio.create_task(drained(stream, stream.join())) for _ in range(joins.count(number))]
            await stream.add(piece)
            if number % 3 == 0:
                await asyncio.sleep(0)
        late = stream.join()
        stream.end()
        assert await drained(stream, late) == b"".join(pieces)
        assert all(each == b"".join(pieces) for each in await asyncio.gather(*readers))

    asyncio.run(main())


def test_what_has_come_meanwhile_is_one_piece() -> None:
    async def main() -> None:
        stream = Broadcast()
        reader = stream.join()
        for piece in (b"a", b"b", b"c"):
            await stream.add(piece)
        assert await stream.next(reader) == b"abc"
        stream.end()
        assert await stream.next(reader) == b""

    asyncio.run(main())


def test_only_reader_that_does_not_read_stops_the_stream() -> None:
    async def main() -> None:
        stream = Broadcast(window_bytes=10, largest_bytes=100)
        reader = stream.join()
        added = 0

        async def produce() -> None:
            nonlocal added
            for _ in range(200):
                await stream.add(b"12345")
                added += 1
            stream.end()

        task = asyncio.create_task(produce())
        for _ in range(20):
            await asyncio.sleep(0)
        assert added == 2
        assert await drained(stream, reader) == b"12345" * 200
        await task

    asyncio.run(main())


def test_slow_reader_is_cut_off_and_the_others_get_everything() -> None:
    async def main() -> None:
        stream = Broadcast(window_bytes=10, largest_bytes=100)
        slow, fast = stream.join(), stream.join()
        task = asyncio.create_task(drained(stream, fast))
        for _ in range(200):
            await stream.add(b"12345")
        stream.end()
        assert await task == b"12345" * 200
        assert slow.cut
        assert await stream.next(slow) == b""
        assert not fast.cut

    asyncio.run(main())


def test_long_stream_takes_nobody_more_and_forgets_what_was_read() -> None:
    async def main() -> None:
        stream = Broadcast(window_bytes=10, largest_bytes=100)
        reader = stream.join()
        task = asyncio.create_task(drained(stream, reader))
        for number in range(200):
            assert stream.joinable is (number <= 20)
            await stream.add(b"12345")
            assert stream.held_bytes <= 120
        stream.end()
        assert await task == b"12345" * 200

    asyncio.run(main())


def test_who_only_waits_for_the_end_holds_nobody_up() -> None:
    async def main() -> None:
        stream = Broadcast(window_bytes=10, largest_bytes=100)
        first, waiting = stream.join(), stream.join(waits=True)
        assert stream.leave(first) == 1
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(200):
                await stream.add(b"12345")
        assert stream.leave(waiting) == 0

    asyncio.run(main())


def test_leaving_lets_the_stream_go_on() -> None:
    async def main() -> None:
        stream = Broadcast(window_bytes=10, largest_bytes=100)
        reader = stream.join()
        task = asyncio.create_task(stream.add(b"x" * 11))
        await asyncio.sleep(0)
        assert not task.done()
        stream.leave(reader)
        await until(task.done)

    asyncio.run(main())


def test_piece_larger_than_everything_is_cut_off_from_nobody() -> None:
    async def main() -> None:
        stream = Broadcast(window_bytes=10, largest_bytes=100)
        reader = stream.join()
        task = asyncio.create_task(drained(stream, reader))
        await stream.add(b"x" * 1000)
        stream.end()
        assert await task == b"x" * 1000

    asyncio.run(main())
