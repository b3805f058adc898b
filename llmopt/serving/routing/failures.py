"""How a call to a model failed: which kind, and when it may be asked again. No SDK is imported for it.

Errors are looked at by their shape: those of openai, anthropic, httpx, aiohttp, requests, urllib and botocore have a
status, headers and a body under a few names. Sources: RFC 9110 10.2.3 (Retry-After); OpenAI's and Anthropic's error
codes (529 is Anthropic's overload); the `context_length_exceeded` code of OpenAI and the wordings of vLLM, Anthropic,
Gemini and Bedrock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Kinds of failure."""

    OVERLOADED = "overloaded"
    """Too many requests (429), no capacity (503, 529), or the quota or the money is used up (402)."""
    TIMEOUT = "timeout"
    """No answer in time (408, 504, or the client gave up)."""
    SERVER = "server"
    """The server is broken (any other 5xx, 409), its answer cannot be read, or the stream was empty."""
    CONNECTION = "connection"
    """The server cannot be reached."""
    CONTEXT_LENGTH = "context_length"
    """The request is too long for this model (413, and 400 with such a message)."""
    NOT_FOUND = "not_found"
    """There is no such model (404)."""
    AUTH = "auth"
    """The key is refused (401, 403)."""
    REQUEST = "request"
    """The request itself is wrong (any other 4xx): every model would say so."""
    OTHER = "other"
    """Something else was raised, such as a bug of the caller."""


