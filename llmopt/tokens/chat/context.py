"""What a request holds besides its messages, system prompt and tools: counted where it is text, else named.

Much of what a model reads is kept by its provider and only referred to: earlier turns (OpenAI `previous_response_id`
and `conversation`), stored prompts, cached contents (Gemini). DeepSeek drops the `reasoning_content` of earlier turns
("Reasoning model"), others bill it. Rejected tokens of a predicted output are billed as output (OpenAI, "Predicted
outputs"). None of these has a count that a request tells, so each is named.
"""

from __future__ import annotations

from llmopt.tokens.chat.content import count_content
from llmopt.tokens.chat.media import count_pictures
from llmopt.tokens.chat.shapes import JsonObject, are_tokens, is_stored
from llmopt.tokens.chat.tally import Tally

_TURNS = "earlier turns kept by the provider"
_CACHED = "cached content kept by the provider"
_FOUND = "documents that the provider finds"
_TOOLS = "tools of an MCP server"
_REASONING = "reasoning of earlier turns (some providers drop it, others bill it)"
_NAMED = {
    "prediction": "predicted output (its rejected tokens are billed as output)",
    "previous_response_id": _TURNS,
    "cachedContent": _CACHED,
    "cached_content": _CACHED,
    "connectors": _FOUND,
    "data_sources": _FOUND,
    "mcp_servers": _TOOLS,
    "inputImage": "image to embed",
}
"""Key of a request -> what it brings that nothing can count."""
_NAMED_OF_MESSAGES = {
    **dict.fromkeys(("reasoning_content", "reasoning", "reasoning_details", "thinking"), _REASONING),
    "audio": "audio of an earlier answer",
}
"""Key of a message -> the same."""


def count_context(tally: Tally, body: JsonObject) -> None:
    """Add what a request holds besides its messages, system prompt and tools."""
    for key, what in _NAMED.items():
        if body.get(key):
            tally.missing(what)
    if is_stored(body):
        tally.missing("stored prompt")
    # Rows of logs have such keys of their own beside `messages`.
    if not body.get("messages") and (body.get("conversation") or body.get("conversation_id")):
        tally.missing(_TURNS)
    tools = body.get("tools")
    if isinstance(tools, list) and any(isinstance(tool, dict) and tool.get("type") == "mcp" for tool in tools):
        tally.missing(_TOOLS)
    _guessed(tally, body.get("suffix"))
    tally.data(body.get("documents") or None)
    context = body.get("context")
    if are_tokens(context):
        tally.tokens(len(context))
        tally.guess()
    count_pictures(tally, body.get("images"))


def count_instance_context(tally: Tally, instance: JsonObject) -> None:
    """Add what an instance of Vertex AI holds besides its messages or prompt."""
    for key in ("context", "title"):
        _guessed(tally, instance.get(key))
    tally.data(instance.get("examples") or None)
    for key in ("image", "video"):
        if isinstance(instance.get(key), dict):
            count_content(tally, {key: instance[key]})


def count_message_context(tally: Tally, message: JsonObject) -> None:
    """Add what a message holds besides its content and calls."""
    for key, what in _NAMED_OF_MESSAGES.items():
        if message.get(key):
            tally.missing(what)
    _guessed(tally, message.get("tool_plan"))
    tally.data(message.get("tool_results") or None)
    count_pictures(tally, message.get("images"))


def _guessed(tally: Tally, text: object) -> None:
    """Add a text that is written out in a way that is not published."""
    if isinstance(text, str) and text:
        tally.text(text)
        tally.guess()
