"""What answers say of themselves: tokens, model, tier; whole ones and streams, of every API.

The counts are read by the format specs of `llmopt cost` (`llmopt/cost/formats/`), which know what each provider counts
inside of what. Only a few fields of a body are decoded, and of a stream only the frames that tell a usage.
Sources: API references of OpenAI ("Chat completion chunk object": the usage is in a last chunk without choices;
"Responses, streaming events": the last event holds the whole response), Anthropic ("Streaming Messages":
`message_start` tells the input, `message_delta` the output so far), Google (`usageMetadata`); vLLM's
`continuous_usage_stats` and xAI tell the usage so far in every chunk, so that the last one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llmopt.core.usage import Usage
from llmopt.cost.spec.load import FORMATS_DIR, load_spec
from llmopt.cost.spec.python import RecordReader
from llmopt.cost.spec.row import Outcome, Row
from llmopt.serving.gateway.metering.body import Body, body_of, in_frames, last_frames, last_of_list
from llmopt.serving.gateway.metering.media import media_usage
from llmopt.serving.gateway.metering.plain import plain_usage
from llmopt.serving.gateway.values import Api

_FORMATS = ("xai", "vllm", "openai-chat", "openai-responses", "anthropic-messages", "gemini")
"""The more specific one first, as their priorities say."""
_MESSAGE = {"type": "message", "object": "message"}
"""The object keeps servers of OpenAI's API, who know no type, from taking it for theirs."""
_SHAPES = {
    Api.CHAT: {"object": "chat.completion"},
    Api.COMPLETIONS: {"object": "text_completion"},
    Api.EMBEDDINGS: {"object": "list"},
    Api.RESPONSES: {"object": "response"},
    Api.MESSAGES: _MESSAGE,
}
"""What the bodies of an API say that they are; some servers leave it out."""
_KNOWN_OBJECTS = ("chat.completion", "chat.completion.chunk", "text_completion", "response", "list")


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says of itself."""

    usage: Usage | None = None
    """Tokens that were billed, in disjoint buckets; None where it does not say, or says what cannot be."""
    model: str = ""
    """That answered; empty where it does not say."""
    tier: str = "default"
    """Of `llmopt.core.usage.TIERS`."""
    ended: bool = True
    """Whether `usage` is that of the whole answer; False for the begin of a stream: its output is yet to be counted."""


class UsageReader:
    """Reads what answers say; one reader serves all calls."""

    def __init__(self) -> None:
        """Compile the formats."""
        self._readers = tuple(RecordReader(load_spec(FORMATS_DIR / f"{name}.toml")) for name in _FORMATS)

    def whole(self, body: bytes, api: Api = Api.OTHER, provider: str = "") -> Said:
        """Return what a whole answer says: a JSON object, or a list of such (Google's streams without events).

        Anything else says nothing.

        Args:
            body: as it came.
            api: of the request.
            provider: who answers, as the price table names it; empty where that is not known.
        """
        found = body_of(body) or last_of_list(body)
        return Said() if found is None else self._said(found, api, provider)

    def stream(self, body: bytes, api: Api = Api.OTHER, provider: str = "") -> Said:
        """Return what a stream says, cut off or not.

        Args:
            body: server-sent events, as they came.
            api: of the request.
            provider: who answers, as the price table names it; empty where that is not known.
        """
        if api is Api.MESSAGES:
            return self._message(body, provider)
        for frame in last_frames(body):
            inner = frame.response or frame
            if inner.tells_usage:
                return self._said(inner, api, provider)
        first = next(in_frames(body), None)
        return Said(ended=False) if first is None else Said(model=(first.response or first).name, ended=False)

    def _message(self, body: bytes, provider: str) -> Said:
        """Put together what the events of a message tell."""
        message, ended = Body(type="message"), False
        usage: dict[str, Any] = {}
        for frame in reversed(list(last_frames(body))):
            told = frame
            if frame.message is not None:
                message = told = frame.message
            ended = ended or frame.type == "message_delta"
            if isinstance(told.usage, dict):
                usage |= {name: value for name, value in told.usage.items() if value is not None}
        message.usage = usage or None
        said = self._said(message, Api.MESSAGES, provider)
        return Said(said.usage, said.model, said.tier, ended)

    def _said(self, body: Body, api: Api, provider: str) -> Said:
        if not body.tells_usage:
            return Said(model=body.name)
        plain = plain_usage(body)
        if plain is not None:
            return Said(plain[0], body.name, plain[1])
        media = media_usage(body)
        if media is not None:
            return Said(media, body.name)
        return self.by_formats(body, api, provider)

    def by_formats(self, body: Body, api: Api, provider: str = "") -> Said:
        """Return what the format specs make of an answer's telling fields; `plain_usage` is faster for most."""
        for record in _readings(_record(body, api, provider)):
            row = self._row(record)
            if row is not None and row.outcome is Outcome.OK:
                return Said(row.usage, body.name, row.tier)
        return Said(model=body.name)

    def _row(self, record: dict[str, Any]) -> Row | None:
        """Read a record by the first format that it is of."""
        rows = (reader.rows(record)[0] for reader in self._readers)
        return next((row for row in rows if row.outcome is not Outcome.UNKNOWN), None)


def _record(body: Body, api: Api, provider: str) -> dict[str, Any]:
    """Return the record that the formats read: the telling fields alone, whole or chunk alike."""
    record: dict[str, Any] = {"model": body.name or None, "usage": body.usage}
    if body.usage_metadata is not None:
        return {"modelVersion": body.model_version, "usageMetadata": body.usage_metadata}
    if body.object in _KNOWN_OBJECTS:
        record["object"] = "chat.completion" if body.object == "chat.completion.chunk" else body.object
    elif body.type == "message":
        record |= _MESSAGE
    else:
        record |= _SHAPES.get(api, {"object": "other"})
    for name, value in (("id", body.id), ("service_tier", body.service_tier), ("provider", provider or None)):
        if isinstance(value, str):
            record[name] = value
    return record


def _readings(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a record as it is, and, for servers who count in their own way, as it may be meant.

    A tier that nobody knows is the default one; reasoning may stand outside of the output; a total may be wrong.
    """
    yield record
    usage = record.get("usage")
    if not isinstance(usage, dict):
        return
    plain = {name: value for name, value in record.items() if name != "service_tier"}
    plain["usage"] = usage = {name: value for name, value in usage.items() if name != "service_tier"}
    yield plain
    if plain.get("object") == "chat.completion":
        yield {**plain, "provider": "x-ai"}
    yield {**plain, "usage": {name: value for name, value in usage.items() if name != "total_tokens"}}
