"""Open-loop load on a virtual clock: requests leave when they are due, and a stall is seen by all whom it hit."""

from __future__ import annotations

import asyncio

import pytest

from llmopt.bench.url_load import NO_ANSWER
from llmopt.serving.exchange import Exchange
from tests.bench.url_fakes import Server, offered
from tests.serving.virtual import near


def test_requests_are_sent_when_they_are_due() -> None:
    found = offered(Server(10.0, 100), [0.0, 0.5, 0.7, 3.0])
    start_s = found.exchanges[0].due_s
    assert [each.due_s - start_s for each in found.exchanges] == [near(0.0), near(0.5), near(0.7), near(3.0)]
    assert [each.sent_s for each in found.exchanges] == [each.due_s for each in found.exchanges]
    assert [each.latency_s for each in found.exchanges] == [near(10.0)] * 4
    assert found.late_s == 0


def test_a_stall_shows_in_every_request_that_was_due_during_it() -> None:
    server = Server(0.01, 1)
    server.stalls.append((10, 2.0))
    found = offered(server, [each / 10 for each in range(60)])
    latencies = [each.latency_s for each in found.exchanges]
    assert latencies[:10] == [near(0.01)] * 10
    assert latencies[10] == near(2.01)
    for number in range(11, 31):
        behind = number - 10
        expected_s = max(2.01 - behind * 0.1 + behind * 0.01, 0.01)
        assert latencies[number] == near(expected_s), "what a closed loop would have left out"
    assert latencies[-1] == near(0.01)


def test_what_has_no_answer_in_the_end_has_failed() -> None:
    found = offered(Server(1.0, 1), [0.0, 0.1, 0.2], patience_s=1.0)
    assert [each.error for each in found.exchanges] == ["", NO_ANSWER, NO_ANSWER]


def test_a_late_sender_is_told() -> None:
    class Blocking(Server):
        async def ask(self, prompt: str, due_s: float) -> Exchange:
            asyncio.get_running_loop().now_s += 0.3  # type: ignore[attr-defined]  # as a busy machine would
            return await super().ask(prompt, due_s)

    found = offered(Blocking(0.01, 10), [0.0, 0.1, 0.2])
    assert found.late_s == near(0.4)
    assert all(each.latency_s >= each.sent_s - each.due_s + 0.01 - 1e-9 for each in found.exchanges)
    assert max(each.sent_s - each.due_s for each in found.exchanges) > 0.4


def test_a_bug_of_an_asker_is_not_hidden() -> None:
    class Broken(Server):
        async def ask(self, prompt: str, due_s: float) -> Exchange:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        offered(Broken(0.01, 1), [0.0])


def test_no_request_is_no_answer() -> None:
    assert offered(Server(1.0, 1), []).exchanges == ()
