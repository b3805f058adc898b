"""The event that ends a stream which broke, in the form of each API; `[DONE]` never follows it.

Sources: OpenAI API reference ("Responses, streaming events": `error`) and the stream readers of the `openai` client,
which raise for `error` in the data of any event; Anthropic API reference ("Streaming Messages, Error events").
"""

from __future__ import annotations

import json

from llmopt.serving.gateway.errors import error_json
from llmopt.serving.gateway.values import Api


def error_event(api: Api, status: int, code: str, message: str) -> bytes:
    """Return the last event of a stream that broke.

    Args:
        api: that the client speaks.
        status: HTTP status that it would have been, had the answer not begun.
        code: in snake case, for programs.
        message: for people; holds nothing secret.
    """
    told = error_json(status, code, message, anthropic=api is Api.MESSAGES)
    if api is Api.MESSAGES:
        return b"event: error\ndata: %b\n\n" % told
    if api is not Api.RESPONSES:
        return b"data: %b\n\n" % told
    # The reference has code and message on top; clients look for `error`, and servers send both.
    event = {"type": "error", "code": code, "message": message, "param": None, **json.loads(told)}
    return b"event: error\ndata: %b\n\n" % json.dumps(event).encode()
