"""Objects of a real S3 server (on this machine) are listed and read; what goes wrong is said in one line."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

import pytest

from llmopt.cost.stores.fsspec_store import FsspecStore
from llmopt.cost.stores.stored import StoreError
from llmopt.errors import InputError, MissingExtraError
from tests.cost.stores.conftest import Bucket

KEYS = [
    "b.jsonl",
    "a.jsonl",
    "day=2/x [1].jsonl",
    "day=1/ä #%20?.jsonl",
    "day=1/y.txt",
    ".git/z.jsonl",
    "day=1/.z.jsonl",
]


@pytest.fixture
def filled(bucket: Bucket) -> Bucket:
    for key in KEYS:
        bucket.put(f"logs/{key}", key.encode())
    bucket.put("logs-of-others/x.jsonl", b"x")
    return bucket


def keys(bucket: Bucket, pattern: str) -> list[str]:
    found = FsspecStore("s3://").find(bucket.url(f"logs{pattern}"), lambda name: name.endswith(".jsonl"))
    start = bucket.url("logs/")
    assert all(one.url.startswith(start) for one in found)
    return [one.url.removeprefix(start) for one in found]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/", ["a.jsonl", "b.jsonl", "day=1/ä #%20?.jsonl", "day=2/x [1].jsonl"]),
        ("", ["a.jsonl", "b.jsonl", "day=1/ä #%20?.jsonl", "day=2/x [1].jsonl"]),
        ("/day=1/", ["day=1/ä #%20?.jsonl"]),
        ("/*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("/a*", ["a.jsonl"]),
        ("/**/*.jsonl", ["a.jsonl", "b.jsonl", "day=1/ä #%20?.jsonl", "day=2/x [1].jsonl"]),
        ("/day=*/*", ["day=1/y.txt", "day=1/ä #%20?.jsonl", "day=2/x [1].jsonl"]),
        ("/day=2/x [[]1].jsonl", ["day=2/x [1].jsonl"]),
        ("/day=2/x [1].jsonl", ["day=2/x [1].jsonl"]),
        ("/day=1/ä #%20?.jsonl", ["day=1/ä #%20?.jsonl"]),
        ("/day=1/y.txt", ["day=1/y.txt"]),
        ("/.git/*", [".git/z.jsonl"]),
    ],
)
def test_what_is_found(filled: Bucket, pattern: str, expected: list[str]) -> None:
    assert keys(filled, pattern) == expected


def test_what_a_listing_says(bucket: Bucket) -> None:
    url = bucket.put("a b.jsonl", b"12345")
    store = FsspecStore(url)
    (alone,) = store.find(url, lambda _: True)
    (listed,) = store.find(bucket.url(), lambda _: True)
    assert alone == listed
    assert (alone.size_bytes, alone.url) == (5, url)
    assert alone.etag == "827ccb0eea8a706c4c34a16891f84e7b"
    assert alone.modified is not None
    assert abs((datetime.now(UTC) - alone.modified).total_seconds()) < 300
    assert store.read(alone.key, 1, 4) == b"234"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("s3://{name}/nothing.jsonl", "s3://{name}/nothing.jsonl: no such object or folder"),
        ("s3://{name}/*.nope", "no object matches s3://{name}/*.nope"),
        ("s3://{name}/**/*.nope", "no object matches s3://{name}/**/*.nope"),
        ("s3://no-such-bucket/x", "s3://no-such-bucket/x: no such bucket"),
        ("s3://no-such-bucket/", "s3://no-such-bucket/: no such bucket"),
        ("s3://no-such-bucket/*", "s3://no-such-bucket/*: no such bucket"),
        ("s3://no-such-bucket/**", "s3://no-such-bucket/**: no such bucket"),
        ("s3://no*/x", "s3://no*/x: a bucket has no wildcards"),
        ("s3://", "s3://: a bucket has no wildcards"),
    ],
)
def test_what_is_not_there(bucket: Bucket, path: str, message: str) -> None:
    url = path.format(name=bucket.name)
    with pytest.raises(InputError) as caught:
        FsspecStore(url).find(url, lambda _: True)
    assert caught.value.message == message.format(name=bucket.name)


def test_an_object_that_is_gone_or_shorter_is_an_error_of_its_own(bucket: Bucket) -> None:
    url = bucket.put("a.jsonl", b"12345")
    store = FsspecStore(url)
    (found,) = store.find(url, lambda _: True)
    with pytest.raises(StoreError, match="changed while it was being read"):
        store.read(found.key, 0, 9)
    bucket.delete("a.jsonl")
    with pytest.raises(StoreError, match="no such object"):
        store.read(found.key, 0, 5)


def test_a_refused_connection_is_said_within_seconds(credentials: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store, start = FsspecStore("s3://b/"), time.monotonic()
    with pytest.raises(InputError, match="s3://b/: cannot be reached: Could not connect") as caught:
        store.find("s3://b/", lambda _: True)
    assert time.monotonic() - start < 10
    assert caught.value.hint == "look at AWS_ENDPOINT_URL and AWS_DEFAULT_REGION"


def test_no_credentials(credentials: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    store = FsspecStore("s3://b/x")
    with pytest.raises(InputError, match="s3://b/x: no credentials") as caught:
        store.find("s3://b/x", lambda _: True)
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint
    with pytest.raises(InputError, match="s3://b no credentials"):
        store.read("b/x", 0, 1)


def test_an_endpoint_that_is_none(credentials: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(InputError, match="Invalid endpoint: nonsense") as caught:
        FsspecStore("s3://b/x").find("s3://b/x", lambda _: True)
    assert "AWS_ENDPOINT_URL" in caught.value.hint


@pytest.mark.parametrize(("url", "package"), [("gs://b/x", "gcsfs"), ("az://b/x", "adlfs"), ("abfs://b/x", "adlfs")])
def test_a_library_that_is_missing_is_named(url: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=f"{package} is not installed") as caught:
        FsspecStore(url)
    assert caught.value.hint == f"pip install {package}"


def test_without_s3fs_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("registry", "_registry"):
        monkeypatch.setattr(sys.modules["fsspec.registry"], name, {})
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingExtraError, match="s3fs is not installed") as caught:
        FsspecStore("s3://b/x")
    assert caught.value.hint == "pip install 'llmopt[cloud]'"


def test_a_scheme_that_nobody_knows() -> None:
    with pytest.raises(InputError, match="foo://b/x: no store for foo://"):
        FsspecStore("foo://b/x")
