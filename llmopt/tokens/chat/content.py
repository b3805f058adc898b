"""Counts the content of messages: texts, images, calls of tools and their results, in the shapes of all makers.

A part says what it is by its `type` (OpenAI, Anthropic) or by its only key (Gemini, Bedrock). Parts of unknown kinds
that hold text are counted as text. What has no published rule is named in the result instead of counted.
"""

from __future__ import annotations

from collections.abc import Callable

from llmopt.tokens.chat.frames import claude_version
from llmopt.tokens.chat.media import (
    AUDIO,
    DOCUMENT,
    GEMINI_DATA,
    VIDEO,
    count_gemini_data,
    count_image,
    count_otel_data,
)
from llmopt.tokens.chat.tally import MAX_DEPTH, Span, Tally, strings
from llmopt.tokens.chat.tools import count_call, count_result

Part = dict[str, object]
_HIDDEN = "hidden reasoning"
_SUMMARIES = (4, 0)
"""Claude's first version whose responses show a summary of the thinking that is billed."""
_JOIN = Span(0, 0, 1)
"""Between texts of one message, which some servers join with a line break."""
_TEXT_KEYS = ("text", "output_text", "summary_text", "refusal", "transcript")
_NESTED_KEYS = ("content", "parts", "summary", "output")

_WEIGHTLESS = ("type", "role", "id", "cachePoint", "cache_control", "thoughtSignature", "thought", "name", "index")
"""Keys of parts that bring no text of their own."""
_WRAPPING = ("guardContent", "citationsContent")


def count_content(tally: Tally, content: object) -> None:
    """Add the content of a message: a string, a part, or a list of them; too deep within, as plain strings."""
    if content is None or isinstance(content, bool):
        return
    if isinstance(content, str):
        tally.text(content)
    elif not isinstance(content, list | dict):
        tally.data(content)
    elif tally.depth >= MAX_DEPTH:
        for text in strings(content):
            tally.text(text)
        tally.guess()
    else:
        tally.depth += 1
        if isinstance(content, list):
            _parts(tally, content)
        else:
            _part(tally, content)
        tally.depth -= 1


def _parts(tally: Tally, parts: list[object]) -> None:
    texts = 0
    for part in parts:
        is_text = isinstance(part, str) or (isinstance(part, dict) and _is_text(part))
        texts += is_text
        if is_text and texts > 1:
            tally.estimate(_JOIN)
        count_content(tally, part)


def _part(tally: Tally, part: Part) -> None:
    kind = part.get("type")
    handler = _BY_TYPE.get(kind) if isinstance(kind, str) else None
    if handler is None:
        handler = next((by_key for key, by_key in _BY_KEY if isinstance(part.get(key), dict | str)), _unknown)
    handler(tally, part)


def _is_text(part: Part) -> bool:
    return isinstance(part.get("text"), str) or (part.get("type") == "text" and isinstance(part.get("content"), str))


def _texts(tally: Tally, part: Part) -> None:
    """Add a text: OpenTelemetry has it under `content`, OpenAI's threads under the `value` of `text`."""
    keys = [key for key in _TEXT_KEYS if isinstance(part.get(key), str)]
    for key in keys or ("content",):
        count_content(tally, part.get(key))
    text = part.get("text")
    if isinstance(text, dict):
        count_content(tally, text.get("value"))


def _unknown(tally: Tally, part: Part) -> None:
    """Add the text of a part of an unknown kind; name the part if there is none."""
    found = [part[key] for key in _TEXT_KEYS if isinstance(part.get(key), str)]
    nested = [part[key] for key in _NESTED_KEYS if isinstance(part.get(key), str | list | dict)]
    if not found and not nested:
        _name(tally, part)
        return
    if part.get("type") is not None:
        tally.guess()
    for value in (*found, *nested):
        count_content(tally, value)


def _name(tally: Tally, part: Part) -> None:
    """Name a part that nothing is known of, by its type or else its first key."""
    kind = part.get("type")
    key = next((key for key in part if key not in _WEIGHTLESS), "")
    if isinstance(kind, str) and kind:
        tally.missing(f"part of type {kind[:40]}")
    elif key:
        tally.missing(f"part with {key[:40]}")


def _nested(tally: Tally, part: Part) -> None:
    """Add the content of a part that wraps it, as Bedrock's do."""
    tally.guess()
    for key in _WRAPPING:
        holder = part.get(key)
        count_content(tally, holder.get("text", holder.get("content")) if isinstance(holder, dict) else holder)


def _missing(what: str) -> Callable[[Tally, Part], None]:
    def name_it(tally: Tally, _: Part) -> None:
        tally.missing(what)

    return name_it


