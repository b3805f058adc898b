"""Build a log record of each format from the disjoint token counts that it should be read back as."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from llmopt.core.usage import BUCKETS

Json = Any
Truth = dict[str, int]
"""Bucket -> tokens; a bucket left out holds none."""

PLAIN = ["input_uncached", "output_text"]
THINKING = ["input_uncached", "input_cache_read", "output_text", "output_reasoning"]
CHAT = [*THINKING, "input_cache_write_5m", "input_audio", "output_audio"]
CLAUDE = ["input_uncached", "input_cache_read", "input_cache_write_5m", "input_cache_write_1h", "output_text"]
GATEWAY = [*CLAUDE, "output_reasoning"]
CREATED = 1_772_438_405
AT = "2026-03-02T08:00:05Z"


def side(truth: Truth, prefix: str) -> int:
    """Add up one side, `input` or `output`."""
    return sum(count for name, count in truth.items() if name.startswith(prefix))


def chat_usage(truth: Truth, prompt: str = "prompt", answer: str = "completion") -> Json:
    read, wrote = side(truth, "input"), side(truth, "output")
    return {
        f"{prompt}_tokens": read,
        f"{answer}_tokens": wrote,
        "total_tokens": read + wrote,
        f"{prompt}_tokens_details": {
            "cached_tokens": truth.get("input_cache_read", 0),
            "cache_write_tokens": truth.get("input_cache_write_5m", 0),
            "audio_tokens": truth.get("input_audio", 0),
        },
        f"{answer}_tokens_details": {
            "reasoning_tokens": truth.get("output_reasoning", 0),
            "audio_tokens": truth.get("output_audio", 0),
        },
    }


def openai_chat(truth: Truth, model: str = "gpt-5") -> Json:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": chat_usage(truth),
        "service_tier": "default",
    }


def openai_responses(truth: Truth) -> Json:
    body = {"id": "resp_1", "object": "response", "created_at": CREATED, "model": "gpt-5", "status": "completed"}
    return {**body, "error": None, "service_tier": "default", "usage": chat_usage(truth, "input", "output")}


def openai_batch(truth: Truth) -> Json:
    response = {"status_code": 200, "request_id": "r", "body": openai_chat(truth, "gpt-5-mini")}
    return {"id": "batch_req_1", "custom_id": "r1", "response": response, "error": None}


def openai_usage(truth: Truth) -> Json:
    row = {
        "object": "organization.usage.completions.result",
        "input_tokens": truth["input_uncached"] + truth["input_cache_read"],
        "input_cached_tokens": truth["input_cache_read"],
        "output_tokens": truth["output_text"],
        "input_audio_tokens": truth["input_audio"],
        "output_audio_tokens": truth["output_audio"],
        "num_model_requests": 3,
        "model": "gpt-audio",
        "batch": False,
        "service_tier": None,
        "project_id": None,
    }
    bucket = {"object": "bucket", "start_time": CREATED, "end_time": CREATED + 86_400, "results": [row]}
    return {"object": "page", "data": [bucket], "has_more": False, "next_page": None}


def azure_apim(truth: Truth) -> Json:
    read, wrote = truth["input_uncached"], truth["output_text"]
    return {
        "TimeGenerated": AT,
        "CorrelationId": "c1",
        "ModelName": "gpt-4o",
        "DeploymentName": "blue",
        "SequenceNumber": 0,
        "PromptTokens": read,
        "CompletionTokens": wrote,
        "TotalTokens": read + wrote,
    }


def claude_usage(truth: Truth) -> Json:
    five, hour = truth.get("input_cache_write_5m", 0), truth.get("input_cache_write_1h", 0)
    return {
        "input_tokens": truth["input_uncached"],
        "cache_creation_input_tokens": five + hour,
        "cache_read_input_tokens": truth.get("input_cache_read", 0),
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
        "output_tokens": truth["output_text"],
        "service_tier": "standard",
    }


def claude_message(truth: Truth) -> Json:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929"}
    return {**message, "content": [{"type": "text", "text": "Hello"}], "usage": claude_usage(truth)}


def anthropic_messages(truth: Truth) -> Json:
    return {"timestamp": AT, "response": claude_message(truth)}


def anthropic_batch(truth: Truth) -> Json:
    return {"custom_id": "r1", "result": {"type": "succeeded", "message": claude_message(truth)}}


def gemini(truth: Truth) -> Json:
    tools = truth["input_uncached"] // 3
    prompt, answer = side(truth, "input") - tools, truth["output_text"]
    audio = truth["input_audio"]
    usage = {
        "promptTokenCount": prompt,
        "toolUsePromptTokenCount": tools,
        "cachedContentTokenCount": truth["input_cache_read"],
        "candidatesTokenCount": answer,
        "thoughtsTokenCount": truth["output_reasoning"],
        "totalTokenCount": side(truth, ""),
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": prompt - audio},
            {"modality": "AUDIO", "tokenCount": audio},
        ],
    }
    return {"candidates": [], "modelVersion": "gemini-2.5-flash", "createTime": AT, "usageMetadata": usage}


def bedrock(truth: Truth) -> Json:
    five, hour = truth["input_cache_write_5m"], truth["input_cache_write_1h"]
    details = [{"ttl": "5m", "inputTokens": five}, {"ttl": "1h", "inputTokens": hour}]
    return {
        "schemaType": "ModelInvocationLog",
        "timestamp": AT,
        "requestId": "r1",
        "operation": "Converse",
        "modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "input": {
            "inputTokenCount": truth["input_uncached"],
            "cacheReadInputTokenCount": truth["input_cache_read"],
            "cacheWriteInputTokenCount": five + hour,
        },
        "output": {
            "outputTokenCount": truth["output_text"],
            "outputBodyJson": {"usage": {"cacheDetails": details}, "metrics": {"latencyMs": 900}},
        },
    }


def litellm(truth: Truth) -> Json:
    hour = truth["input_cache_write_1h"]
    read, wrote = side(truth, "input"), side(truth, "output")
    written = truth["input_cache_write_5m"] + hour
    usage = {
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": truth["input_cache_read"],
        "prompt_tokens_details": {
            "cached_tokens": truth["input_cache_read"],
            "cache_creation_token_details": {"ephemeral_1h_input_tokens": hour},
        },
        "completion_tokens_details": {"reasoning_tokens": truth["output_reasoning"]},
    }
    return {
        "call_type": "acompletion",
        "startTime": AT,
        "endTime": AT,
        "model": "claude-sonnet-4-5-20250929",
        "custom_llm_provider": "anthropic",
        "prompt_tokens": read,
        "completion_tokens": wrote,
        "total_tokens": read + wrote,
        "metadata": {"usage_object": usage},
        "status": "success",
    }


def litellm_spend(truth: Truth) -> Json:
    record = litellm(truth)
    text = json.dumps(record.pop("metadata"))
    return {**record, "request_id": "r1", "spend": 0.1, "cache_hit": "False", "metadata": text}


def litellm_payload(truth: Truth) -> Json:
    return {**litellm(truth), "id": "r1", "trace_id": "t", "response_cost": 0.1, "cache_hit": False}


def langfuse(truth: Truth) -> Json:
    usage = {
        "input": truth["input_uncached"],
        "input_cached_tokens": truth["input_cache_read"],
        "output": truth["output_text"],
        "output_reasoning_tokens": truth["output_reasoning"],
        "total": side(truth, ""),
    }
    return {
        "id": "o1",
        "traceId": "t",
        "type": "GENERATION",
        "level": "DEFAULT",
        "startTime": AT,
        "model": "gpt-5",
        "usageDetails": usage,
    }


def helicone(truth: Truth) -> Json:
    prompt, answer = side(truth, "input"), truth["output_text"]
    return {
        "request_id": "r1",
        "request_created_at": AT,
        "provider": "OPENAI",
        "model": "gpt-5",
        "status": 200,
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "prompt_cache_read_tokens": truth["input_cache_read"],
        "prompt_cache_write_tokens": 0,
        "total_tokens": prompt + answer,
    }


def helicone_claude(truth: Truth) -> Json:
    record = helicone(truth) | {"provider": "ANTHROPIC", "model": "claude-sonnet-4-5"}
    prompt = truth["input_uncached"]
    written = {"prompt_cache_write_tokens": truth["input_cache_write_5m"]}
    return {**record, **written, "prompt_tokens": prompt, "total_tokens": prompt + truth["output_text"]}


def attributes(tags: dict[str, int | str]) -> Json:
    """Wrap values as OTLP JSON does: whole numbers are text."""
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in tags.items()
    ]


def span(tags: dict[str, int | str], name: str = "chat", span_id: str = "s1", parent: str = "") -> Json:
    """Return a line with one span."""
    nanos = str(CREATED * 10**9)
    body: Json = {"traceId": "t", "spanId": span_id, "parentSpanId": parent, "name": name, "startTimeUnixNano": nanos}
    body |= {"endTimeUnixNano": nanos, "attributes": attributes(tags), "status": {}}
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": [body]}]}]}


def otel_genai(truth: Truth) -> Json:
    return span(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.response.model": "claude-sonnet-4-5-20250929",
            "gen_ai.usage.input_tokens": side(truth, "input"),
            "gen_ai.usage.output_tokens": truth["output_text"],
            "gen_ai.usage.cache_read.input_tokens": truth["input_cache_read"],
            "gen_ai.usage.cache_creation.input_tokens": truth["input_cache_write_5m"],
        }
    )


def otel_claude(truth: Truth) -> Json:
    tags: dict[str, int | str] = {
        "model": "claude-sonnet-4-5-20250929",
        "request_id": "req_1",
        "input_tokens": truth["input_uncached"],
        "output_tokens": truth["output_text"],
        "cache_read_tokens": truth["input_cache_read"],
        "cache_creation_tokens": truth["input_cache_write_5m"],
    }
    return span(tags, "claude_code.llm_request")


def vllm(truth: Truth) -> Json:
    return openai_chat(truth, "llama-3.3-70b-versatile")


def claude_code(truth: Truth) -> Json:
    line = {"type": "assistant", "timestamp": AT, "sessionId": "s", "uuid": "u", "requestId": "req_1"}
    return {**line, "isSidechain": False, "message": claude_message(truth)}


def vercel_v6(truth: Truth) -> Json:
    read, wrote = side(truth, "input"), side(truth, "output")
    cached, reasoning = truth["input_cache_read"], truth["output_reasoning"]
    written = truth["input_cache_write_5m"] + truth["input_cache_write_1h"]
    usage = {
        "inputTokens": read,
        "inputTokenDetails": {
            "noCacheTokens": truth["input_uncached"],
            "cacheReadTokens": cached,
            "cacheWriteTokens": written,
        },
        "outputTokens": wrote,
        "outputTokenDetails": {"textTokens": truth["output_text"], "reasoningTokens": reasoning},
        "totalTokens": read + wrote,
        "reasoningTokens": reasoning,
        "cachedInputTokens": cached,
        "raw": {"cache_creation": {"ephemeral_1h_input_tokens": truth["input_cache_write_1h"]}},
    }
    return _vercel("anthropic.messages", "claude-sonnet-4-5-20250929", usage)


def vercel_v5(truth: Truth) -> Json:
    read, wrote = side(truth, "input"), side(truth, "output")
    usage = {"inputTokens": read, "outputTokens": wrote, "totalTokens": read + wrote}
    usage |= {"cachedInputTokens": truth["input_cache_read"], "reasoningTokens": truth["output_reasoning"]}
    return _vercel("openai.responses", "gpt-5", usage)


def _vercel(vendor: str, model: str, usage: Json) -> Json:
    response = {"id": "r1", "timestamp": AT, "modelId": model}
    return {
        "finishReason": "stop",
        "usage": usage,
        "response": response,
        "model": {"provider": vendor, "modelId": model},
    }


def xai(truth: Truth) -> Json:
    body = openai_chat(truth, "grok-4-0709")
    usage = body["usage"]
    usage["completion_tokens"] -= truth["output_reasoning"]
    return body


def generic(truth: Truth) -> Json:
    return {
        "timestamp": AT,
        "model": "gpt-4o",
        "input_tokens": str(truth["input_uncached"]),
        "output_tokens": str(truth["output_text"]),
    }


def llmopt_gateway(truth: Truth) -> Json:
    held = {bucket: count for bucket, count in truth.items() if count}
    return {
        "schema": "llmopt.gateway/1",
        "timestamp": AT,
        "request_id": "req_1",
        "api": "chat",
        "method": "POST",
        "model": "gpt-4o",
        "provider": "openai",
        "tier": "default",
        "cache": "miss",
        "usage": {**held, "total": sum(held.values())},
        "cost_usd": "0.01",
    }


OTEL = ["input_uncached", "input_cache_read", "input_cache_write_5m", "output_text"]
BUILDERS: dict[str, tuple[str, list[str], Callable[[Truth], Json]]] = {
    "openai-chat": ("openai-chat", CHAT, openai_chat),
    "openai-responses": ("openai-responses", CHAT, openai_responses),
    "openai-batch": ("openai-batch", THINKING, openai_batch),
    "openai-usage": (
        "openai-usage",
        ["input_uncached", "input_cache_read", "input_audio", "output_text", "output_audio"],
        openai_usage,
    ),
    "azure-apim": ("azure-apim", PLAIN, azure_apim),
    "anthropic-messages": ("anthropic-messages", CLAUDE, anthropic_messages),
    "anthropic-batch": ("anthropic-batch", CLAUDE, anthropic_batch),
    "gemini": ("gemini", [*THINKING, "input_audio"], gemini),
    "bedrock": ("bedrock", CLAUDE, bedrock),
    "litellm-spend": ("litellm-spend", GATEWAY, litellm_spend),
    "litellm-payload": ("litellm-payload", GATEWAY, litellm_payload),
    "langfuse": ("langfuse", THINKING, langfuse),
    "helicone": ("helicone", ["input_uncached", "input_cache_read", "output_text"], helicone),
    "helicone, Claude": ("helicone", OTEL, helicone_claude),
    "otel-genai": ("otel-genai", OTEL, otel_genai),
    "otel-genai, Claude Code": ("otel-genai", OTEL, otel_claude),
    "vllm": ("vllm", THINKING, vllm),
    "claude-code": ("claude-code", CLAUDE, claude_code),
    "vercel-ai 6": ("vercel-ai", GATEWAY, vercel_v6),
    "vercel-ai 5": ("vercel-ai", THINKING, vercel_v5),
    "xai": ("xai", THINKING, xai),
    "generic": ("generic", PLAIN, generic),
    "llmopt-gateway": ("llmopt-gateway", list(BUCKETS), llmopt_gateway),
}
"""Case -> format, the buckets it can tell apart, and the builder. Codex needs several lines and is tested apart."""
