"""Calling: retries at one upstream, fallbacks along a policy's chain, and one deadline for all of it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from llmopt.errors import ConfigError, UsageError
from llmopt.serving.gateway.call import Call
from llmopt.serving.gateway.config.settings import Retries
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.upstreams.calling import CallFailed, Calling, Opened
from llmopt.serving.gateway.values import Api
from llmopt.serving.routing import parse_policy
from tests.serving.gateway.upstreams.asked import call_of
from tests.serving.gateway.upstreams.fakes import FakeUpstream

POLICY = parse_policy(
    """
    default = "cheap"
    [routes]
    cheap = "small"
    strong = { model = "big", timeout_s = 5 }
    [fallback.chains]
    cheap = ["strong"]
    """
)


@dataclass
class Naps:
    """Waits without waiting."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, wait_s: float) -> None:
        self.seconds.append(wait_s)


def opened(
    upstreams: Sequence[FakeUpstream], call: Call, *, naps: Naps | None = None, left_s: float = 60.0, most: int = 2
) -> Opened:
    async def main() -> Opened:
        call.until_s = asyncio.get_running_loop().time() + left_s
        calling = Calling(upstreams, Retries(most=most), POLICY, chance=lambda: 1.0, sleep=naps or Naps())
        return await calling.open(call)

    return asyncio.run(main())


def test_one_upstream_that_answers() -> None:
    fake, call = FakeUpstream(), call_of()
    found = opened([fake], call)
    assert (found.reply.status, found.upstream, found.attempts, found.route) == (200, "fake", 1, "")
    assert fake.requests == [call.outgoing]
    assert (call.metered.upstream, call.metered.attempts) == ("fake", 1)
    assert fake.timeouts[0] == pytest.approx(60, abs=5)


@pytest.mark.parametrize("first", [503, 429, 408, 529, "connection", "server"])
def test_it_is_asked_again(first: int | str) -> None:
    fake, naps = FakeUpstream(answers=[first, first, 200]), Naps()
    found = opened([fake], call_of(), naps=naps)
    assert (found.reply.status, found.attempts) == (200, 3)
    assert naps.seconds == [0.25, 0.5]


@pytest.mark.parametrize("status", [400, 401, 404, 422, 501])
def test_what_would_be_the_same_again_is_the_answer(status: int) -> None:
    fake = FakeUpstream(answers=[status])
    assert opened([fake], call_of()).reply.status == status
    assert len(fake.requests) == 1


def test_the_last_error_is_the_answer_as_it_came() -> None:
    fake = FakeUpstream(answers=[(503, ((b"retry-after", b"1"),), b"busy")])
    found = opened([fake], call_of())
    assert (found.reply.status, found.attempts) == (503, 3)
    assert asyncio.run(found.reply.read()) == b"busy"
    assert found.reply.headers == ((b"retry-after", b"1"),)


def test_a_wait_beyond_the_deadline_is_not_waited() -> None:
    fake, naps = FakeUpstream(answers=[(429, ((b"retry-after", b"7"),))]), Naps()
    assert opened([fake], call_of(), naps=naps, left_s=5.0).reply.status == 429
    assert naps.seconds == []


def test_nobody_can_be_reached() -> None:
    with pytest.raises(CallFailed, match="it was connection") as caught:
        opened([FakeUpstream(answers=["connection"])], call_of())
    assert (caught.value.kind, caught.value.attempts, caught.value.upstream) == ("connection", 3, "fake")


def test_a_time_out_is_not_tried_again_at_the_same_server() -> None:
    fake = FakeUpstream(answers=["timeout"])
    with pytest.raises(CallFailed) as caught:
        opened([fake], call_of())
    assert (caught.value.kind, len(fake.requests)) == ("timeout", 1)


@pytest.mark.parametrize("route", ["", "cheap"])
def test_no_time_at_all(route: str) -> None:
    fake = FakeUpstream()
    with pytest.raises(CallFailed) as caught:
        opened([fake], call_of(route=route), left_s=-1.0)
    assert (caught.value.kind, fake.requests) == ("timeout", [])


def test_a_body_that_can_be_read_once_is_sent_once() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"once"

    fake, call = FakeUpstream(answers=[503]), call_of()
    assert call.outgoing is not None
    call.outgoing = replace(call.outgoing, body=pieces())
    assert opened([fake], call).reply.status == 503
    assert len(fake.requests) == 1


