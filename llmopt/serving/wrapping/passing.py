"""Calls that are passed on as they are: noted where their answer tells what was billed, such as a picture.

Uploads, lists and everything else that asks no model leave no trace.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from llmopt.serving.cache.forms.jsontext import loads_object
from llmopt.serving.gateway.auth import credentials_of, tenant_of
from llmopt.serving.gateway.values import Api, Metered
from llmopt.serving.wrapping.doing import Flow, Step
from llmopt.serving.wrapping.http_library import HttpClient
from llmopt.serving.wrapping.parts import Parts
from llmopt.serving.wrapping.replies import media_type

_MOST_BYTES = 8 * 2**20
"""Of an answer that is looked at."""


def passed_on(parts: Parts, http: HttpClient, request: Any, options: dict[str, Any]) -> Flow[Any]:
    """Return the response of the client's own HTTP client, untouched."""
    began_s, began = time.time(), time.perf_counter()
    response = yield Step(lambda: http.client.send(request, **options), lambda: http.client.send(request, **options))
    if _tells_usage(response):
        metered = Metered(
            f"req_{uuid.uuid4().hex}",
            Api.OTHER,
            began_s,
            method=request.method,
            path=request.url.path,
            tags=parts.tags,
            upstream=request.url.host,
            status=response.status_code,
            attempts=1,
            response_bytes=len(response.content),
            latency_s=time.perf_counter() - began,
            tenant=parts.tenant if parts.tenant is not None else tenant_in(request),
        )
        metered.asked_model = metered.model = _model_in(request)
        parts.meter.answered(metered, response.content)
        if metered.usage is not None:
            parts.meter.note(metered)
    return response


def tenant_in(request: Any) -> str:
    """Return the tenant who has the credentials of a request; empty where it has none."""
    headers = tuple((name.lower(), value) for name, value in request.headers.raw)
    brought = credentials_of(headers, request.url.query.decode("ascii", "replace"))
    return tenant_of(brought) if brought else ""


def _model_in(request: Any) -> str:
    """Return the model that a request names; empty where it names none, or is no JSON."""
    try:
        model = (loads_object(request.content) or {}).get("model")
    except RuntimeError:  # it was sent from a file or a generator
        return ""
    return model if isinstance(model, str) else ""


def _tells_usage(response: Any) -> bool:
    if not response.is_closed or response.status_code >= 300 or media_type(response) != b"application/json":
        return False
    return response.request.method == "POST" and len(response.content) <= _MOST_BYTES and b'"usage' in response.content
