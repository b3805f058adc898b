"""What makes two requests one for the cache, and what never does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmopt.errors import InputError
from llmopt.serving.gateway.caching.asked import Identity, cache_request, digest_of, passes_by
from llmopt.serving.gateway.values import Api, Headers, Incoming
from tests.serving.gateway.caching.parts import BODY

IDENTITY = Identity("digest", frozenset({b"x-app"}))


def key(
    body: dict[str, Any] | bytes = BODY,
    headers: Headers = (),
    *,
    path: str = "/v1/chat/completions",
    query: str = "",
    tenant: str = "acme",
    identity: Identity = IDENTITY,
) -> str:
    return cache_request(Incoming("POST", path, query, headers, b"", Api.CHAT), body, tenant, identity).key


@pytest.mark.parametrize(
    "changed",
    [
        {"tenant": "other"},
        {"path": "/v1/completions"},
        {"query": "api-version=2"},
        {"identity": Identity("another", frozenset({b"x-app"}))},
        {"body": {**BODY, "guided_json": {}}},
        {"headers": ((b"openai-organization", b"org"),)},
        {"headers": ((b"openai-project", b"org"),)},
        {"headers": ((b"anthropic-version", b"org"),)},
        {"headers": ((b"anthropic-beta", b"org"),)},
        {"headers": ((b"x-app", b"org"),)},
        {"headers": ((b"x-auth-token", b"org"),)},
        {"headers": ((b"ocp-apim-subscription-key", b"org"),)},
        {"headers": ((b"x-proxy-api-key", b"org"),)},
        {"headers": ((b"x-amz-security-token", b"org"),)},
    ],
    ids=lambda each: "-".join(str(value)[:40] for value in each.values()),
)
def test_everything_that_decides_makes_another_key(changed: dict[str, Any]) -> None:
    assert key(**changed) != key()


def test_deciding_headers_are_told_apart_by_name_and_value() -> None:
    keys = {
        key(headers=headers)
        for headers in (
            ((b"openai-project", b"a"), (b"openai-organization", b"b")),
            ((b"openai-project", b"b"), (b"openai-organization", b"a")),
            ((b"openai-project", b'a"], ["openai-organization", "b'),),
            ((b"openai-project", b"a"),),
        )
    }
    assert len(keys) == 4
    swapped = ((b"openai-organization", b"b"), (b"openai-project", b"a"))
    assert key(headers=swapped) == key(headers=((b"openai-project", b"a"), (b"openai-organization", b"b")))


@pytest.mark.parametrize(
    "same",
    [
        {"headers": ((b"user-agent", b"curl"), (b"x-request-id", b"7"), (b"authorization", b"Bearer sk"))},
        {"query": "key=secret"},
        {"body": json.dumps(BODY, indent=3).encode()},
        {"body": {**BODY, "stream": True}},
    ],
    ids=["headers", "query", "bytes", "stream"],
)
def test_what_decides_nothing_leaves_the_key(same: dict[str, Any]) -> None:
    assert (key(**same) == key()) is ("query" not in same)
    if "query" in same:
        assert key(query="key=secret&alt=sse") == key(query="alt=sse&key=other")


def test_credential_of_the_query_is_nowhere() -> None:
    asked = cache_request(Incoming("POST", "/v1/x", "key=sk-secret&alt=sse", (), b"", Api.CHAT), BODY, "t", IDENTITY)
    assert "sk-secret" not in repr(asked)


def test_wishes_of_headers_are_read() -> None:
    sampled = {**BODY, "temperature": 1}

    def deterministic(headers: Headers) -> bool:
        incoming = Incoming("POST", "/v1/chat/completions", "", headers, b"", Api.CHAT)
        return cache_request(incoming, sampled, "t", IDENTITY).deterministic

    assert deterministic(((b"x-llmopt-cache", b" On "),))
    assert not deterministic(((b"x-llmopt-cache", b"yes"),))
    assert not deterministic(())
    controls = ((b"cache-control", b"no-cache"), (b"cache-control", b"max-age=3"))
    incoming = Incoming("POST", "/v1/chat/completions", "", controls, b"", Api.CHAT)
    assert cache_request(incoming, BODY, "t", IDENTITY).cache_control == "no-cache, max-age=3"
    assert passes_by(((b"x-llmopt-cache", b"OFF"),))
    assert not passes_by(((b"x-llmopt-cache", b"on"), (b"x-other", b"off")))


def test_body_with_a_name_twice_is_refused() -> None:
    with pytest.raises(InputError):
        key(b'{"model": "a", "model": "b"}')


def test_digest_is_that_of_the_settings() -> None:
    assert digest_of(["a"], "b") == digest_of(["a"], "b")
    assert digest_of(["a"], "b") != digest_of(["a", "b"])


@pytest.mark.parametrize("name", [b"idempotency-key", b"x-csrf-token", b"cookie", b"authorization", b"x-api-key"])
def test_headers_that_change_with_each_request_or_are_the_tenants_do_not_decide(name: bytes) -> None:
    assert key(headers=((name, b"1"),)) == key()


def test_a_cookie_decides_where_nothing_else_tells_who_asks() -> None:
    assert key(headers=((b"cookie", b"1"),), tenant="") != key(tenant="")