@pytest.mark.parametrize(("method", "attempts"), [("GET", 3), ("HEAD", 3), ("POST", 1), ("DELETE", 1)])
def test_what_is_passed_through_is_not_done_twice(method: str, attempts: int) -> None:
    fake, call = FakeUpstream(answers=[503]), call_of(api=Api.OTHER)
    assert call.outgoing is not None
    call.outgoing = replace(call.outgoing, method=method)
    assert opened([fake], call).attempts == attempts


def test_the_next_model_of_the_chain_is_asked_for_by_its_name() -> None:
    cheap, strong = FakeUpstream("a", [500], ("small",)), FakeUpstream("b", [200], ("big",))
    call = call_of({"model": "small", "n": 1.50}, route="cheap")
    found = opened([cheap, strong], call)
    assert (found.upstream, found.route, found.model, found.attempts) == ("b", "strong", "big", 4)
    assert strong.requests[0].body == b'{"model": "big", "n": 1.5}'
    assert json.loads(str(cheap.requests[0].body, "utf-8"))["model"] == "small"  # type: ignore[arg-type]
    assert (call.metered.upstream, call.metered.route, call.metered.model) == ("b", "strong", "big")
    why = b'rule="fallback";why="llmopt routing: cheap (small): server (HTTP 500)"'
    assert call.told == [(b"x-llmopt-route", b'strong;model="big";' + why)]
    assert strong.timeouts[0] is not None
    assert strong.timeouts[0] <= 5.0


@pytest.mark.parametrize("first", ["timeout", "connection", 404, 413])
def test_what_another_model_may_not_have_goes_on(first: str | int) -> None:
    cheap, strong = FakeUpstream("a", [first], ("small",)), FakeUpstream("b", [200], ("big",))
    assert opened([cheap, strong], call_of({"model": "small"}, route="cheap"), most=0).upstream == "b"


@pytest.mark.parametrize("first", [400, 401])
def test_what_every_model_would_say_does_not_go_on(first: int) -> None:
    cheap, strong = FakeUpstream("a", [first], ("small",)), FakeUpstream("b", [200], ("big",))
    found = opened([cheap, strong], call_of({"model": "small"}, route="cheap"))
    assert (found.upstream, found.reply.status, strong.requests) == ("a", first, [])


def test_an_upstream_that_wants_a_rest_gets_it_from_the_next_request_too() -> None:
    cheap = FakeUpstream("a", [(429, ((b"retry-after", b"60"),))], ("small",))
    strong = FakeUpstream("b", [200], ("big",))

    async def main() -> list[str]:
        calling = Calling([cheap, strong], Retries(most=0), POLICY, sleep=Naps())
        calls = [call_of({"model": "small"}, route="cheap", until_s=math.inf) for _ in range(2)]
        return [(await calling.open(call)).upstream for call in calls]

    assert asyncio.run(main()) == ["b", "b"]
    assert len(cheap.requests) == 1


def test_when_all_fail_the_last_one_is_told() -> None:
    cheap, strong = FakeUpstream("a", [503], ("small",)), FakeUpstream("b", ["connection"], ("big",))
    with pytest.raises(CallFailed) as caught:
        opened([cheap, strong], call_of({"model": "small"}, route="cheap"), most=0)
    assert (caught.value.upstream, caught.value.attempts) == ("b", 2)


def test_a_client_that_leaves_is_metered_with_what_was_tried() -> None:
    fake, call = FakeUpstream(answers=["hang"]), call_of()

    async def main() -> None:
        task = asyncio.create_task(Calling([fake]).open(call))
        while not fake.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (call.metered.upstream, call.metered.attempts) == ("fake", 1)


def test_models_nobody_answers_and_upstreams_that_are_none() -> None:
    with pytest.raises(GatewayError, match="no upstream answers"):
        asyncio.run(Calling([FakeUpstream(models=("a",))]).open(call_of()))
    with pytest.raises(ConfigError, match="route 'strong' leads to 'big', which no upstream answers"):
        Calling([FakeUpstream(models=("small",))], policy=POLICY)
    with pytest.raises(UsageError):
        Calling([])
    with pytest.raises(GatewayError, match="no request"):
        opened([FakeUpstream()], replace(call_of(), outgoing=None))


def test_closing_closes_all() -> None:
    fakes = [FakeUpstream("a"), FakeUpstream("b")]
    asyncio.run(Calling(fakes).close())
    assert [fake.closed for fake in fakes] == [1, 1]
