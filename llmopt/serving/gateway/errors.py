"""What goes wrong on the way through the gateway, and how clients are told: in the shape of the API that they speak.

Sources: OpenAI's API reference (`{"error": {"message", "type", "param", "code"}}`), Anthropic's
(`{"type": "error", "error": {"type", "message"}}`). Both SDKs keep `x-should-retry: false`.
"""

from __future__ import annotations

import json

from llmopt.errors import LlmoptError

JSON_TYPE = (b"content-type", b"application/json")
_OPENAI = {401: "authentication_error", 402: "insufficient_quota", 403: "permission_error", 429: "rate_limit_error"}
_ANTHROPIC = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""Status -> type of an error. Any other is `invalid_request_error`, or an error of the server's from 500 on."""


class UpstreamError(LlmoptError):
    """An upstream could not be reached, did not answer in time, or broke off.

    Args:
        message: what happened; holds nothing secret.
        kind: a member of `llmopt.serving.routing.failures.Kind`, by its value.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class GatewayError(LlmoptError):
    """The gateway itself refuses, or gives up; it becomes an answer.

    Args:
        status: HTTP status.
        code: in snake case, for programs.
        message: for people: what happened and what to do next.
        headers: further ones, such as `retry-after`.
    """

    def __init__(self, status: int, code: str, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


def error_json(status: int, code: str, message: str, *, anthropic: bool) -> bytes:
    """Return the body of an error.

    Args:
        status: HTTP status that it comes with, or would.
        code: in snake case, for programs.
        message: for people.
        anthropic: whether the client speaks Anthropic's API.
    """
    if anthropic:
        kind = _ANTHROPIC.get(status, "invalid_request_error" if status < 500 else "api_error")
        told: dict[str, object] = {"type": "error", "error": {"type": kind, "message": message, "code": code}}
    else:
        kind = _OPENAI.get(status, "invalid_request_error" if status < 500 else "server_error")
        told = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return json.dumps(told).encode()
