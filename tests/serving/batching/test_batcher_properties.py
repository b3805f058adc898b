"""Whatever comes and whoever leaves: everyone who stays gets the answer to its own request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt.serving.batching import AdaptiveBatcher


@dataclass(frozen=True)
class Caller:
    """What one caller does."""

    length: int
    turns: int
    """Turns of the loop before it asks."""
    patience: int | None
    """Turns of the loop after which it is cancelled; None: it stays."""
    poison: bool


CALLERS = st.lists(
    st.builds(Caller, st.integers(1, 50), st.integers(0, 5), st.none() | st.integers(0, 6), st.booleans()),
    min_size=1,
    max_size=60,
)


class Doubling:
    """Doubles numbers, but fails for poison; remembers its batches."""

    def __init__(self, callers: list[Caller]) -> None:
        self.bad = {number for number, caller in enumerate(callers) if caller.poison}
        self.batches: list[list[int]] = []

    def __call__(self, numbers: list[int]) -> list[int]:
        self.batches.append(numbers)
        if self.bad.intersection(numbers):
            raise ValueError
        return [2 * number for number in numbers]


async def ask(batcher: AdaptiveBatcher[int, int], number: int, caller: Caller) -> Any:
    for _ in range(caller.turns):
        await asyncio.sleep(0)
    task = asyncio.create_task(batcher.predict(number))
    if caller.patience is not None:
        for _ in range(caller.patience):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait([task])
    return "cancelled" if task.cancelled() else task.exception() or task.result()


async def asked(batcher: AdaptiveBatcher[int, int], callers: list[Caller]) -> list[Any]:
    async with batcher:
        tasks = [ask(batcher, number, caller) for number, caller in enumerate(callers)]
        return await asyncio.wait_for(asyncio.gather(*tasks), 60)


@settings(deadline=None, max_examples=150)
@given(
    CALLERS,
    st.integers(1, 9),
    st.none() | st.integers(1, 120),
    st.sampled_from([0.0, 0.0005]),
    st.sampled_from([0.0, 60.0]),
)
def test_every_caller_gets_its_own(
    callers: list[Caller], size: int, tokens: int | None, wait_s: float, inline_below_s: float
) -> None:
    predict = Doubling(callers)
    batcher = AdaptiveBatcher(
        predict,
        size,
        wait_s,
        max_batch_tokens=tokens,
        length=lambda number: callers[number].length,
        inline_below_s=inline_below_s,
    )
    for number, got in enumerate(asyncio.run(asked(batcher, callers))):
        if callers[number].patience is None or got != "cancelled":
            assert isinstance(got, ValueError) if callers[number].poison else got == 2 * number
    for batch in predict.batches:
        assert len(batch) <= size
        longest = max(callers[number].length for number in batch)
        assert tokens is None or len(batch) == 1 or len(batch) * longest <= tokens