RETRIED = frozenset(Kind) - {Kind.AUTH, Kind.REQUEST, Kind.OTHER}
"""Kinds that another model may not have."""
_BY_STATUS = {
    402: Kind.OVERLOADED,
    409: Kind.SERVER,
    413: Kind.CONTEXT_LENGTH,
    401: Kind.AUTH,
    403: Kind.AUTH,
    404: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    429: Kind.OVERLOADED,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
_BY_WORD = {
    **dict.fromkeys(("overloaded_error", "rate_limit_error", "rate_limit_exceeded"), Kind.OVERLOADED),
    **dict.fromkeys(("insufficient_quota", "resource_exhausted", "unavailable", "billing_error"), Kind.OVERLOADED),
    **dict.fromkeys(
        ("api_error", "server_error", "internal_server_error", "internal", "internalservererror"), Kind.SERVER
    ),
    **dict.fromkeys(("timeout_error", "deadline_exceeded"), Kind.TIMEOUT),
    **dict.fromkeys(("authentication_error", "permission_error", "invalid_api_key"), Kind.AUTH),
    **dict.fromkeys(("not_found_error", "model_not_found"), Kind.NOT_FOUND),
    **dict.fromkeys(("context_length_exceeded", "request_too_large"), Kind.CONTEXT_LENGTH),
    "invalid_request_error": Kind.REQUEST,
}
"""Type or code of an error in a body -> kind."""
_TOO_LONG = re.compile(
    r"context[_ ](?:length|window|limit)|maximum context|prompt is too long|input is too long"
    r"|too many (?:input )?tokens|input token count|exceeds? the (?:maximum|model)|string too long"
    r"|request too large|max_model_len",
    re.IGNORECASE,
)
_UNPAID = re.compile(
    r"credit balance is too low|billing_(?:hard_limit|error|not_active)|insufficient_quota", re.IGNORECASE
)
_WITH_WORDS = (400, 422)
"""What these mean, their message says."""
_CONNECTING = ("connect", "disconnect", "network", "remoteprotocol", "readerror", "writeerror")
_UNREADABLE = ("jsondecodeerror", "apiresponsevalidationerror", "decodeerror", "contenttypeerror")
"""What clients raise for an answer that is none, such as the HTML of a proxy."""
_LONGEST = 4000
"""Characters of an error's message that are looked at."""
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed call."""

    kind: Kind
    status: int | None = None
    """HTTP status; None where there was none."""
    retry_after_s: float | None = None
    """As the server asks; None where it does not."""

    @property
    def said(self) -> str:
        """In a word or two: `overloaded (HTTP 429)`."""
        return f"{self.kind}" if self.status is None else f"{self.kind} (HTTP {self.status})"


def failure_of(error: BaseException, now: datetime | None = None) -> Failure:
    """Return what an error means.

    Args:
        error: what a call raised.
        now: for a `Retry-After` that is a date; None: such a one is not known.
    """
    told = getattr(error, "failure", None)
    if isinstance(told, Failure):
        return told
    status = _status(error)
    if status is not None:
        return _of_status(status, _message(error), _retry_after_s(_headers(error), now))
    name = type(error).__name__.lower()
    if isinstance(error, TimeoutError) or "timeout" in name:
        return Failure(Kind.TIMEOUT)
    if isinstance(error, ConnectionError) or any(part in name for part in _CONNECTING):
        return Failure(Kind.CONNECTION)
    if isinstance(error, OSError) and name in ("gaierror", "urlerror", "sslerror", "clientoserror"):
        return Failure(Kind.CONNECTION)
    if name in _UNREADABLE:
        return Failure(Kind.SERVER)
    return _by_words(getattr(error, "body", None)) or Failure(Kind.OTHER)


def failure_in(value: object, now: datetime | None = None) -> Failure | None:
    """Return what a returned value says of a failure; None for an answer.

    A failure is a response with a status of 400 or more, or an object with nothing but an `error`, as in a stream.
    """
    if isinstance(value, Mapping):
        return _by_words(value) if value.get("error") and "choices" not in value else None
    status = _number(value, "status") or _number(value, "status_code")
    if status is None or not 400 <= status < 600:
        return None
    return _of_status(status, _message(value), _retry_after_s(getattr(value, "headers", None), now))


def _by_words(body: object) -> Failure | None:
    """Return what the body of an error says where there is no status: its type or code."""
    error = body.get("error", body) if isinstance(body, Mapping) else None
    if isinstance(error, str):
        return Failure(Kind.SERVER)
    if not isinstance(error, Mapping):
        return None
    code = error.get("code")
    if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600:
        return _of_status(code, str(error.get("message")), None)
    for word in (code, error.get("type"), error.get("status")):
        if isinstance(word, str) and word.lower() in _BY_WORD:
            return Failure(_BY_WORD[word.lower()])
    return Failure(Kind.OTHER)


def _of_status(status: int, message: str, retry_after_s: float | None) -> Failure:
    kind = _BY_STATUS.get(status, Kind.SERVER if status >= 500 else Kind.REQUEST)
    if status in _WITH_WORDS and _TOO_LONG.search(message):
        kind = Kind.CONTEXT_LENGTH
    elif status in (*_WITH_WORDS, 403) and _UNPAID.search(message):
        kind = Kind.OVERLOADED
    return Failure(kind, status, retry_after_s)


def _status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    for place in (error, response):
        for name in ("status_code", "status", "code"):
            found = _number(place, name)
            if found is not None and 400 <= found < 600:
                return found
    if isinstance(response, Mapping):
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return found if isinstance(found, int) else None
    return None


def _number(value: object, name: str) -> int | None:
    found = getattr(value, name, None)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _headers(error: BaseException) -> Any:
    headers = getattr(error, "headers", None)
    return getattr(getattr(error, "response", None), "headers", None) if headers is None else headers


def _message(value: object) -> str:
    """Return what an error or a response says, cut."""
    body = getattr(value, "body", "")
    if isinstance(body, bytes | bytearray):
        body = bytes(body[:_LONGEST]).decode("utf-8", "replace")
    code = getattr(value, "code", "")
    said = str(value)[:_LONGEST] if isinstance(value, BaseException) else ""
    return f"{code} {str(body)[:_LONGEST]} {said}"


def _retry_after_s(headers: Any, now: datetime | None) -> float | None:
    """Return the seconds to wait, at most a day; None where nothing sensible is said."""
    get = getattr(headers, "get", None)
    if not callable(get):
        return None
    in_ms = _seconds(get("retry-after-ms"))
    if in_ms is not None:
        return min(in_ms / 1000, _DAY_S)
    text = get("retry-after") or get("Retry-After")
    found = _seconds(text)
    if found is None and isinstance(text, str) and now is not None:
        found = _until_s(text, now)
    return None if found is None else min(found, _DAY_S)


def _seconds(text: object) -> float | None:
    if not isinstance(text, str) or not re.fullmatch(r"\s*[0-9]{1,12}(\.[0-9]{1,9})?\s*", text):
        return None
    return float(text)


def _until_s(text: str, now: datetime) -> float | None:
    try:
        then = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