def _document(tally: Tally, part: Part) -> None:
    """Add a document's text, where it is text."""
    holder = part.get("document") if isinstance(part.get("document"), dict) else part
    part = holder if isinstance(holder, dict) else part
    for key in ("title", "context", "name"):
        value = part.get(key)
        if isinstance(value, str):
            tally.text(value)
    source = part.get("source")
    source = source if isinstance(source, dict) else {}
    if source.get("type") == "text" and isinstance(source.get("data"), str):
        tally.guess()
        tally.text(str(source["data"]))
    elif source.get("content") is not None:
        tally.guess()
        count_content(tally, source["content"])
    else:
        tally.missing(DOCUMENT)


def _search_result(tally: Tally, part: Part) -> None:
    tally.guess()
    for key in ("title", "source", "url"):
        value = part.get(key)
        if isinstance(value, str):
            tally.text(value)
    count_content(tally, part.get("content"))


def _call(tally: Tally, part: Part) -> None:
    holder = next((part[key] for key in _CALL_KEYS if isinstance(part.get(key), dict)), part)
    holder = holder if isinstance(holder, dict) else part
    arguments = next((holder[key] for key in ("arguments", "input", "args") if holder.get(key) is not None), None)
    count_call(tally, holder.get("name", holder.get("toolName")), arguments, framed=not tally.output)


def _result(tally: Tally, part: Part) -> None:
    holder = next((part[key] for key in _RESULT_KEYS if isinstance(part.get(key), dict)), part)
    holder = holder if isinstance(holder, dict) else part
    name = holder.get("name", holder.get("toolName"))
    if isinstance(name, str):
        tally.text(name)
    count_result(tally)
    value = next((holder[key] for key in ("content", "output") if holder.get(key) is not None), None)
    count_content(tally, value)
    for key in ("response", "result"):
        tally.data(holder.get(key))


def _code(tally: Tally, part: Part) -> None:
    holder = next((part[key] for key in _CODE_KEYS if isinstance(part.get(key), dict)), part)
    tally.guess()
    for key in ("code", "output"):
        value = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(value, str):
            tally.text(value)


def _thinking(tally: Tally, part: Part) -> None:
    """Add thinking: a summary of what is billed in a response, dropped from some requests."""
    version = claude_version(tally.model)
    if tally.output and tally.maker == "anthropic" and (version is None or version >= _SUMMARIES):
        tally.missing(_HIDDEN)
    tally.guess()
    holder = part.get("reasoningContent")
    holder = holder if isinstance(holder, dict) else part
    text = holder.get("thinking", holder.get("reasoningText", holder.get("text")))
    count_content(tally, text)


def _reasoning(tally: Tally, part: Part) -> None:
    tally.guess()
    for key in ("summary", "content"):
        count_content(tally, part.get(key))
    if part.get("encrypted_content") is not None or not part.get("content"):
        tally.missing(_HIDDEN)


_CALL_KEYS = ("functionCall", "function_call", "toolUse", "function", "custom")
_RESULT_KEYS = ("functionResponse", "function_response", "toolResult")
_CODE_KEYS = ("executableCode", "executable_code", "codeExecutionResult", "code_execution_result")
_BY_TYPE: dict[str, Callable[[Tally, Part], None]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text", "reasoning_text", "refusal"), _texts),
    **dict.fromkeys(("image_url", "input_image", "image"), count_image),
    **dict.fromkeys(("input_audio", "audio", "audio_url", "output_audio"), _missing(AUDIO)),
    **dict.fromkeys(("video", "video_url", "input_video"), _missing(VIDEO)),
    **dict.fromkeys(("document", "file", "input_file", "container_upload"), _document),
    **dict.fromkeys(("tool_use", "server_tool_use", "mcp_tool_use", "function", "custom"), _call),
    **dict.fromkeys(("function_call", "custom_tool_call", "mcp_call", "tool_call", "tool-call"), _call),
    **dict.fromkeys(("tool_result", "mcp_tool_result", "web_search_tool_result", "web_fetch_tool_result"), _result),
    **dict.fromkeys(("function_call_output", "custom_tool_call_output", "code_execution_tool_result"), _result),
    **dict.fromkeys(("tool_call_response", "tool-result"), _result),
    **dict.fromkeys(("blob", "uri"), count_otel_data),
    **dict.fromkeys(("thinking",), _thinking),
    **dict.fromkeys(("redacted_thinking", "compaction"), _missing(_HIDDEN)),
    "reasoning": _reasoning,
    "item_reference": _missing("referenced item"),
    **dict.fromkeys(("search_result", "web_search_result", "web_fetch_result"), _search_result),
}
_BY_KEY: tuple[tuple[str, Callable[[Tally, Part], None]], ...] = (
    *((key, count_gemini_data) for key in GEMINI_DATA),
    *((key, _call) for key in ("functionCall", "function_call", "toolUse")),
    *((key, _result) for key in _RESULT_KEYS),
    *((key, _code) for key in _CODE_KEYS),
    ("image", count_image),
    ("image_url", count_image),
    ("document", _document),
    ("video", _missing(VIDEO)),
    ("audio", _missing(AUDIO)),
    ("reasoningContent", _thinking),
    ("fileUri", _missing(DOCUMENT)),
    *((key, _nested) for key in _WRAPPING),
)
