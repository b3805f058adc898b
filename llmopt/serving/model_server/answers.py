"""Write the bodies of answers. Many results are written piece by piece, so that others get their turn between."""

from __future__ import annotations

import asyncio
import base64
import math
import sys
from array import array
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from llmopt.errors import MissingExtraError
from llmopt.serving.model_server.errors import ApiError, bad_request
from llmopt.serving.model_server.service import Answered
from llmopt.serving.model_server.values import ServedModel

try:
    import orjson
    from starlette.responses import Response
except ImportError as error:
    raise MissingExtraError((error.name or "fastapi").partition(".")[0], "serve") from error

_AT_ONCE = 32


def json_response(content: object) -> Response:
    """Return a body of JSON."""
    return Response(_json(content), media_type="application/json")


async def predict_answer(model: ServedModel, answered: Answered) -> Response:
    """Return the answer of `/predict`."""
    show, encode = model.show or _plain, _numbers if model.task == "embed" else _json
    outputs = await _pieces(answered.results, lambda result: encode(show(result)))
    usage = {"inputs": len(outputs), "tokens": answered.tokens}
    return json_response({"model": model.name, "outputs": outputs, "usage": usage})


async def embedding_answer(
    model: ServedModel, answered: Answered, encoding_format: str | None, dimensions: int | None
) -> Response:
    """Return the answer of `/v1/embeddings`.

    Args:
        model: its name is told.
        answered: with one vector an input.
        encoding_format: `base64`; else numbers.
        dimensions: that the client asks for.

    Raises:
        ApiError: the vectors have another number of dimensions, or a value that is not finite.
    """
    if dimensions is not None and dimensions != (size := len(_floats(answered.results[0]))):
        raise bad_request("wrong_dimensions", f"the vectors of {model.name} have {size} dimensions", "dimensions")
    vectors = await _pieces(answered.results, _base64 if encoding_format == "base64" else _numbers)
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    tokens = answered.tokens or 0
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_response({"object": "list", "data": data, "model": model.name, "usage": usage})


async def _pieces(results: Sequence[Any], encode: Callable[[Any], bytes]) -> list[orjson.Fragment]:
    pieces = []
    for at, result in enumerate(results):
        if at and at % _AT_ONCE == 0:
            await asyncio.sleep(0)
        pieces.append(orjson.Fragment(encode(result)))
    return pieces


def _plain(result: Any) -> Any:
    return result


def _json(content: object) -> bytes:
    try:
        return orjson.dumps(content, _listed, orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        message = f"the model gave a result that JSON cannot say: {error}"
        raise ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "not_json", message) from error


def _listed(result: Any) -> Any:
    """Return as a list what orjson does not know: tensors, and arrays of numpy that are not in one piece."""
    if not hasattr(result, "tolist"):
        raise TypeError
    return result.tolist()


def _numbers(vector: Any) -> bytes:
    _floats(vector)
    return _json(vector)


def _base64(vector: Any) -> bytes:
    numbers = _floats(vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return b'"' + base64.b64encode(numbers.tobytes()) + b'"'


def _floats(vector: Any) -> array[float]:
    """Return a vector as 32-bit floats; refuse what is none, and what JSON cannot say."""
    try:
        numbers = array("f", vector.tolist() if hasattr(vector, "tolist") else vector)
    except TypeError as error:
        kind = type(vector).__name__
        raise ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "no_vector", f"the model gave no vector but {kind}") from error
    if not math.isfinite(sum(numbers)):  # one value that is not finite makes the sum so
        raise ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "not_finite", "the model gave a vector that is not finite")
    return numbers
