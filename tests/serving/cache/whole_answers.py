"""Whole answers in the shapes of real servers, whose stream form is made and put together again."""

from __future__ import annotations

from typing import Any

USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
LOGPROB = {"token": "Hi", "logprob": -0.25, "bytes": [72, 105], "top_logprobs": []}


def chat(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini",
        "system_fingerprint": "fp_1",
        "choices": [{"index": index, **choice} for index, choice in enumerate(choices)],
        "usage": USAGE,
        **more,
    }


def said(text: str | None, reason: str = "stop", **more: Any) -> dict[str, Any]:
    """Return a choice."""
    message = {"role": "assistant", "content": text, **more}
    return {"message": message, "finish_reason": reason}


def call(number: int, arguments: str = '{"city":"Ulm"}') -> dict[str, Any]:
    """Return a tool call."""
    return {"id": f"call_{number}", "type": "function", "function": {"name": f"tool_{number}", "arguments": arguments}}


CHATS: dict[str, dict[str, Any]] = {
    "text": chat(said("Hello, \U0001f600 world\n\"'\\")),
    "empty": chat(said("")),
    "null": chat(said(None)),
    "several choices": chat(said("a"), said("b"), said("", "content_filter")),
    "cut": chat(said("a", "length")),
    "tool calls": chat(said(None, "tool_calls", tool_calls=[call(1), call(2, "")])),
    "text and a tool call": chat(said("Let me look.", "tool_calls", tool_calls=[call(1)])),
    "function call": chat(said(None, "function_call", function_call={"name": "f", "arguments": "{}"})),
    "refusal": chat(said(None, refusal="I cannot.")),
    "reasoning": chat(said("4", reasoning_content="2 and 2 is ...")),
    "reasoning of others": chat(said("4", reasoning="2 + 2", refusal=None, annotations=[])),
    "logprobs": chat({**said("Hi"), "logprobs": {"content": [LOGPROB, LOGPROB], "refusal": None}}),
    "logprobs of a refusal": chat({**said(None, refusal="No"), "logprobs": {"content": None, "refusal": [LOGPROB]}}),
    "logprobs without a text": chat(
        said("a"), {**said(None), "logprobs": {"content": [LOGPROB], "refusal": None}}
    ),
    "vLLM": chat({**said("a", refusal=None), "stop_reason": 7, "token_ids": [1, 2]}, prompt_logprobs=None),
    "Azure": chat({**said("a"), "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}),
    "OpenRouter": chat(
        {**said("a", reasoning_details=[{"index": 0, "type": "t", "text": "b"}]), "native_finish_reason": "x"},
        provider="somebody",
        service_tier="default",
    ),
    "Perplexity": chat(said("a [1]"), citations=["https://example.com"]),
    "no usage": {name: value for name, value in chat(said("a")).items() if name != "usage"},
}  # fmt: skip
COMPLETIONS: dict[str, dict[str, Any]] = {
    name: {**chat(), "object": "text_completion", "choices": choices}
    for name, choices in {
        "completion": [{"index": 0, "text": "a b", "logprobs": None, "finish_reason": "stop"}],
        "empty completion": [{"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}],
        "completions": [
            {"index": index, "text": "ab", "finish_reason": "length", "logprobs": {
                "tokens": ["a", "b"], "token_logprobs": [-1.5, None], "text_offset": [0, 1],
                "top_logprobs": [{"a": -1.5, "index": 0}, {"b": -2, "index": 0}],
            }}
            for index in range(2)
        ],
    }.items()
}  # fmt: skip


def response(*output: dict[str, Any], status: str = "completed", **more: Any) -> dict[str, Any]:
    """Return an answer of the responses API."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_700_000_000.5,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "gpt-4o-mini",
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 9,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 3,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 12,
        },
        **more,
    }


def message(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return an output item of text."""
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": list(parts)}


TEXT = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
CITED = {
    **TEXT,
    "annotations": [{"type": "url_citation", "url": "https://a", "title": "a", "start_index": 0, "end_index": 1}],
}
FUNCTION = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "c",
    "name": "f",
    "arguments": "{}",
    "status": "completed",
}
REASONING = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "I thought."}, {"type": "summary_text", "text": ""}],
    "content": [{"type": "reasoning_text", "text": "Hm."}],
    "encrypted_content": None,
}
RESPONSES: dict[str, dict[str, Any]] = {
    "response": response(message(TEXT)),
    "empty response": response(message({**TEXT, "text": ""})),
    "response without output": response(),
    "response of all sorts": response(
        REASONING,
        message(TEXT, CITED),
        FUNCTION,
        {"id": "ct_1", "type": "custom_tool_call", "call_id": "d", "name": "g", "input": "x"},
        {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "a"}},
    ),
    "response that refuses": response(message({"type": "refusal", "refusal": "No."})),
    "response that was cut": response(
        message(TEXT), status="incomplete", incomplete_details={"reason": "max_output_tokens"}
    ),
}


def anthropic(*content: dict[str, Any], reason: str = "end_turn", **more: Any) -> dict[str, Any]:
    """Return a message of Anthropic."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": list(content),
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 3, "cache_read_input_tokens": 0},
        **more,
    }


ANTHROPIC: dict[str, dict[str, Any]] = {
    "message": anthropic({"type": "text", "text": "Hello \U0001f600"}),
    "empty message": anthropic(),
    "message of empty text": anthropic({"type": "text", "text": ""}),
    "stop sequence": anthropic({"type": "text", "text": "a"}, reason="stop_sequence", stop_sequence="END"),
    "message of all sorts": anthropic(
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "text", "text": "cited", "citations": [{"type": "char_location", "cited_text": "a"}, {"type": "b"}]},
        {"type": "server_tool_use", "id": "st_1", "name": "web_search", "input": {"query": "a"}},
        {"type": "web_search_tool_result", "tool_use_id": "st_1", "content": []},
        {"type": "tool_use", "id": "tu_1", "name": "f", "input": {"city": "Ulm", "n": [1, 2.5, None]}},
        {"type": "tool_use", "id": "tu_2", "name": "g", "input": {}},
        reason="tool_use",
    ),
}
WHOLE = {**CHATS, **COMPLETIONS, **RESPONSES, **ANTHROPIC}
