"""The OpenAPI description of the routes whose bodies are read here and not by FastAPI."""

from __future__ import annotations

from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.serving.model_server.wire import schemas

try:
    from fastapi import FastAPI
except ImportError as error:
    raise MissingExtraError((error.name or "fastapi").partition(".")[0], "serve") from error

_ERRORS = {
    "400": "a field is missing, wrong or not known, or an input is too long",
    "404": "another model, or one that is served for another task",
    "413": "the body is too long",
    "415": "the body is not said to be JSON",
    "503": "the queue is full, or the server stops; see Retry-After",
    "504": "there was no answer in time",
}


def body_of(name: str) -> dict[str, Any]:
    """Return what the description of a route says of its bodies.

    Args:
        name: of the schemas, `NAMERequest` and `NAMEAnswer`.
    """
    problem = _content("ErrorAnswer")
    responses: dict[str, Any] = {"200": {"description": "the answer", **_content(f"{name}Answer")}}
    responses |= {status: {"description": text, **problem} for status, text in _ERRORS.items()}
    return {"requestBody": {"required": True, **_content(f"{name}Request")}, "responses": responses}


def describe(app: FastAPI) -> None:
    """Add the schemas of the bodies to the description of an application."""
    plain = app.openapi

    def full() -> dict[str, Any]:
        described = plain()
        described.setdefault("components", {}).setdefault("schemas", {}).update(schemas())
        return described

    app.openapi = full  # type: ignore[method-assign]


def _content(schema: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}
