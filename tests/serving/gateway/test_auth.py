"""Who asks, by the credential that they bring."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.serving.gateway.auth import Credentials, credentials_of, without_credentials
from llmopt.serving.gateway.config.settings import VirtualKey
from llmopt.serving.gateway.errors import GatewayError
from llmopt.serving.gateway.values import NO_CAPS, Caps, Headers

KEY = "llmopt-0123456789abcdef"
KEYS = (
    VirtualKey("care", hashlib.sha256(KEY.encode()).hexdigest(), "acme", Caps(usd_per_day=Decimal(2))),
    VirtualKey("search", hashlib.sha256(b"other").hexdigest().upper(), ""),
)
COMMON = Caps(usd_per_day=Decimal(1), usd_per_month=Decimal(10))


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (((b"authorization", b"Bearer " + KEY.encode()),), ""),
        (((b"authorization", b"bearer   " + KEY.encode() + b" "),), ""),
        (((b"authorization", KEY.encode()),), ""),
        (((b"x-api-key", KEY.encode()),), ""),
        (((b"api-key", KEY.encode()),), ""),
        (((b"x-goog-api-key", KEY.encode()),), ""),
        ((), f"alt=sse&key={KEY}"),
        ((), f"k%65y={KEY.replace('-', '%2D')}"),
        (((b"x-api-key", b"sk-of-another"), (b"authorization", b"Bearer " + KEY.encode())), ""),
    ],
)
def test_a_key_is_taken_from_where_clients_put_it(headers: Headers, query: str) -> None:
    caller = Credentials(KEYS, COMMON).caller(headers, query)
    assert (caller.tenant, caller.key, caller.passes_on) == ("acme", "care", False)
    assert caller.caps == Caps(usd_per_day=Decimal(2), usd_per_month=Decimal(10))
    kept, rest = without_credentials((*headers, (b"accept", b"*/*")), query)
    assert kept == ((b"accept", b"*/*"),)
    assert "ey" not in rest


def test_a_key_without_a_tenant_is_its_own() -> None:
    assert Credentials(KEYS).caller(((b"x-api-key", b"other"),)).tenant == "search"


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((b"authorization", b"Bearer"),),
        ((b"authorization", b"Bearer " + KEY.encode()[:-1]),),
        ((b"x-api-key", hashlib.sha256(KEY.encode()).hexdigest().encode()),),
        ((b"cookie", KEY.encode()),),
        ((b"x-api-key", b"\xff\xfe"),),
    ],
    ids=["none", "empty", "cut", "hash", "cookie", "bytes"],
)
def test_who_brings_no_key_is_refused_and_nothing_secret_is_said(headers: Headers) -> None:
    with pytest.raises(GatewayError) as refused:
        Credentials(KEYS).caller(headers)
    assert (refused.value.status, refused.value.code) == (401, "invalid_api_key")
    assert all(
        value.decode("latin-1") not in refused.value.message for _, value in headers if len(value) > len("Bearer")
    )


def test_without_keys_a_tenant_is_a_hash_of_the_credential() -> None:
    credentials = Credentials(caps=COMMON)
    caller = credentials.caller(((b"authorization", b"Bearer sk-1"),))
    assert caller.tenant == "t_" + hashlib.sha256(b"llmopt tenant\0sk-1").hexdigest()[:16]
    assert (caller.passes_on, caller.caps, caller.key) == (True, COMMON, "")
    assert caller == credentials.caller(((b"x-api-key", b"sk-1"),))
    assert credentials.caller(()).tenant == ""
    assert credentials.caller(((b"authorization", b"Bearer "),)).tenant == ""
    assert credentials.callers == ()


def test_all_credentials_count() -> None:
    credentials, shared = Credentials(), (b"authorization", b"Bearer dummy")
    tenants = {
        credentials.caller(headers).tenant
        for headers in [(shared,), (shared, (b"x-api-key", b"a")), (shared, (b"x-api-key", b"b"))]
    }
    assert len(tenants) == 3


@given(st.lists(st.binary(min_size=1).filter(bytes.strip), max_size=3, unique=True), st.binary(max_size=3))
def test_two_credentials_are_two_tenants(brought: list[bytes], more: bytes) -> None:
    credentials = Credentials()
    headers = tuple((b"x-api-key", each) for each in brought)
    one, two = credentials.caller(headers), credentials.caller((*headers, (b"api-key", b"Q" + more)))
    assert (one.tenant != two.tenant) or b"Q" + more.strip() in [each.strip() for each in brought]
    assert one.caps == NO_CAPS


@pytest.mark.parametrize("query", ["", "a=1&b=key", "monkey=1", "a=key=2", "x&&y"])
def test_what_is_no_credential_stays_in_the_query(query: str) -> None:
    assert credentials_of((), query) == []
    assert without_credentials((), query) == ((), query)
