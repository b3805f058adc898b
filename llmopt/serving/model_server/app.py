"""The application: `/predict`, `/v1/embeddings`, `/v1/models`, `/healthz`, `/metrics`, and their description.

The pages that FastAPI can show load scripts from another site, so there is only `/openapi.json`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from llmopt import __version__
from llmopt.errors import MissingExtraError
from llmopt.serving.model_server import wire
from llmopt.serving.model_server.answers import embedding_answer, json_response, predict_answer
from llmopt.serving.model_server.client import read_body, unless_gone
from llmopt.serving.model_server.describing import body_of, describe
from llmopt.serving.model_server.errors import ApiError, slow_client, too_late
from llmopt.serving.model_server.lifecycle import Phase
from llmopt.serving.model_server.observing import Observing
from llmopt.serving.model_server.service import Answered, Service

try:
    from fastapi import FastAPI
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response
except ImportError as error:
    raise MissingExtraError((error.name or "fastapi").partition(".")[0], "serve") from error


def model_app(service: Service) -> FastAPI:
    """Return the application that serves a model. Its lifespan starts and ends the service.

    Args:
        service: the model, its batcher and its limits.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.close()

    app = FastAPI(
        title=f"llmopt serve: {service.model.name}",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(Observing, service=service)
    _tell_errors(app, service)
    _state_routes(app, service)
    _model_routes(app, service)
    describe(app)
    return app


def _tell_errors(app: FastAPI, service: Service) -> None:
    async def told(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            name = HTTPStatus(error.status_code).name.lower()
            message = f"{request.method} {request.url.path}: {error.detail}"
            error = ApiError(error.status_code, name, message, headers=error.headers)
        if not isinstance(error, ApiError):
            raise error
        service.metrics.http_rejected(error.code)
        return error.response()

    app.add_exception_handler(ApiError, told)
    app.add_exception_handler(HTTPException, told)


def _state_routes(app: FastAPI, service: Service) -> None:
    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", summary="200 while the server takes requests, 503 while it starts or stops")
    async def healthz() -> Response:
        phase = service.lifecycle.phase
        response = json_response({"status": phase.value, "model": service.model.name})
        if phase is not Phase.READY:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return response

    @app.get("/metrics", summary="Metrics for Prometheus")
    async def metrics(request: Request) -> Response:
        text, kind = service.metrics.text(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": kind})


def _model_routes(app: FastAPI, service: Service) -> None:
    model, made = service.model, int(time.time())
    card = {"id": model.name, "object": "model", "created": made, "owned_by": "llmopt"}

    @app.post("/predict", summary="One output an input, in order", openapi_extra=body_of("Predict"))
    async def predict(request: Request) -> Response:
        return await _asked(service, request, wire.predict_request, lambda _, answered: predict_answer(model, answered))

    @app.post("/v1/embeddings", summary="Embeddings, as OpenAI's API has them", openapi_extra=body_of("Embedding"))
    async def embeddings(request: Request) -> Response:
        if model.task != "embed":
            raise ApiError(
                HTTPStatus.NOT_FOUND, "no_embeddings", f"{model.name} is served to {model.task}; use POST /predict"
            )

        return await _asked(
            service,
            request,
            wire.embedding_request,
            lambda asked, answered: embedding_answer(model, answered, asked.encoding_format, asked.dimensions),
        )

    @app.get("/v1/models", summary="The one model that is served")
    async def models() -> Response:
        return json_response({"object": "list", "data": [card]})

    @app.get("/v1/models/{name:path}", summary="The model by its name")
    async def one_model(name: str) -> Response:
        _check_name(service, name)
        return json_response(card)


async def _asked(
    service: Service,
    request: Request,
    decode: Callable[[bytes], wire.Body],
    answer: Callable[[wire.Body, Answered], Awaitable[Response]],
) -> Response:
    """Read a request, compute its inputs, and answer it, all within the time that one may take."""
    service.admit()
    deadline = asyncio.get_running_loop().time() + service.limits.timeout_s
    read = False
    with service.lifecycle.answering():
        try:
            async with asyncio.timeout_at(deadline):
                asked = decode(await read_body(request, service.limits.max_body_bytes))
                read = True
                _check_name(service, asked.model)
                inputs = wire.texts_or_ids(asked.input)
                work = service.answer(inputs, deadline)
                answered = await unless_gone(request.receive, service.lifecycle.given_up, work)
                return await answer(asked, answered)
        except TimeoutError as error:
            raise (too_late() if read else slow_client()) from error


def _check_name(service: Service, name: str | None) -> None:
    if name not in (None, service.model.name):
        raise ApiError(
            HTTPStatus.NOT_FOUND,
            "model_not_found",
            f"no model {name!r} here, only {service.model.name!r}",
            param="model",
        )
