"""Tell the JSON of a request or response body from a text that happens to be JSON.

Logs hold both as text: a body that was written into a column, and a prompt or an answer that is JSON itself, such as an
extraction. Only what has the marks of a body is taken apart; anything else is a text, and all of it counts.
"""

from __future__ import annotations

_KINDS = {
    *("text", "input_text", "output_text", "summary_text", "refusal", "message", "thinking", "redacted_thinking"),
    *("tool_use", "tool_result", "tool_call", "tool_call_response", "tool-call", "tool-result", "function_call"),
    *("function_call_output", "reasoning", "image", "image_url", "input_image", "document", "input_file", "file"),
}
"""Types of content parts and output items, as the APIs name them."""
_PARTS = {"text", "thought", "thoughtSignature", "functionCall", "functionResponse", "inlineData", "fileData"}
_BLOCKS = {"text", "image", "document", "toolUse", "toolResult", "reasoningContent", "cachePoint"}
"""Keys of parts that have no type: Gemini's and Bedrock's."""
_SETTINGS = {
    *("model", "modelId", "temperature", "max_tokens", "max_completion_tokens", "max_output_tokens", "top_p", "top_k"),
    *("stream", "max_gen_len", "max_tokens_to_sample", "stop_sequences", "stop", "tools", "anthropic_version"),
    *("generationConfig", "textGenerationConfig", "inferenceConfig", "n", "seed", "response_format", "instructions"),
}
"""Keys that requests have beside what is asked, and texts seldom."""
_WRAPPERS = ("output", "response", "body", "result", "data", "payload", "completion")
_ENDS = {"stop_reason", "finish_reason", "finishReason", "completionReason", "stop", "usage", "model"}
"""Keys that answers have beside their text."""


def is_request_body(value: object) -> bool:
    """Whether a value is a list of messages, or a request body of one of the APIs."""
    if isinstance(value, list):
        return _all(value, _is_message)
    if not isinstance(value, dict):
        return False
    if any(_all(value.get(key), _is_message) for key in ("messages", "contents", "input", "chat_history")):
        return True
    asked = any(
        isinstance(value.get(key), str | list) for key in ("prompt", "input", "inputs", "contents", "inputText")
    )
    return asked and bool(_SETTINGS & value.keys())


def is_response_body(value: object) -> bool:
    """Whether a value is a list of messages or content parts, or a response body of one of the APIs."""
    if isinstance(value, list):
        return _all(value, lambda item: _is_message(item) or _is_part(item) or _is_choice(item))
    if not isinstance(value, dict):
        return False
    if _is_message(value) or _is_part(value) or _is_message(value.get("message")):
        return True
    if any(_all(value.get(key), _is_choice) for key in ("choices", "candidates", "generations", "results", "outputs")):
        return True
    if any(_all(value.get(key), _is_part) for key in ("content", "output", "parts", "predictions")):
        return True
    told = any(
        isinstance(value.get(key), str) for key in ("completion", "generation", "outputText", "text", "response")
    )
    if told and _ENDS & value.keys():
        return True
    return any(isinstance(value.get(key), dict) and is_response_body(value[key]) for key in _WRAPPERS)


def _all(value: object, fits: object) -> bool:
    return isinstance(value, list) and bool(value) and callable(fits) and all(fits(item) for item in value)


def _is_message(value: object) -> bool:
    """Whether a value says who speaks, and what."""
    if not isinstance(value, dict):
        return False
    said = ("content", "parts", "tool_calls", "function_call", "refusal", "message")
    return (isinstance(value.get("role"), str) and any(key in value for key in said)) or _is_part(value)


def _is_part(value: object) -> bool:
    """Whether a value is a content part: by its type, or by having no keys but those of a part."""
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    if isinstance(kind, str):
        return kind in _KINDS
    return bool(value) and (value.keys() <= _PARTS or value.keys() <= _BLOCKS)


def _is_choice(value: object) -> bool:
    """Whether a value is one of several answers."""
    if not isinstance(value, dict):
        return False
    inner = value.get("message", value.get("delta", value.get("content")))
    if isinstance(inner, dict):
        return bool({"role", "content", "parts", "tool_calls", "text"} & inner.keys()) or not inner
    return bool(_ENDS & value.keys()) and any(isinstance(value.get(key), str) for key in ("text", "outputText"))
