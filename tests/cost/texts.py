"""Records without usage in every format that logs what was said, and a stand-in for the tokenizers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmopt.tokens.chat.tally import ChatCount
from llmopt.tokens.result import TokenCount

Json = Any
ASKED, ANSWERED = "one two three four", "five six"
ASK: Json = [{"role": "user", "content": ASKED}]


def words(text: str, model: str | None) -> TokenCount:
    """Count 10 tokens for each word of the test's texts that is in `text`; an estimate for Claude, 8 to 13 a word."""
    count = sum(word in text for word in ("one", "two", "three", "four", "five", "six"))
    if "claude" in (model or ""):
        return TokenCount(10 * count, 8 * count, 13 * count, "estimated", "words")
    return TokenCount.exact(10 * count, "words")


def asked_words(text: str, model: str | None) -> ChatCount:
    """Count the words of the prompt, wherever they stand."""
    return ChatCount(words(text.replace("five", "").replace("six", ""), model), 0, 0, ())


def answered_words(text: str, model: str | None) -> ChatCount:
    """Count the words of the answer, wherever they stand; `o3` hides its reasoning."""
    text = text.replace("one", "").replace("two", "").replace("three", "").replace("four", "")
    return ChatCount(words(text, model), 0, 0, ("hidden reasoning",) if model == "o3" else ())


def by_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count 40 tokens for `ASKED` and 20 for `ANSWERED`, whatever stands around them."""
    monkeypatch.setattr("llmopt.tokens.logged.count_logged_request", asked_words)
    monkeypatch.setattr("llmopt.tokens.logged.count_logged_response", answered_words)


def chat(**more: Json) -> Json:
    """An answer of OpenAI's without usage."""
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWERED}, "finish_reason": "stop"}
    body = {"id": "c1", "object": "chat.completion", "created": 1_774_252_800, "model": "gpt-4o", "choices": [choice]}
    return body | more


def message(**more: Json) -> Json:
    """An answer of Anthropic's without usage."""
    body = {"id": "m1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "stop_reason": "end_turn"}
    return body | {"content": [{"type": "text", "text": ANSWERED}]} | more


def gemini(**more: Json) -> Json:
    """An answer of Gemini's without usage."""
    candidate = {"content": {"role": "model", "parts": [{"text": ANSWERED}]}, "finishReason": "STOP"}
    return {"candidates": [candidate], "modelVersion": "gemini-2.5-pro", "responseId": "g1"} | more


def response(**more: Json) -> Json:
    """A response of the Responses API without usage."""
    output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": ANSWERED}]}]
    body = {"id": "r1", "object": "response", "created_at": 1_774_252_800, "status": "completed", "model": "gpt-5"}
    return body | {"output": output} | more


def langfuse(**more: Json) -> Json:
    """An observation of Langfuse without usage."""
    stamps = {"startTime": "2026-03-11T09:00:00.000Z", "endTime": "2026-03-11T09:00:02.000Z"}
    told = {"input": {"messages": ASK}, "output": {"role": "assistant", "content": ANSWERED}, "usageDetails": {}}
    body = {"id": "o1", "traceId": "t1", "type": "GENERATION", "level": "DEFAULT", "model": "gpt-4o"}
    return body | stamps | told | more


def helicone(**more: Json) -> Json:
    """A request of Helicone's export without counts."""
    body = {
        "request_id": "h1",
        "request_created_at": "2026-03-12T11:00:00.000Z",
        "provider": "OPENAI",
        "model": "gpt-4o",
    }
    told = {"response_status": 200, "request_body": {"messages": ASK}, "response_body": chat()}
    return body | told | {"prompt_tokens": 0, "completion_tokens": 0} | more


def payload(**more: Json) -> Json:
    """A call of LiteLLM's standard logging payload that has no counts."""
    body = {
        "id": "p1",
        "call_type": "acompletion",
        "trace_id": "t",
        "response_cost": 0,
        "model": "gpt-4o",
        "status": "success",
    }
    told = {"startTime": 1_773_129_600.25, "endTime": 1_773_129_601.5, "messages": ASK, "response": chat()}
    return body | told | {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0} | more


def spend(**more: Json) -> Json:
    """A row of LiteLLM's SpendLogs without counts."""
    body = {
        "request_id": "s1",
        "call_type": "acompletion",
        "spend": 0,
        "model": "gpt-4o",
        "startTime": "2026-03-09T10:00:00Z",
    }
    told = {"messages": "{}", "proxy_server_request": json.dumps({"messages": ASK}), "response": json.dumps(chat())}
    return body | told | {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0} | more


def bedrock(**more: Json) -> Json:
    """An invocation in Bedrock's log without counts."""
    said = {"role": "assistant", "content": [{"text": ANSWERED}]}
    told = {
        "input": {"inputBodyJson": {"messages": [{"role": "user", "content": [{"text": ASKED}]}]}},
        "output": {"outputBodyJson": {"output": {"message": said}, "stopReason": "end_turn"}},
    }
    head = {"schemaType": "ModelInvocationLog", "requestId": "b1", "timestamp": "2026-03-08T10:00:00Z"}
    return head | {"modelId": "amazon.nova-pro-v1:0"} | told | more


def vercel(**more: Json) -> Json:
    """A result of the Vercel AI SDK without counts."""
    body = {"text": ANSWERED, "finishReason": "stop", "usage": {}, "request": {"body": json.dumps({"messages": ASK})}}
    return body | {"response": {"id": "v1", "timestamp": "2026-03-17T10:07:00Z", "modelId": "gpt-4o"}} | more


def span(own: str = "s1", parent: str | None = None, more: Json = None) -> Json:
    """A span of OpenTelemetry without counts, unless `more` has attributes with them."""
    attributes: Json = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    attributes |= {
        "gen_ai.input.messages": json.dumps(ASK),
        "gen_ai.output.messages": json.dumps([{"parts": ANSWERED}]),
    }
    attributes |= more or {}
    listed = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items() if value is not None]
    return {"traceId": "t1", "spanId": own, "parentSpanId": parent, "startTimeUnixNano": "1773000000000000000"} | {
        "name": "chat",
        "attributes": listed,
    }


