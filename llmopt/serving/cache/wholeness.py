"""Whether an answer is whole, from what it says of itself.

Sources: API references of OpenAI (chat completions and completions `choices[].finish_reason`, responses `status` and
`incomplete_details`), Anthropic (`stop_reason`), Google (`candidates[].finishReason`, `promptFeedback.blockReason`),
Cohere (`finish_reason`, `generations`), Bedrock (`stopReason`, `outputs`, `results`), vLLM (`abort`), TGI (`eos_token`,
`stop_sequence`, `details`), llama.cpp (`stop_type`), Ollama (`done`, `done_reason`), DeepSeek
(`insufficient_system_resource`), OpenRouter (errors within a choice). A reason that nobody knows is taken for none: the
answer is asked for again, which costs a call and nothing else. A server that gives no reason at all (the field is
absent) has sent a whole JSON text, and that counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmopt.serving.cache.forms.jsontext import loads_object
from llmopt.serving.cache.refused import Refused

_FINISHED = (
    *("stop", "tool_calls", "tool_call", "function_call", "end_turn", "stop_sequence", "tool_use", "eos", "eos_token"),
    *("complete", "completed", "finish", "finished", "stop_criteria_met", "word"),
)
_CUT = ("length", "limit", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded")
_FILTERED = (
    "content_filter",
    "content_filtered",
    "guardrail_intervened",
    "refusal",
    "safety",
    "recitation",
    "blocklist",
    "prohibited_content",
    "spii",
)
_REASONS: dict[str, Refused | None] = {
    **dict.fromkeys(_FINISHED, None),
    **dict.fromkeys(_CUT, Refused.CUT),
    **dict.fromkeys(_FILTERED, Refused.FILTERED),
    **dict.fromkeys(("error", "failed"), Refused.ERROR),
}
_LISTS = (("choices", "finish_reason"), ("candidates", "finishReason"))
_OTHER_LISTS = ("generations", "outputs", "results")
"""Lists (Cohere, Bedrock, watsonx) that are something else in other answers: only what is in them counts."""
_OTHER_REASONS = ("finish_reason", "stop_reason", "completionReason")
_TOP = ("stop_reason", "stopReason", "finish_reason", "done_reason", "stop_type")


def why_not_whole(body: bytes) -> Refused | None:
    """Return why a response is not whole; None: it is.

    Args:
        body: JSON in UTF-8.
    """
    found = loads_object(body)
    if found is None:
        return Refused.NOT_JSON
    return next((reason for reason in _reasons(found) if reason is not None), None)


def _reasons(body: dict[str, Any]) -> Iterator[Refused | None]:
    if _holds_error(body):
        yield Refused.ERROR
    if body.get("object") == "response":
        yield from _of_response(body)
    for name, field in _LISTS:
        if name in body:
            yield from _of_list(body[name], field)
    if "choices" not in body:
        yield from (_reason(body[name]) for name in _TOP if name in body)
    yield from _of_others(body)


def _holds_error(body: dict[str, Any]) -> bool:
    kinds = (body.get("type"), body.get("object"))
    return body.get("error") not in (None, False, "") or bool(body.get("errors")) or "error" in kinds


def _of_list(choices: Any, field: str) -> Iterator[Refused | None]:
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices or [None]):
        yield Refused.UNFINISHED
        return
    for choice in choices:
        if _holds_error(choice):
            yield Refused.ERROR
        if field in choice:
            yield _reason(choice[field])
        message = choice.get("message")
        if isinstance(message, dict) and message.get("refusal"):
            yield Refused.FILTERED


def _of_others(body: dict[str, Any]) -> Iterator[Refused | None]:
    """Look at what only some APIs have: Ollama, Gemini, TGI, Cohere, Bedrock."""
    if body.get("done") is False:
        yield Refused.UNFINISHED
    feedback, details = body.get("promptFeedback"), body.get("details")
    if isinstance(feedback, dict) and feedback.get("blockReason"):
        yield Refused.FILTERED
    if isinstance(details, dict) and "finish_reason" in details:
        yield _reason(details["finish_reason"])
    found = [body[name] for name in _OTHER_LISTS if isinstance(body.get(name), list)]
    for each in (each for some in found for each in some if isinstance(each, dict)):
        yield from (_reason(each[field]) for field in _OTHER_REASONS if field in each)


def _of_response(body: dict[str, Any]) -> Iterator[Refused | None]:
    """Look at an answer of the OpenAI responses API."""
    details = body.get("incomplete_details")
    if isinstance(details, dict):
        yield _reason(details.get("reason"))
    yield _status(body)
    output = body.get("output")
    for item in output if isinstance(output, list) else ():
        if isinstance(item, dict):
            yield _status(item)
            yield from _parts(item.get("content"))


def _parts(content: Any) -> Iterator[Refused | None]:
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and part.get("type") == "refusal":
            yield Refused.FILTERED


def _status(value: dict[str, Any]) -> Refused | None:
    return _reason(value["status"]) if value.get("status") is not None else None


def _reason(reason: Any) -> Refused | None:
    return _REASONS.get(reason.lower(), Refused.UNFINISHED) if isinstance(reason, str) else Refused.UNFINISHED
