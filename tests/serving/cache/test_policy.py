"""What may be looked up and kept, and for how long."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.cache.entry import Entry, Reply
from llmopt.serving.cache.policy import (
    NO_DIRECTIVES,
    Directives,
    Refused,
    directives,
    lifetime_s,
    serves,
    why_not_asked_of_store,
    why_not_kept,
)
from llmopt.serving.cache.request import CacheRequest

GOOD = b'{"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}'
REQUEST = CacheRequest.of({"temperature": 0})
ENTRY = Entry(GOOD, "", "m", stored_at_s=1_000.0, expires_at_s=2_000.0)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", NO_DIRECTIVES),
        ("no-store", Directives(no_store=True)),
        ("No-Store , NO-CACHE", Directives(no_store=True, no_cache=True)),
        ("only-if-cached", Directives(only_if_cached=True)),
        ("private", Directives(private=True)),
        ('private="set-cookie, x", max-age=3', Directives(private=True, max_age_s=3)),
        ('x="no-store, max-age=1"', NO_DIRECTIVES),
        ("max-age=60", Directives(max_age_s=60)),
        ("max-age = 60", Directives(max_age_s=60)),
        ('max-age="60"', Directives(max_age_s=60)),
        ("max-age=60, s-maxage=10", Directives(max_age_s=60, shared_max_age_s=10)),
        ("s-maxage=600, max-age=60", Directives(max_age_s=60, shared_max_age_s=600)),
        ("max-age=00000000000000060", Directives(max_age_s=60)),
        ('max-age="60\\0"', Directives(max_age_s=0)),
        ("max-age=+60", Directives(max_age_s=0)),
        ("\tmax-age=60\t,\tno-cache", Directives(max_age_s=60, no_cache=True)),
        ("max-age=5, max-age=50", Directives(max_age_s=5)),
        ("max-age=0", Directives(max_age_s=0)),
        ("max-age", Directives(max_age_s=0)),
        ("max-age=-5", Directives(max_age_s=0)),
        ("max-age=1.5", Directives(max_age_s=0)),
        ("max-age=\u0661", Directives(max_age_s=0)),
        ("max-age=" + "9" * 400, Directives(max_age_s=2.0**31)),
        ("min-fresh=30", Directives(min_fresh_s=30)),
        ("public, immutable, no-transform, must-revalidate, max-stale", NO_DIRECTIVES),
        ("no-storage, xno-store", NO_DIRECTIVES),
        (',;= ,, "', NO_DIRECTIVES),
    ],
)
def test_a_cache_control_header_is_read_as_the_standard_says(header: str, said: Directives) -> None:
    assert directives(header) == said


@given(st.text())
def test_no_header_is_an_error(header: str) -> None:
    assert isinstance(directives(header), Directives)


@pytest.mark.parametrize(
    ("body", "header", "cache_sampled", "why"),
    [
        ({"temperature": 0}, "", False, None),
        ({"temperature": 0}, "no-cache", False, None),
        ({"temperature": 0}, "no-store", False, Refused.NO_STORE),
        ({"temperature": 1}, "", False, Refused.SAMPLED),
        ({}, "", False, Refused.SAMPLED),
        ({}, "", True, None),
        ({}, "no-store", True, Refused.NO_STORE),
        ({"conversation": "c", "temperature": 0}, "", False, Refused.STATEFUL),
        ({"conversation": "c"}, "", True, Refused.STATEFUL),
    ],
)
def test_some_requests_bypass_the_store(
    body: dict[str, Any], header: str, cache_sampled: bool, why: Refused | None
) -> None:
    request = CacheRequest.of(body, cache_control=header)
    assert why_not_asked_of_store(request, cache_sampled=cache_sampled) is why


def test_who_opts_in_a_request_has_it_kept() -> None:
    assert why_not_asked_of_store(CacheRequest.of({"temperature": 1}, opt_in=True)) is None


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(GOOD), None),
        (Reply(GOOD, 201, "public, max-age=5"), None),
        (Reply(GOOD, 202), Refused.INCOMPLETE),
        (Reply(GOOD, 206), Refused.INCOMPLETE),
        (Reply(GOOD, complete=False), Refused.INCOMPLETE),
        *((Reply(GOOD, status), Refused.STATUS) for status in (0, 100, 199, 300, 304, 400, 429, 500, 503, 529)),
        *((Reply(GOOD, 200, said), Refused.NO_STORE) for said in ("no-store", "private", "no-cache", "Private, x")),
        (Reply(GOOD, 200, "max-age=0"), Refused.EXPIRED),
        (Reply(GOOD, 200, "max-age=60, s-maxage=0"), Refused.EXPIRED),
        (Reply(b""), Refused.NOT_JSON),
        (Reply(b'{"choices": [{"finish_reason": "length"}]}'), Refused.CUT),
    ],
)  # fmt: skip
def test_only_whole_answers_that_may_be_kept_are(reply: Reply, why: Refused | None) -> None:
    assert why_not_kept(REQUEST, reply) is why


def test_a_request_can_ask_that_its_answer_is_not_kept() -> None:
    assert why_not_kept(CacheRequest.of({"temperature": 0}, cache_control="no-store"), Reply(GOOD)) is Refused.NO_STORE


@given(st.floats(1, 1e9), st.floats(0, 0.99), st.floats(0, 1, exclude_max=True), st.integers(1, 10**9))
def test_an_answer_lives_as_long_as_cache_and_server_allow(
    ttl_s: float, jitter: float, chance: float, age: int
) -> None:
    for header, most_s in (("", ttl_s), (f"max-age={age}", min(ttl_s, age)), (f"s-maxage={age}", min(ttl_s, age))):
        lived_s = lifetime_s(Reply(GOOD, 200, header), ttl_s, jitter=jitter, chance=chance)
        assert min(ttl_s * (1 - jitter), most_s) <= lived_s <= most_s
    assert lifetime_s(Reply(GOOD), ttl_s) == ttl_s
    assert lifetime_s(Reply(GOOD), 100.0, jitter=0.1, chance=0.5) == pytest.approx(95.0)


@pytest.mark.parametrize(
    ("header", "now_s", "served"),
    [
        ("", 1_000.0, True),
        ("", 1_999.9, True),
        ("", 2_000.0, False),
        ("max-age=60", 1_060.0, True),
        ("max-age=60", 1_060.1, False),
        ("max-age=60", 900.0, True),
        ("max-age=0", 1_000.0, False),
        ("max-age=0", 900.0, False),
        ("max-age=9999", 2_000.0, False),
        ("min-fresh=100", 1_900.0, True),
        ("min-fresh=100", 1_900.1, False),
        ("no-cache", 1_000.0, False),
        ("no-store", 1_000.0, False),
        ("only-if-cached", 1_000.0, True),
        ("max-stale=9999", 2_000.0, False),
        ("max-age=60, s-maxage=600", 1_060.1, False),
        ("s-maxage=0", 1_500.0, True),
    ],
)
def test_a_request_says_how_old_an_answer_may_be(header: str, now_s: float, served: bool) -> None:
    assert serves(ENTRY, directives(header), now_s) is served
