"""What goes wrong on the way through the gateway, and how clients are told: in the shape of the API that they speak.

Sources: OpenAI's API reference (`{"error": {"message", "type", "param", "code"}}`), Anthropic's
(`{"type": "error", "error": {"type", "message"}}`). Both SDKs keep `x-should-retry: false`.
"""

from __future__ import annotations

from llmopt.errors import LlmoptError


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
