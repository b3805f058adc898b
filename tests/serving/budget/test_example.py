"""The three-stage retrieval pipeline of the documentation: what it prints, and what slow stages do to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any

import pytest

from llmopt.serving.budget import BudgetExhausted, LatencyBudget, StageFailed
from tests.conftest import ROOT
from tests.serving.virtual import near, run

PAGE = (ROOT / "docs" / "latency-budget.md").read_text(encoding="utf-8")
CODE, PRINTED = re.findall(r"```(?:python|text)\n(.*?)```", PAGE, re.DOTALL)


def test_the_documented_pipeline_prints_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(asyncio, "run", run)
    exec(compile(CODE, "latency-budget.md", "exec"), {"__name__": "example"})
    assert capsys.readouterr().out == PRINTED


class Pipeline:
    """Embed, search, generate: each takes as long as a test says."""

    def __init__(self, embed_s: float = 0.1, search_s: float = 0.15, generate_s: float = 0.2) -> None:
        self.budget = LatencyBudget(0.5)
        self.search_error: Exception | None = None

        @self.budget.stage(expected_s=0.1)
        async def embed(query: str) -> list[int]:
            await asyncio.sleep(embed_s)
            return [len(query)]

        @self.budget.stage(expected_s=0.15, optional=True, fallback=[])
        async def search(embed: list[int]) -> list[str]:
            await asyncio.sleep(search_s)
            if self.search_error:
                raise self.search_error
            return [f"page {embed[0]}"]

        @self.budget.stage(min_s=0.2)
        async def generate(query: str, search: list[str]) -> str:
            await asyncio.sleep(generate_s)
            return f"{query} {search}"

    def run(self) -> tuple[float, Any]:
        """Return how long it took, and its outcome or what it raised."""

        async def timed(work: Coroutine[Any, Any, Any]) -> tuple[float, Any]:
            loop = asyncio.get_running_loop()
            start_s = loop.time()
            done: Any = (await asyncio.gather(work, return_exceptions=True))[0]
            return loop.time() - start_s, done

        return run(timed(self.budget.run(query="abc")))


def test_a_second_call_works_as_the_first() -> None:
    pipeline = Pipeline()
    assert [pipeline.run()[1].value for _ in range(3)] == ["abc ['page 3']"] * 3


def test_a_search_that_hangs_costs_only_what_generate_can_spare() -> None:
    took_s, done = Pipeline(search_s=60).run()
    assert (done.value, took_s) == ("abc []", near(0.49))
    assert (done.report["search"].status, done.report["search"].cause) == ("fallback", "timeout")


def test_a_search_with_a_timeout_of_its_own_has_failed() -> None:
    pipeline = Pipeline()
    pipeline.search_error = TimeoutError("the index")
    _, done = pipeline.run()
    assert (done.report["search"].cause, done.report["search"].error) == ("failed", "TimeoutError: the index")
    assert done.value == "abc []"


def test_an_embedding_that_is_too_slow_is_not_waited_for() -> None:
    took_s, error = Pipeline(embed_s=60).run()
    assert isinstance(error, BudgetExhausted)
    assert not isinstance(error, StageFailed)
    assert took_s == near(0.29)
    assert error.hint == "stage 'embed' took 0.29 s, 0.1 s were expected"


def test_generation_is_held_to_what_is_left() -> None:
    took_s, error = Pipeline(generate_s=60).run()
    assert isinstance(error, BudgetExhausted)
    assert took_s == near(0.5)
    assert error.report["generate"].allowed_s == near(0.25)
