"""What a client gets instead of an answer, in the shape that OpenAI's API has for errors.

    {"error": {"message": "...", "type": "invalid_request_error", "param": "input", "code": "too_many_tokens"}}

OpenAI's clients turn it into their exceptions, and try again after `Retry-After` (whole seconds by the standard; the
finer `retry-after-ms` is an extension that those clients know).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus

from llmopt.errors import MissingExtraError

try:
    import orjson
    from starlette.responses import Response
except ImportError as error:
    raise MissingExtraError((error.name or "fastapi").partition(".")[0], "serve") from error

CLIENT_GONE = 499
"""No status of the standard; what nginx notes for a client that did not wait for its answer."""
_OVERLOAD = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


class ApiError(Exception):
    """A request that is answered with an error.

    Args:
        status: of HTTP.
        code: for programs, such as `too_many_tokens`; also the reason in the metrics.
        message: for people: what is wrong, and what to do.
        param: field of the request that is wrong.
        retry_after_s: when to try again.
        headers: further ones of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the answer."""
        headers = dict(self.headers)
        if self.retry_after_s is not None:
            headers["retry-after"] = str(max(1, math.ceil(self.retry_after_s)))
            headers["retry-after-ms"] = str(max(1, math.ceil(self.retry_after_s * 1000)))
        body = {"message": self.message, "type": self._type(), "param": self.param, "code": self.code}
        return Response(orjson.dumps({"error": body}), self.status, headers, "application/json")

    def _type(self) -> str:
        if self.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return "invalid_request_error"
        return "overloaded_error" if self.status in _OVERLOAD else "server_error"


def bad_request(code: str, message: str, param: str | None = None) -> ApiError:
    """Return the error for a request that makes no sense."""
    return ApiError(HTTPStatus.BAD_REQUEST, code, message, param=param)


def stopping() -> ApiError:
    """Return the error for what comes while the server stops."""
    message = "the server is stopping; ask another one"
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "stopping", message, retry_after_s=1)


def too_late() -> ApiError:
    """Return the error for a request whose time is up."""
    return ApiError(HTTPStatus.GATEWAY_TIMEOUT, "deadline", "there was no answer in time; ask for less, or later")


def slow_client() -> ApiError:
    """Return the error for a request whose body did not come in time."""
    return ApiError(HTTPStatus.REQUEST_TIMEOUT, "slow_body", "the body did not come in time")


def client_gone() -> ApiError:
    """Return the error for a client that did not wait for its answer."""
    return ApiError(CLIENT_GONE, "client_gone", "the client went away")
