"""What a request asks of a mock upstream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmopt.serving.mock_upstream.behaviour import Behaviour, asked_of
from llmopt.serving.mock_upstream.record import Seen

_APIS = {
    "/chat/completions": "chat",
    "/completions": "completions",
    "/responses": "responses",
    "/embeddings": "embeddings",
    "/messages": "messages",
    "/models": "models",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What decides about an answer."""

    api: str
    """`chat`, `completions`, `responses`, `embeddings`, `messages`, `models`, or `other`."""
    model: str
    behaviour: Behaviour
    streamed: bool = False
    include_usage: bool = False
    """Whether a chat stream ends with its usage."""
    inputs: int = 1
    """Texts to embed."""
    base64: bool = False
    """Whether vectors are wanted packed, as OpenAI's client asks by itself."""
    tool: str = "get_weather"
    """Name of the tool that is called: the first one offered."""

    @property
    def named(self) -> str:
        """The model that the answer names."""
        return self.behaviour.answered_model or self.model or "mock"


def asked(seen: Seen, usual: Behaviour) -> Asked:
    """Return what a request asks for; a body that is no JSON object asks for nothing.

    Args:
        seen: the request.
        usual: how the server behaves.
    """
    path = seen.path.partition("?")[0]
    api = next((name for ending, name in _APIS.items() if path.endswith(ending)), "other")
    if api == "models" and seen.method != "GET":
        api = "other"
    body = _read(seen.body) if api not in ("models", "other") else {}
    model = str(body.get("model", ""))
    options, inputs = body.get("stream_options"), body.get("input")
    return Asked(
        api,
        model,
        asked_of(usual, seen.headers, model),
        streamed=body.get("stream") is True and api != "embeddings",
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        inputs=len(inputs) if isinstance(inputs, list) and api == "embeddings" else 1,
        base64=body.get("encoding_format") == "base64",
        tool=_tool(body),
    )


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _tool(body: Mapping[str, Any]) -> str:
    tools = body.get("tools")
    first = tools[0] if isinstance(tools, list) and tools else {}
    inner = first.get("function", first) if isinstance(first, dict) else {}
    return str(inner.get("name", "get_weather")) if isinstance(inner, dict) else "get_weather"
