"""URLs are told from paths, and shown without what nobody else may see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt.cost.stores.address import is_url, scheme_of, shown, without_secrets

SECRET = "xYz0SECRET"


@pytest.mark.parametrize("url", ["s3://b/k", "S3://b", "https://h/x", "memory:///a", "abfs+x.y-z://c"])
def test_a_url(url: str) -> None:
    assert is_url(url)


@pytest.mark.parametrize("path", ["s3:/b", "logs/a.jsonl", "-", "", "://x", "C:\\logs", "./s3://b", "4s3://b"])
def test_a_path(path: str) -> None:
    assert not is_url(path)
    assert scheme_of(path) == ""


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"https://me:{SECRET}@host/a.jsonl", "https://host/a.jsonl"),
        (f"https://{SECRET}@host/a.jsonl", "https://host/a.jsonl"),
        (f"https://host/a.jsonl?X-Amz-Signature={SECRET}", "https://host/a.jsonl"),
        (f"https://host/a.jsonl#{SECRET}", "https://host/a.jsonl"),
        (f"HTTPS://host/a?b={SECRET}", "HTTPS://host/a"),
        (f"az://box/a.jsonl?sv=2024&sig={SECRET}", "az://box/a.jsonl"),
        (f"s3://key:{SECRET}@bucket/a.jsonl", "s3://bucket/a.jsonl"),
        ("abfs://box@account.dfs.core.windows.net/a", "abfs://box@account.dfs.core.windows.net/a"),
        ("s3://bucket/user@host/a?.jsonl", "s3://bucket/user@host/a?.jsonl"),
        ("s3://bucket/a b#c%d[1].jsonl", "s3://bucket/a b#c%d[1].jsonl"),
        (f"https://me:{SECRET}@host/a b.jsonl?sig={SECRET}", "https://host/a b.jsonl"),
        ("http://", "http://"),
        ("http://[bad/x", "http://[bad/x"),
    ],
)
def test_what_is_shown(url: str, expected: str) -> None:
    assert shown(url) == expected


@given(st.sampled_from(["https", "http"]), st.from_regex(r"[a-z0-9%:]{0,8}", fullmatch=True))
def test_no_secret_of_a_web_address_is_shown(scheme: str, user: str) -> None:
    text = shown(f"{scheme}://{user}:{SECRET}@host/path/x.jsonl?a=1&sig={SECRET}#{SECRET}")
    assert text == f"{scheme}://host/path/x.jsonl"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'no way to "http://h:9/b?prefix=x&token={SECRET}" now', 'no way to "http://h:9/b" now'),
        (f"no way to https://me:{SECRET}@h/b now", "no way to https://h/b now"),
        (f"no way to az://box/a?sv=2024&sig={SECRET}, s3://k:{SECRET}@b", "no way to az://box/a s3://b"),
        ("abfs://box@account/x is gone; a@b is not", "abfs://box@account/x is gone; a@b is not"),
    ],
)
def test_a_message_holds_no_secrets(text: str, expected: str) -> None:
    assert without_secrets(text) == expected
