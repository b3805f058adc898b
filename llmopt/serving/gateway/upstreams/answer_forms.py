"""What a function in this process returns, as the API that was asked has it: a text, vectors, or a whole answer.

Shapes: OpenAI's API reference (chat completions, completions, responses, embeddings) and Anthropic's (messages). No
usage is made up: a function that knows it returns the whole answer.
"""

from __future__ import annotations

import os
import struct
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llmopt.errors import InputError
from llmopt.serving.cache.forms.jsontext import dumps
from llmopt.serving.cache.streams import replayed
from llmopt.serving.gateway.upstreams.held import HeldReply

_JSON = ((b"content-type", b"application/json"),)
_EVENTS = ((b"content-type", b"text/event-stream"),)


def reply_of(value: object, path: str, body: Mapping[str, Any]) -> HeldReply:
    """Return the answer that a value stands for, as a stream where one is asked for.

    Args:
        value: a mapping is a whole answer; a text, or several, is what the model says; vectors are embeddings.
        path: that was asked, with its query.
        body: of the request, decoded.

    Raises:
        InputError: it stands for no answer of that path.
    """
    whole = value if isinstance(value, Mapping) else _form(path)(value, body)
    try:
        raw = dumps(whole)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"its answer is nothing that JSON can say: {error}") from error
    if body.get("stream") is not True:
        return HeldReply(200, _JSON, raw)
    options = body.get("stream_options")
    wants_usage = isinstance(options, Mapping) and options.get("include_usage") is True
    frames = replayed(raw, include_usage=wants_usage)
    if frames is None:
        raise InputError("its answer has no form as a stream")
    return HeldReply(200, _EVENTS, b"".join(frames))


def inputs_of(path: str, body: Mapping[str, Any]) -> list[Any]:
    """Return the inputs of an embedding or the prompts of a completion; of anything else, the whole body as one.

    Args:
        path: that is asked, with its query.
        body: of the request, decoded.
    """
    given = body.get({"/embeddings": "input", "/completions": "prompt"}.get(_last(path), ""), body)
    ids = isinstance(given, list) and bool(given) and isinstance(given[0], int)
    return given if isinstance(given, list) and not ids else [given]


def _form(path: str) -> Callable[[Any, Mapping[str, Any]], dict[str, Any]]:
    form = _FORMS.get(_last(path))
    if form is None:
        raise InputError(f"nothing in this process answers {path.partition('?')[0]}")
    return form


def _last(path: str) -> str:
    """Return `/chat/completions` of `/v1/chat/completions?a=b`."""
    plain = path.partition("?")[0].rstrip("/")
    return "/chat/completions" if plain.endswith("/chat/completions") else "/" + plain.rpartition("/")[2]


def _texts(value: object) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, Sequence) or not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(f"its answer is a {type(value).__name__}, and a text is needed")
    return list(texts)


def _named(prefix: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": f"{prefix}{os.urandom(12).hex()}", "model": str(body.get("model", ""))}


def _chat(value: object, body: Mapping[str, Any]) -> dict[str, Any]:
    choices = [
        {"index": at, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for at, text in enumerate(_texts(value))
    ]
    return {**_named("chatcmpl-", body), "object": "chat.completion", "created": int(time.time()), "choices": choices}


def _completion(value: object, body: Mapping[str, Any]) -> dict[str, Any]:
    choices = [
        {"index": at, "text": text, "logprobs": None, "finish_reason": "stop"} for at, text in enumerate(_texts(value))
    ]
    return {**_named("cmpl-", body), "object": "text_completion", "created": int(time.time()), "choices": choices}


def _response(value: object, body: Mapping[str, Any]) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []} for text in _texts(value)]
    item = {"type": "message", "id": f"msg_{os.urandom(12).hex()}", "role": "assistant", "status": "completed"}
    return {
        **_named("resp_", body),
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "output": [{**item, "content": content}],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def _message(value: object, body: Mapping[str, Any]) -> dict[str, Any]:
    content = [{"type": "text", "text": text} for text in _texts(value)]
    said = {"type": "message", "role": "assistant", "content": content}
    return {**_named("msg_", body), **said, "stop_reason": "end_turn", "stop_sequence": None}


def _embeddings(value: object, body: Mapping[str, Any]) -> dict[str, Any]:
    vectors = _listed(value)
    if not isinstance(vectors, list) or not all(isinstance(vector, list) for vector in map(_listed, vectors)):
        raise InputError(f"its answer is a {type(value).__name__}, and vectors are needed, one for each input")
    packed = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": at, "embedding": _packed(vector) if packed else vector}
        for at, vector in enumerate(map(_listed, vectors))
    ]
    return {"object": "list", "data": data, "model": str(body.get("model", ""))}


def _listed(value: Any) -> Any:
    """Return as a list what has a way to it: arrays of numpy, tensors, tuples."""
    if isinstance(value, tuple):
        return list(value)
    return value.tolist() if hasattr(value, "tolist") else value


def _packed(vector: list[float]) -> str:
    try:
        return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except (struct.error, OverflowError) as error:
        raise InputError(f"its answer holds a vector that is none: {error}") from error


_FORMS: Mapping[str, Callable[[Any, Mapping[str, Any]], dict[str, Any]]] = {
    "/chat/completions": _chat,
    "/completions": _completion,
    "/responses": _response,
    "/messages": _message,
    "/embeddings": _embeddings,
}