def traced(*spans: Json) -> Json:
    """A line of a collector's file exporter."""
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]}


BOTH: dict[str, Json] = {
    "openai-chat": {"request": {"model": "gpt-4o", "messages": ASK}, "response": chat()},
    "openai-chat beside": {"messages": ASK, "response": chat()},
    "openai-responses": {"request": {"model": "gpt-5", "input": ASKED}, "response": response()},
    "anthropic-messages": {"request": {"messages": ASK}, "response": message()},
    "gemini": {"request": {"contents": [{"parts": [{"text": ASKED}]}]}, "response": gemini()},
    "vllm": {"request": {"messages": ASK}, "response": chat(model="llama-3.3-70b-versatile")},
    "xai": {"request": {"messages": ASK}, "response": chat(model="grok-4-0709")},
    "langfuse": langfuse(),
    "helicone": helicone(),
    "litellm-payload": payload(),
    "litellm-spend": spend(),
    "bedrock": bedrock(),
    "vercel-ai": vercel(),
    "otel-genai": traced(span()),
    "response-only": {"model": "gpt-4o", "prompt": ASKED, "response": ANSWERED},
    "response-only completion": {
        "ts": "2026-03-01T00:00:00Z",
        "model": "gpt-4o",
        "messages": ASK,
        "completion": ANSWERED,
    },
    "response-only texts": {"model": "gpt-4o", "input": ASKED, "output": ANSWERED},
    "response-only pair": {"request": {"model": "gpt-4o", "messages": ASK}, "response": ANSWERED},
}
"""Format -> a record with a prompt and an answer."""
ANSWERS: dict[str, Json] = {
    "openai-chat": chat(),
    "openai-batch": {"custom_id": "1", "response": {"status_code": 200, "body": chat()}},
    "openai-responses": response(),
    "anthropic-messages": message(),
    "anthropic-batch": {"custom_id": "1", "result": {"type": "succeeded", "message": message()}},
    "gemini": gemini(),
    "vllm": chat(model="llama-3.3-70b-versatile"),
    "xai": chat(model="grok-4-0709"),
    "langfuse": langfuse(input=None),
    "otel-genai": traced(span(more={"gen_ai.input.messages": None})),
    "response-only": {"model": "gpt-4o", "response": ANSWERED},
    "response-only completion": {"model": "gpt-4o", "completion": ANSWERED},
    "response-only choices": {key: value for key, value in chat().items() if key != "object"},
}
"""Format -> a record with an answer alone."""
ASKS: dict[str, Json] = {
    "langfuse": langfuse(output=None),
    "helicone": helicone(response_body=None),
    "otel-genai": traced(span(more={"gen_ai.output.messages": None})),
    "request-only": {"model": "gpt-4o", "messages": ASK},
    "request-only prompt": {"model": "gpt-4o", "prompt": ASKED},
}
"""Format -> a record with a prompt alone."""
NEITHER: dict[str, Json] = {
    "openai-chat cut off": chat(choices=[{"index": 0, "message": {"content": ANSWERED}, "finish_reason": None}]),
    "openai-chat without text": chat(choices=None),
    "openai-responses cancelled": response(status="cancelled"),
    "anthropic-messages cut off": {"request": {"messages": ASK}, "response": message(stop_reason=None)},
    "gemini cut off": gemini(candidates=[{"content": {"parts": [{"text": ANSWERED}]}}]),
    "langfuse not ended": langfuse(endTime=None),
    "langfuse counted elsewhere": langfuse(usage={"input": 5, "output": 7, "total": 12}),
    "helicone cancelled": helicone(response_status=-3),
    "litellm-payload redacted": payload(messages=[{"role": "user", "content": "redacted-by-litellm"}]),
    "litellm-payload picture": payload(call_type="aimage_generation"),
    "litellm-spend cut short": spend(response="five (litellm_truncated 9 chars) six"),
    "bedrock stream": bedrock(input={}, output={"outputBodyJson": [{"type": "message_start"}]}),
    "vercel-ai unknown": vercel(finishReason="unknown"),
    "otel-genai without text": traced(span(more={"gen_ai.input.messages": None, "gen_ai.output.messages": None})),
    "response-only cut off": {"model": "gpt-4o", "choices": [{"message": {"content": ANSWERED}}]},
    "response-only empty": {"model": "gpt-4o", "response": ""},
}
"""Format and what is wrong -> a record of which nothing can be counted; it may have been billed."""
FAILED: dict[str, Json] = {
    "openai-chat": {"request": {"messages": ASK}, "response": chat(error={"message": "overloaded"})},
    "helicone": helicone(response_status=500),
    "litellm-payload": payload(status="failure"),
    "litellm-spend": spend(status="failure"),
    "langfuse": langfuse(level="ERROR"),
    "bedrock": bedrock(errorCode="ThrottlingException"),
    "vercel-ai": vercel(finishReason="error"),
    "request-only": {"model": "gpt-4o", "messages": ASK, "error": "timeout"},
    "request-only status": {"model": "gpt-4o", "prompt": ASKED, "status_code": 503},
    "response-only": {"model": "gpt-4o", "response": "", "error": "timeout"},
}
"""Format -> a request that failed, which costs nothing."""
