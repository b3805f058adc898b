"""Counts the tokens of a whole chat request: messages, system prompt, tools and images, not only its text.

Takes the requests of OpenAI, Anthropic, Gemini, Vertex AI, Bedrock, Cohere and others (`shapes.py`) as decoded JSON.
A count is exact only where the format is published and the tokenizer exact: texts, names and images of OpenAI's chat
models. Tools, other formats and whatever has been found out by measuring make the whole an estimate.
Sources: `llmopt/tokens/chat/frames.py`, `tools.py`, `images.py` and `context.py`, each for its figures.
"""

from __future__ import annotations

from llmopt.tokens.chat.content import count_content
from llmopt.tokens.chat.context import count_context, count_instance_context
from llmopt.tokens.chat.frames import Frame, frame_of
from llmopt.tokens.chat.responses import count_response
from llmopt.tokens.chat.shapes import CONFIGS, JsonObject, asked, is_request, model_named, several, unwrapped
from llmopt.tokens.chat.tally import ChatCount, Span, Tally
from llmopt.tokens.chat.tools import count_tools
from llmopt.tokens.chat.turns import count_asked, count_list
from llmopt.tokens.families import Maker
from llmopt.tokens.tokenizer import Tokenizer

__all__ = ["ChatCount", "count_request", "count_response", "is_request", "model_named", "several"]

_SYSTEM = ("system", "instructions", "systemInstruction", "system_instruction", "preamble")
_PARTS = ("messages", "contents", "input", "prompt", *_SYSTEM, "tools", "functions")
"""Keys of a request; a body without any of them is counted as text."""
_SCHEMAS = ("responseSchema", "response_schema", "responseJsonSchema", "response_json_schema")
_LIFTED = (
    *("systemInstruction", "system_instruction", "tools", "toolConfig", "tool_config", "cachedContent"),
    *("cached_content", "mediaResolution", "media_resolution", *_SCHEMAS),
)
"""Keys that Google's SDK has in `config`, and its API at the top of a request or in `generationConfig`."""
_BARE = ("prompt", "inputs", "inputText", "texts", "content", "instances")
"""Keys of texts that are sent as they are."""
_SCHEMA = (0.5, 1.5)
"""A schema for the answer is written out like the parameters of a tool: 50 to 150 % of its compact JSON."""


def count_request(body: object, tokenizer: Tokenizer, maker: Maker, model: str = "") -> ChatCount:
    """Count the input tokens of a request.

    Args:
        body: decoded JSON: a text, a list of messages, or a request body, alone or within a wrapper such as the
            `body` of a batch file. The requests of a batch add up. Any other value is counted as text.
        tokenizer: counts the texts.
        maker: whose format applies.
        model: whose figures apply; the one that the body names if empty.
    """
    tally = Tally(tokenizer, maker, model or model_named(body))
    frame = frame_of(maker, tally.model)
    for request in several(body) or [body]:
        _request(tally, frame, unwrapped(request))
    return tally.result()


def _request(tally: Tally, frame: Frame, body: object) -> None:
    if isinstance(body, str):
        tally.text(body)
    elif isinstance(body, list):
        count_list(tally, frame, body)
    elif isinstance(body, dict):
        _body(tally, frame, body)
    elif body is not None:
        tally.data(body)


def _body(tally: Tally, frame: Frame, body: JsonObject) -> None:
    """Add a request body."""
    body = _with_config(body)
    level = body.get("mediaResolution", body.get("media_resolution"))
    tally.resolution = level if isinstance(level, str) else ""
    keys = asked(body, tally.maker)
    for key in _SYSTEM:
        _system(tally, frame, body.get(key), framed=bool(keys) and keys[0] not in _BARE)
    if keys and keys[0] == "instances":
        _instances(tally, frame, body["instances"])
    elif keys:
        count_asked(tally, frame, body, keys[0])
    elif body and not any(key in body for key in _PARTS):
        tally.data(body)
        return
    for key in keys[1:]:
        tally.missing(f"{key} (beside {keys[0]})")
    _tools(tally, body)
    _format(tally, body)
    count_context(tally, body)


def _with_config(body: JsonObject) -> JsonObject:
    """Return a body with what its settings hold of the request itself at its top, where that has none."""
    lifted: JsonObject = {}
    for name in CONFIGS:
        config = body.get(name)
        if isinstance(config, dict):
            lifted |= {key: config[key] for key in _LIFTED if config.get(key) is not None and body.get(key) is None}
    return {**body, **lifted} if lifted else body


def _tools(tally: Tally, body: JsonObject) -> None:
    for key in ("tools", "functions"):
        count_tools(tally, body.get(key), body.get("tool_choice"))
    config = body.get("toolConfig")
    if isinstance(config, dict):
        count_tools(tally, config.get("tools"), config.get("toolChoice"))


def _system(tally: Tally, frame: Frame, system: object, *, framed: bool) -> None:
    """Add a system prompt that is no message of its own."""
    if not system:
        return
    if isinstance(system, dict) and "parts" in system:
        system = system["parts"]
    count_content(tally, system)
    if framed and tally.maker == "anthropic":
        tally.estimate(frame.system)
    elif framed:
        tally.estimate(Span(frame.message.tokens + 1, 0, frame.message.high + frame.system.high + 2))


def _instances(tally: Tally, frame: Frame, instances: object) -> None:
    """Add the instances of Vertex AI: requests, or texts for models that embed."""
    for instance in instances if isinstance(instances, list) else [instances]:
        if not isinstance(instance, dict):
            count_content(tally, instance)
            continue
        texts = [instance[key] for key in ("content", "text") if isinstance(instance.get(key), str)]
        rest = {key: value for key, value in instance.items() if key not in ("instances", "content", "text")}
        known = any(key in rest for key in (*_PARTS, "inputs"))
        for text in texts:
            tally.text(text)
        if known or not (texts or "image" in rest or "video" in rest):
            _body(tally, frame, rest)
        count_instance_context(tally, rest)


def _format(tally: Tally, body: JsonObject) -> None:
    """Add the schema that an answer must follow."""
    held = [body.get("text"), body.get("output_config")]
    candidates = (
        *(body.get(key) for key in ("response_format", "output_format", *_SCHEMAS)),
        *(holder.get("format") for holder in held if isinstance(holder, dict)),
    )
    for value in candidates:
        schema = value.get("json_schema", value) if isinstance(value, dict) else None
        if isinstance(schema, dict) and len(schema) > 1:
            tally.schema(schema, *_SCHEMA)
