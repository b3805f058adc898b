"""The model's name in the bytes of a request, replaced with every other byte as it was.

A JSON text is walked through string by string and bracket by bracket (RFC 8259) up to the top-level name `model`; it is
decoded and written anew only where that has no string beside it.
"""

from __future__ import annotations

import json
import re

from llmopt.errors import InputError
from llmopt.serving.gateway.values import UpstreamRequest

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FIRST = re.compile(rb'\s*+\{\s*+"model"\s*+:\s*+(' + _STRING + rb")", re.DOTALL)
_TOKEN = re.compile(_STRING + rb"|[{}\[\],]", re.DOTALL)
_VALUE = re.compile(rb"\s*+:\s*+(" + _STRING + rb")", re.DOTALL)


def for_model(request: UpstreamRequest, model: str) -> UpstreamRequest:
    """Return a request for another model; itself where it asks for that one, or its body is still on its way."""
    if request.model == model or not isinstance(request.body, bytes):
        return request
    return request.with_body(with_model(request.body, model), model)


def with_model(body: bytes, model: str) -> bytes:
    """Return a request for another model; the name is there at most once, which was made sure of before.

    Args:
        body: a JSON object.
        model: to ask for.

    Raises:
        InputError: the body is no JSON object.
    """
    span = _span(body)
    if span is not None:
        return body[: span[0]] + json.dumps(model, ensure_ascii=False).encode() + body[span[1] :]
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the request is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError("the request is not a JSON object")
    return json.dumps({**found, "model": model}).encode()


def _span(body: bytes) -> tuple[int, int] | None:
    """Return where the string of the top-level `model` is; None where that cannot be told."""
    first = _FIRST.match(body)
    if first is not None:
        return first.span(1)
    depth = 0
    named = False
    for token in _TOKEN.finditer(body):
        what = body[token.start()]
        if what == 0x22:  # a string: a name where a brace or a comma of the outermost object stands before it
            if named and depth == 1 and _is_model(token.group()):
                value = _VALUE.match(body, token.end())
                return None if value is None else value.span(1)
            named = False
        elif what in b"{[":
            depth += 1
            named = depth == 1
        elif what in b"}]":
            depth -= 1
        else:
            named = depth == 1
    return None


def _is_model(name: bytes) -> bool:
    return name == b'"model"' or (b"\\" in name and json.loads(name) == "model")
