"""What goes over the wire: the bodies of requests, checked while they are decoded, and those of answers.

The shapes of `/v1/embeddings` and `/v1/models` are those of OpenAI's API reference. A field that is not known is
refused: one that is passed over in silence (`normalize`, `truncate`) would give wrong answers.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar, cast

import msgspec

from llmopt.serving.model_server.errors import bad_request

Input = str | list[str | int | list[int]]
"""A text, several, the token ids of one, or those of several."""


class PredictRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `/predict`."""

    input: Input
    model: str | None = None


class EmbeddingRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `/v1/embeddings`."""

    input: Input
    model: str
    encoding_format: Literal["float", "base64"] | None = None
    """None: float."""
    dimensions: int | None = None
    user: str | None = None


Request = PredictRequest | EmbeddingRequest
Body = TypeVar("Body", PredictRequest, EmbeddingRequest)


class PredictUsage(msgspec.Struct):
    """What a request took."""

    inputs: int
    tokens: int | None
    """Null where they are not counted."""


class PredictAnswer(msgspec.Struct):
    """Answer of `/predict`: one output an input, in order."""

    model: str
    outputs: list[Any]
    usage: PredictUsage


class EmbeddingUsage(msgspec.Struct):
    """What a request took."""

    prompt_tokens: int
    total_tokens: int


class Embedding(msgspec.Struct):
    """One vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str
    """Numbers; or base64 of 32-bit floats, little-endian."""


class EmbeddingAnswer(msgspec.Struct):
    """Answer of `/v1/embeddings`."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


class ErrorDetail(msgspec.Struct):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorAnswer(msgspec.Struct):
    """Answer to a request that failed."""

    error: ErrorDetail


_PREDICT = msgspec.json.Decoder(PredictRequest)
_EMBEDDING = msgspec.json.Decoder(EmbeddingRequest)


def predict_request(body: bytes) -> PredictRequest:
    """Return a body of `/predict`.

    Raises:
        ApiError: it is none.
    """
    return _decoded(_PREDICT, body)


def embedding_request(body: bytes) -> EmbeddingRequest:
    """Return a body of `/v1/embeddings`.

    Raises:
        ApiError: it is none.
    """
    return _decoded(_EMBEDDING, body)


def texts_or_ids(given: Input) -> list[str] | list[list[int]]:
    """Return the inputs of a request: texts, or lists of token ids.

    Raises:
        ApiError: there is none, or they are of several kinds.
    """
    if isinstance(given, str):
        return [given]
    if not given:
        raise bad_request("empty_input", "input is empty; send a text or a list of texts", "input")
    if len(set(map(type, given))) > 1:
        raise bad_request("mixed_input", "input mixes texts and token ids; send one kind", "input")
    return cast("list[str]", given) if not isinstance(given[0], int) else [cast("list[int]", given)]


def schemas() -> dict[str, Any]:
    """Return the JSON schemas of all bodies by name, for the OpenAPI description."""
    kinds = (PredictRequest, PredictAnswer, EmbeddingRequest, EmbeddingAnswer, ErrorAnswer)
    _, parts = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    return parts


def _decoded(decoder: msgspec.json.Decoder[Body], body: bytes) -> Body:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise bad_request("wrong_field", str(error), _field(str(error))) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise bad_request("malformed_json", f"the body is not JSON: {error}") from error


def _field(message: str) -> str | None:
    """Return the field that an error of msgspec is about: behind the path, or in backticks."""
    _, _, path = message.rpartition("$.")
    if path != message:
        return path.rstrip("`").partition("[")[0].partition(".")[0]
    named = message.split("`")
    return named[1] if "field" in named[0] and len(named) > 1 else None
