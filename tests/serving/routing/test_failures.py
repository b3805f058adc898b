"""Errors of every client, told apart by their shape."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import Message
from typing import Any

import openai
import pytest

from llmopt.serving.cache.entry import Reply
from llmopt.serving.routing import Failure, Kind, failure_in, failure_of

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
REQUEST: Any = None
"""The HTTP request of an error; nobody looks at it."""


class Response:
    """Like those of httpx and requests."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None, body: str = "") -> None:
        self.status_code = status
        self.headers = dict(headers or {})
        self.request = REQUEST
        self.body = body


class HTTPStatusError(Exception):
    """Like that of httpx, and `HTTPError` of requests: the response has the status."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"Client error {response.status_code}")
        self.response = response


class ClientResponseError(Exception):
    """Like that of aiohttp."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}, message='no'")
        self.status = status
        self.headers = headers


def openai_error(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> openai.APIStatusError:
    response: Any = Response(status, headers)
    told = (body or {}).get("error", body)
    return openai.APIStatusError(f"Error code: {status} - {body}", response=response, body=told)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Kind.REQUEST),
        (401, Kind.AUTH),
        (402, Kind.OVERLOADED),
        (403, Kind.AUTH),
        (404, Kind.NOT_FOUND),
        (408, Kind.TIMEOUT),
        (409, Kind.SERVER),
        (413, Kind.CONTEXT_LENGTH),
        (422, Kind.REQUEST),
        (429, Kind.OVERLOADED),
        (500, Kind.SERVER),
        (502, Kind.SERVER),
        (503, Kind.OVERLOADED),
        (504, Kind.TIMEOUT),
        (529, Kind.OVERLOADED),
        (599, Kind.SERVER),
    ],
)
def test_each_status(status: int, kind: Kind) -> None:
    body = {"error": {"message": "no"}}
    assert failure_of(openai_error(status, body)) == Failure(kind, status)
    response = Response(status)
    assert failure_of(HTTPStatusError(response)) == Failure(kind, status)
    assert failure_of(ClientResponseError(status)) == Failure(kind, status)
    assert failure_of(urllib.error.HTTPError("u", status, "no", Message(), None)) == Failure(kind, status)
    assert failure_in(Reply(b"{}", status)) == Failure(kind, status)
    assert failure_in(response) == Failure(kind, status)


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
        "Input is too long for requested model.",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
        "the decoder prompt (length 9000) is longer than the max_model_len of 8192",
    ],
)
def test_a_request_that_is_too_long(said: str) -> None:
    error = openai_error(400, {"error": {"message": said, "type": "invalid_request_error"}})
    assert failure_of(error) == Failure(Kind.CONTEXT_LENGTH, 400)
    assert failure_in(Reply(said.encode(), 400)) == Failure(Kind.CONTEXT_LENGTH, 400)
    by_code = openai_error(400, {"error": {"message": "no", "code": "context_length_exceeded"}})
    assert failure_of(by_code).kind == Kind.CONTEXT_LENGTH


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"message": "Your credit balance is too low to access the API.", "type": "invalid_request_error"}),
        (400, {"message": "no", "code": "billing_hard_limit_reached"}),
        (429, {"message": "no", "code": "insufficient_quota"}),
    ],
)
def test_a_bill_that_is_not_paid_is_no_wrong_request(status: int, body: dict[str, Any]) -> None:
    assert failure_of(openai_error(status, {"error": body})) == Failure(Kind.OVERLOADED, status)


def test_an_answer_that_cannot_be_read_is_the_fault_of_the_server() -> None:
    with pytest.raises(ValueError, match="Expecting value") as caught:
        json.loads("<html>")
    assert failure_of(caught.value) == Failure(Kind.SERVER)


@pytest.mark.parametrize(
    ("headers", "after_s"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"Retry-After": " 0.5 "}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "999999999"}, 86_400.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_when_to_ask_again(headers: dict[str, str], after_s: float | None) -> None:
    assert failure_of(openai_error(429, None, headers), NOW).retry_after_s == after_s
    assert failure_of(ClientResponseError(429, headers), NOW).retry_after_s == after_s
    assert failure_in(Response(429, headers), NOW) == Failure(Kind.OVERLOADED, 429, after_s)


def test_a_date_without_a_clock_says_nothing() -> None:
    error = openai_error(503, None, {"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"})
    assert failure_of(error).retry_after_s is None


class ReadTimeout(Exception):
    """As httpx and requests call it."""


class ConnectError(Exception):
    """As httpx calls it."""


class RemoteProtocolError(Exception):
    """As httpx calls it."""


class ClientError(Exception):
    """Like botocore's: the status is in a dictionary."""

    def __init__(self, status: object) -> None:
        super().__init__("ThrottlingException")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), Kind.TIMEOUT),
        (openai.APITimeoutError(request=REQUEST), Kind.TIMEOUT),
        (ReadTimeout(), Kind.TIMEOUT),
        (openai.APIConnectionError(request=REQUEST), Kind.CONNECTION),
        (ConnectError(), Kind.CONNECTION),
        (RemoteProtocolError(), Kind.CONNECTION),
        (ConnectionResetError(), Kind.CONNECTION),
        (urllib.error.URLError("no"), Kind.CONNECTION),
        (ClientError(429), Kind.OVERLOADED),
        (ClientError("none"), Kind.OTHER),
        (KeyError("a"), Kind.OTHER),
        (FileNotFoundError("a"), Kind.OTHER),
        (openai.APIError("no", REQUEST, body={"type": "overloaded_error"}), Kind.OVERLOADED),
        (openai.APIError("no", REQUEST, body={"type": "server_error"}), Kind.SERVER),
        (openai.APIError("no", REQUEST, body={"code": "context_length_exceeded"}), Kind.CONTEXT_LENGTH),
        (openai.APIError("no", REQUEST, body={"code": 503, "message": "no"}), Kind.OVERLOADED),
        (openai.APIError("no", REQUEST, body=None), Kind.OTHER),
    ],
)
def test_errors_without_a_status(error: Exception, kind: Kind) -> None:
    assert failure_of(error).kind == kind


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"error": {"type": "overloaded_error"}}, Kind.OVERLOADED),
        ({"error": "broken"}, Kind.SERVER),
        ({"error": {"code": 429}}, Kind.OVERLOADED),
        ({"error": {"status": "RESOURCE_EXHAUSTED"}}, Kind.OVERLOADED),
        ({"error": {"what": 1}}, Kind.OTHER),
        ({"error": None, "status": "completed"}, None),
        ({"choices": [], "error": "x"}, None),
        (Reply(b"{}"), None),
        ("text", None),
        (None, None),
    ],
)
def test_values_that_stand_for_failures(value: Any, kind: Kind | None) -> None:
    failure = failure_in(value)
    assert (None if failure is None else failure.kind) == kind


def test_in_words() -> None:
    assert Failure(Kind.OVERLOADED, 429).said == "overloaded (HTTP 429)"
    assert Failure(Kind.TIMEOUT).said == "timeout"
