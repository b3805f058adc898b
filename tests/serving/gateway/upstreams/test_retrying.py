"""When an upstream is asked again, and after how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.gateway.config.settings import Retries
from llmopt.serving.gateway.errors import UpstreamError
from llmopt.serving.gateway.upstreams.held import HeldReply
from llmopt.serving.gateway.upstreams.retrying import RETRIED, failure_in, wait_s
from llmopt.serving.gateway.values import Headers
from llmopt.serving.routing.failures import Failure, Kind

RETRIES = Retries(most=2, first_wait_s=0.5, longest_wait_s=4.0)


def reply(status: int, headers: Headers = (), body: bytes = b"") -> HeldReply:
    return HeldReply(status, headers, body)


@given(st.integers(400, 599), st.floats(0, 1))
def test_only_what_may_be_gone_the_next_time(status: int, chance: float) -> None:
    assert (wait_s(reply(status), 0, RETRIES, chance) is not None) == (status in RETRIED)


@given(st.integers(0, 9), st.floats(0, 1))
def test_the_jitter_is_full_and_its_limit_doubles(again: int, chance: float) -> None:
    found = wait_s(reply(503), again, Retries(10, 0.5, 4.0), chance)
    assert found == chance * min(4.0, 0.5 * 2**again)


def test_no_more_than_it_may() -> None:
    assert wait_s(reply(503), 1, RETRIES, 0.5) == 0.5
    assert wait_s(reply(503), 2, RETRIES, 0.5) is None
    assert wait_s(reply(503), 0, Retries(most=0), 0.5) is None


@pytest.mark.parametrize(
    ("header", "value", "found"),
    [
        (b"retry-after", b"2", 2.25),
        (b"retry-after-ms", b"1500", 1.75),
        (b"retry-after", b"4", 4.25),
        (b"retry-after", b"5", None),
        (b"retry-after", b"nonsense", 0.25),
        (b"retry-after", b"-1", 0.25),
        (b"x-should-retry", b"false", None),
        (b"x-should-retry", b"true", 0.25),
    ],
)
def test_what_the_server_says_is_kept(header: bytes, value: bytes, found: float | None) -> None:
    assert wait_s(reply(429, ((header, value),)), 0, RETRIES, 0.5) == found


def test_money_that_is_used_up_does_not_come_back_by_waiting() -> None:
    assert wait_s(reply(429, body=b'{"error":{"code":"insufficient_quota"}}'), 0, RETRIES, 0.5) is None


@pytest.mark.parametrize(("kind", "again"), [("connection", True), ("server", True), ("timeout", False)])
def test_a_time_out_may_have_been_billed_and_is_not_asked_again(kind: str, again: bool) -> None:
    assert (wait_s(UpstreamError("why", kind), 0, RETRIES, 0.5) is not None) is again


def test_a_failure_as_chains_see_it() -> None:
    assert failure_in(UpstreamError("why", "timeout")) == Failure(Kind.TIMEOUT)
    assert failure_in(reply(429, ((b"retry-after", b"7"),))) == Failure(Kind.OVERLOADED, 429, 7.0)
    long = reply(400, body=b'{"error":{"code":"context_length_exceeded","message":"too long"}}')
    assert failure_in(long) == Failure(Kind.CONTEXT_LENGTH, 400)
    assert failure_in(reply(200)) is None
