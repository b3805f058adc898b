"""The oracle's own reading of each log format; see `oracle` for why it exists."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.cost.oracle import FREE, SKIP, Parser, Seen, chat_tokens, claude_tokens, clock, dig, num, split, tier_of

Json = Any


def bare(line: Json) -> Json:
    """Return the API body of a line that may wrap it."""
    for name in ("response", "body"):
        inner = dig(line, name)
        if isinstance(inner, dict):
            return inner
    return line


def openai_chat(line: Json) -> list[Seen]:
    body = bare(line)
    usage = dig(body, "usage")
    if body.get("error"):
        return [FREE]
    if usage is None:
        return [SKIP] if body["object"].endswith("chunk") else [Seen("none", body["model"])]
    tokens = chat_tokens(usage)
    key = ("chat", str(body.get("id")), json.dumps(tokens))
    tier = tier_of(body.get("service_tier"))
    return [Seen("usage", body["model"], "openai", tier, clock(body.get("created")), tokens, key)]


def logged_text(line: Json) -> list[Seen]:
    body = json.loads(line["response"])
    kinds = {"chat.completion": openai_chat, "response": openai_responses, None: anthropic_messages}
    [seen] = kinds[body.get("object")]({"response": body, "timestamp": line["created_at"]})
    return [replace(seen, at=clock(line["created_at"]))]


def vllm(line: Json) -> list[Seen]:
    body = bare(line)
    tokens = chat_tokens(body["usage"])
    at = clock(body.get("created") or line.get("timestamp"))
    return [Seen("usage", body["model"], None, "default", at, tokens)]


def xai(line: Json) -> list[Seen]:
    body = bare(line)
    if "usage" not in body:
        return [FREE]
    usage = body["usage"]
    tokens = chat_tokens(usage)
    if usage["total_tokens"] != usage["prompt_tokens"] + usage["completion_tokens"]:
        tokens["output_text"] = usage["completion_tokens"]
    return [Seen("usage", body["model"], "x-ai", "default", clock(body["created"]), tokens)]


def openai_responses(line: Json) -> list[Seen]:
    body = bare(line)
    if body["usage"] is None:
        if line.get("type") in ("response.created", "response.in_progress"):
            return [SKIP]
        return [FREE] if body["status"] == "failed" else [Seen("none", body["model"])]
    tokens = chat_tokens(body["usage"], "input", "output")
    return [Seen("usage", body["model"], "openai", tier_of(body["service_tier"]), clock(body["created_at"]), tokens)]


def openai_batch(line: Json) -> list[Seen]:
    body = dig(line, "response", "body")
    if line["error"] or "usage" not in body:
        return [FREE]
    words = ("prompt", "completion") if "prompt_tokens" in body["usage"] else ("input", "output")
    at = clock(body.get("created") or body.get("created_at"))
    return [Seen("usage", body["model"], "openai", "batch", at, chat_tokens(body["usage"], *words))]


def openai_usage(page: Json) -> list[Seen]:
    found = []
    for bucket in page["data"]:
        for row in bucket["results"]:
            tokens = split(row["input_tokens"], row["output_tokens"], input_cache_read=row["input_cached_tokens"])
            tokens |= {"input_audio": row["input_audio_tokens"], "output_audio": row["output_audio_tokens"]}
            tier = "batch" if row["batch"] else tier_of(row["service_tier"])
            found.append(Seen("usage", row["model"], "openai", tier, clock(bucket["start_time"]), tokens))
    return found


def azure_apim(line: Json) -> list[Seen]:
    if "CorrelationId" not in line:
        (seen,) = openai_chat(line)
        return [Seen("usage", seen.model, "azure", seen.tier, seen.at, seen.tokens)]
    model, key = line["ModelName"] or line["DeploymentName"], (line["CorrelationId"],)
    if line["PromptTokens"] is None:
        return [Seen("none", model, "azure", key=key)]
    tokens = split(line["PromptTokens"], line["CompletionTokens"])
    return [Seen("usage", model, "azure", "default", clock(line["TimeGenerated"]), tokens, key, (1,))]


def anthropic_messages(line: Json) -> list[Seen]:
    body = bare(line)
    if body["type"] == "error":
        return [FREE]
    if "usage" not in body:
        return [Seen("none", body["model"])]
    tier = tier_of(body["usage"].get("service_tier"))
    return [Seen("usage", body["model"], "anthropic", tier, clock(line.get("timestamp")), claude_tokens(body["usage"]))]


def anthropic_batch(line: Json) -> list[Seen]:
    message = dig(line, "result", "message")
    if message is None:
        return [FREE]
    return [Seen("usage", message["model"], "anthropic", "batch", None, claude_tokens(message["usage"]))]


def by_modality(details: Json, modality: str) -> int:
    """Add up the tokens of one modality."""
    return sum(int(item["tokenCount"]) for item in details or () if item["modality"] == modality)


def gemini(line: Json) -> list[Seen]:
    body = bare(line)
    usage = body.get("usageMetadata")
    if usage is None:
        return [Seen("none", body["modelVersion"])]
    cached_audio = by_modality(usage.get("cacheTokensDetails"), "AUDIO")
    tokens = split(
        num(usage, "promptTokenCount") + num(usage, "toolUsePromptTokenCount"),
        num(usage, "candidatesTokenCount") + num(usage, "thoughtsTokenCount"),
        input_cache_read=num(usage, "cachedContentTokenCount"),
        input_audio=by_modality(usage.get("promptTokensDetails"), "AUDIO") - cached_audio,
        output_reasoning=num(usage, "thoughtsTokenCount"),
    )
    tier = tier_of(usage.get("trafficType"))
    return [Seen("usage", body["modelVersion"], "google", tier, clock(body.get("createTime")), tokens)]


def bedrock(line: Json) -> list[Seen]:
    if "errorCode" in line:
        return [FREE]
    details = dig(line, "output", "outputBodyJson", "usage", "cacheDetails") or []
    hour = sum(item["inputTokens"] for item in details if item["ttl"] == "1h")
    tokens = {
        "input_uncached": num(line, "input", "inputTokenCount"),
        "input_cache_read": num(line, "input", "cacheReadInputTokenCount"),
        "input_cache_write_5m": num(line, "input", "cacheWriteInputTokenCount") - hour,
        "input_cache_write_1h": hour,
        "output_text": num(line, "output", "outputTokenCount"),
    }
    return [Seen("usage", line["modelId"], "aws", "default", clock(line["timestamp"]), tokens, (line["requestId"],))]


def litellm(line: Json) -> list[Seen]:
    if str(line["cache_hit"]).lower() == "true" or line["status"] == "failure":
        return [FREE]
    metadata = line["metadata"]
    if isinstance(metadata, str):
        metadata = json.loads(metadata)
    usage = metadata.get("usage_object") or {}
    details = usage.get("prompt_tokens_details") or {}
    hour = num(details, "cache_creation_token_details", "ephemeral_1h_input_tokens")
    tokens = split(
        line["prompt_tokens"],
        line["completion_tokens"],
        input_cache_read=num(details, "cached_tokens"),
        input_cache_write_5m=num(usage, "cache_creation_input_tokens") - hour,
        input_cache_write_1h=hour,
        output_reasoning=num(usage, "completion_tokens_details", "reasoning_tokens"),
    )
    key = (line.get("request_id") or line["id"],)
    return [Seen("usage", line["model"], line["custom_llm_provider"], "default", clock(line["startTime"]), tokens, key)]


def langfuse(line: Json) -> list[Seen]:
    usage, key = line["usageDetails"], (line["id"],)
    if line["type"] != "GENERATION":
        return [SKIP]
    if not usage:
        return [FREE if line["level"] == "ERROR" else Seen("none", line["model"], key=key)]
    reasoning = num(usage, "output_reasoning_tokens")
    cached = num(usage, "input_cached_tokens") + num(usage, "cache_read_input_tokens")
    written = num(usage, "cache_creation_input_tokens")
    tokens = {"input_uncached": usage["input"], "input_cache_read": cached, "input_cache_write_5m": written}
    tokens |= {"output_text": usage["output"], "output_reasoning": reasoning}
    excess = sum(tokens.values()) - usage["total"]
    if excess in (cached + written, cached + written + reasoning):
        tokens["input_uncached"] -= cached + written
        excess -= cached + written
    if excess:
        tokens["output_text"] -= reasoning
    return [Seen("usage", line["model"], None, "default", clock(line["startTime"]), tokens, key, (1,))]


def helicone(line: Json) -> list[Seen]:
    zero = "00000000-0000-0000-0000-000000000000"
    if (
        line.get("cached")
        or line.get("cache_reference_id", zero) != zero
        or not (line["prompt_tokens"] or line["completion_tokens"])
    ):
        return [FREE]
    cached, written = num(line, "prompt_cache_read_tokens"), num(line, "prompt_cache_write_tokens")
    tokens = split(
        line["prompt_tokens"], line["completion_tokens"], input_cache_read=cached, input_cache_write_5m=written
    )
    if line["provider"] in ("ANTHROPIC", "AWS"):
        tokens["input_uncached"] = line["prompt_tokens"]
    at, key = clock(line["request_created_at"]), (line["request_id"],)
    return [Seen("usage", line["model"], line["provider"].lower(), "default", at, tokens, key)]


def otel(line: Json) -> list[Seen]:
    spans = [s for r in line.get("resourceSpans", ()) for scope in r["scopeSpans"] for s in scope["spans"]]
    logs = [e for r in line.get("resourceLogs", ()) for scope in r["scopeLogs"] for e in scope["logRecords"]]
    return [_span(item) for item in (*spans, *logs)]


def _span(item: Json) -> Seen:
    tags = {a["key"]: next(iter(a["value"].values())) for a in item["attributes"]}
    if "input_tokens" in tags:
        tokens = {
            "input_uncached": int(tags["input_tokens"]),
            "input_cache_read": int(tags["cache_read_tokens"]),
            "input_cache_write_5m": int(tags["cache_creation_tokens"]),
            "output_text": int(tags["output_tokens"]),
        }
        at = clock(item.get("startTimeUnixNano") or item["timeUnixNano"])
        return Seen("usage", tags["model"], "anthropic", "default", at, tokens, ("claude", tags["request_id"]))
    if "gen_ai.usage.input_tokens" not in tags:
        failed = "error.type" in tags or tags.get("event.name") == "api_error"
        return FREE if failed else SKIP
    tokens = split(
        int(tags["gen_ai.usage.input_tokens"]),
        int(tags["gen_ai.usage.output_tokens"]),
        input_cache_read=int(tags.get("gen_ai.usage.cache_read.input_tokens", 0)),
        input_cache_write_5m=int(tags.get("gen_ai.usage.cache_creation.input_tokens", 0)),
    )
    model = tags.get("gen_ai.response.model") or tags["gen_ai.request.model"]
    span, parent = (item["traceId"], item["spanId"]), (item["traceId"], item["parentSpanId"])
    at, vendor = clock(item["startTimeUnixNano"]), tags["gen_ai.provider.name"]
    return Seen("usage", model, vendor, "default", at, tokens, span, (0,), span, parent)


def claude_code(line: Json) -> list[Seen]:
    message = line.get("message") or {}
    if line["type"] != "assistant" or message["model"] == "<synthetic>":
        return [SKIP]
    usage, at = message["usage"], clock(line["timestamp"])
    rank = (usage["output_tokens"],)
    return [Seen("usage", message["model"], "anthropic", "default", at, claude_tokens(usage), (message["id"],), rank)]


class Codex:
    """Codex rollouts name the session and the model on earlier lines."""

    def __init__(self) -> None:
        self.model = self.session = ""

    def __call__(self, line: Json) -> list[Seen]:
        payload = line["payload"]
        if line["type"] == "session_meta":
            self.session = payload["id"]
        if line["type"] == "turn_context":
            self.model = payload["model"]
        if payload.get("type") != "token_count" or payload["info"] is None:
            return [SKIP]
        last, running = payload["info"]["last_token_usage"], payload["info"]["total_token_usage"]
        tokens = split(
            last["input_tokens"],
            last["output_tokens"],
            input_cache_read=last["cached_input_tokens"],
            output_reasoning=last["reasoning_output_tokens"],
        )
        key = (self.session, str(running["total_tokens"]))
        return [Seen("usage", self.model, "openai", "default", clock(line["timestamp"]), tokens, key)]


def vercel_ai(line: Json) -> list[Seen]:
    model, vendor = line["response"]["modelId"], line["model"]["provider"].split(".")[0]
    usage = line.get("totalUsage") or line["usage"]
    if "inputTokens" not in usage:
        return [FREE if line["finishReason"] == "error" else Seen("none", model)]
    details, cached = usage.get("inputTokenDetails"), num(usage, "cachedInputTokens")
    hour = num(usage, "raw", "cache_creation", "ephemeral_1h_input_tokens")
    written = num(details, "cacheWriteTokens") if details else 0
    reasoning = num(usage, "reasoningTokens")
    tokens = split(
        usage["inputTokens"],
        usage["outputTokens"],
        input_cache_read=cached,
        input_cache_write_5m=written - hour,
        input_cache_write_1h=hour,
        output_reasoning=reasoning,
    )
    if details is None and vendor == "anthropic":
        tokens["input_uncached"] = usage["inputTokens"]
        tokens["input_cache_write_5m"] = num(line, "providerMetadata", "anthropic", "cacheCreationInputTokens")
    if details is None and usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] + reasoning:
        tokens["output_text"] = usage["outputTokens"]
    return [Seen("usage", model, vendor, "default", clock(line["response"]["timestamp"]), tokens)]


def generic(line: Json) -> list[Seen]:
    model = line.get("model") or line["model_name"]
    prompt = int(line.get("input_tokens") or line["prompt_tokens"])
    answer = int(line.get("output_tokens") or line["completion_tokens"])
    at = clock(line.get("timestamp") or line["created_at"])
    return [Seen("usage", model, None, "default", at, split(prompt, answer))]


def llmopt_gateway(line: Json) -> list[Seen]:
    usage = line.get("usage")
    if line["api"] == "other" and line["method"] != "POST" and usage is None:
        return [SKIP]
    if line["cache"] in ("hit", "semantic", "shared") or (usage is None and line.get("cost_usd") == "0"):
        return [FREE]
    if usage is None:
        return [Seen("none", line["model"])]
    tokens = {name: count for name, count in usage.items() if name != "total"}
    return [Seen("usage", line["model"], line.get("provider"), line["tier"], clock(line["timestamp"]), tokens)]


def parsers() -> dict[str, Parser]:
    """Return a fresh parser for each format."""
    return {
        "openai-chat": openai_chat,
        "openai-responses": openai_responses,
        "openai-batch": openai_batch,
        "openai-usage": openai_usage,
        "azure-apim": azure_apim,
        "anthropic-messages": anthropic_messages,
        "anthropic-batch": anthropic_batch,
        "gemini": gemini,
        "bedrock": bedrock,
        "litellm-spend": litellm,
        "litellm-payload": litellm,
        "langfuse": langfuse,
        "helicone": helicone,
        "otel-genai": otel,
        "vllm": vllm,
        "logged-text": logged_text,
        "claude-code": claude_code,
        "codex": Codex(),
        "vercel-ai": vercel_ai,
        "xai": xai,
        "generic": generic,
        "llmopt-gateway": llmopt_gateway,
    }
