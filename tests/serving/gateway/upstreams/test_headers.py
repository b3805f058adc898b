"""Headers: what goes on, and what is about one connection."""

from __future__ import annotations

import pytest

from llmopt.serving.gateway.upstreams.headers import HOP_BY_HOP, end_to_end, without_key


def test_headers_about_the_connection_stay_behind() -> None:
    kept = ((b"content-type", b"a/b"), (b"x-any", b"1"), (b"x-any", b"2"))
    hops = tuple((name, b"x") for name in HOP_BY_HOP)
    assert len(hops) == 9
    assert end_to_end((*hops, *kept)) == kept


def test_headers_that_connection_names_stay_behind() -> None:
    headers = ((b"X-Mine", b"1"), (b"Connection", b"close, X-Mine"), (b"X-Yours", b"2"))
    assert end_to_end(headers) == ((b"x-yours", b"2"),)


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/v1/models", "/v1/models"),
        ("/v1/models?key=secret", "/v1/models"),
        ("/v1/models?key=secret&a=1", "/v1/models?a=1"),
        ("/v1/models?a=1&key=secret", "/v1/models?a=1"),
        ("/v1/models?monkey=1", "/v1/models?monkey=1"),
        ("/v1/key=1", "/v1/key=1"),
    ],
)
def test_key_in_the_query(path: str, left: str) -> None:
    assert without_key(path) == left
