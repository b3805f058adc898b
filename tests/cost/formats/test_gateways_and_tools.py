"""Traps of gateways, tracing tools, Codex and the Vercel AI SDK."""

from __future__ import annotations

import json

import pytest

from llmopt.cost.spec.row import Outcome
from tests.cost.reading import read, read_all, tokens
from tests.cost.records import (
    Json,
    Truth,
    helicone,
    helicone_claude,
    langfuse,
    litellm_payload,
    litellm_spend,
    otel_claude,
    otel_genai,
    span,
    vercel_v5,
    vercel_v6,
)

CLAUDE: Truth = {
    "input_uncached": 30,
    "input_cache_read": 7000,
    "input_cache_write_5m": 900,
    "input_cache_write_1h": 100,
    "output_text": 220,
    "output_reasoning": 0,
}
OPENAI: Truth = {"input_uncached": 176, "input_cache_read": 1024, "output_text": 44, "output_reasoning": 256}


@pytest.mark.parametrize("build", [litellm_spend, litellm_payload])
@pytest.mark.parametrize("hit", ["True", "true", True, 1, "1"])
def test_answers_from_litellm_s_cache_are_free(build: Json, hit: Json) -> None:
    assert read(build(CLAUDE) | {"cache_hit": hit}).outcome is Outcome.FREE


@pytest.mark.parametrize("build", [litellm_spend, litellm_payload])
@pytest.mark.parametrize("hit", ["False", "None", "", None, False])
def test_other_words_are_no_cache_hit(build: Json, hit: Json) -> None:
    row = read(build(CLAUDE) | {"cache_hit": hit})
    assert (row.outcome, row.usage.input_tokens) == (Outcome.OK, 8030)


def test_litellm_metadata_as_object_and_as_text() -> None:
    as_text = litellm_spend(CLAUDE)
    as_object = as_text | {"metadata": json.loads(as_text["metadata"])}
    indented = as_text | {"metadata": json.dumps(as_object["metadata"], indent=2)}
    assert tokens(read(as_text)) == tokens(read(as_object)) == tokens(read(indented))


@pytest.mark.parametrize("build", [litellm_spend, litellm_payload])
def test_litellm_failures_are_logged_with_zeros_and_are_free(build: Json) -> None:
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert read(build(CLAUDE) | zeros | {"status": "failure"}).outcome is Outcome.FREE
    # A success without tokens was billed by something else: unpriced, not free.
    assert read(build(CLAUDE) | zeros).outcome is Outcome.NO_USAGE


def test_litellm_groups() -> None:
    row = read(litellm_spend(CLAUDE) | {"end_user": "", "user": "u1", "team_id": "t1", "request_tags": '["rag"]'})
    assert (row.groups["user"], row.groups["team"], row.groups["feature"]) == ("u1", "t1", "rag")
    assert row.reported_usd is not None


def test_langfuse_is_disjoint_unless_the_total_says_otherwise() -> None:
    line = langfuse(OPENAI)
    assert tokens(read(line)) == OPENAI
    usage = line["usageDetails"]
    for raw in (
        usage | {"input": 1200},  # cached inside
        usage | {"output": 300},  # reasoning inside
        usage | {"input": 1200, "output": 300},  # both
    ):
        assert raw["total"] == 1500
        assert tokens(read(line | {"usageDetails": raw})) == OPENAI
    del usage["total"]
    assert tokens(read(line)) == OPENAI


def test_langfuse_parts_that_fit_no_total_are_rejected() -> None:
    line = langfuse(OPENAI)
    line["usageDetails"]["total"] = 1499
    assert read(line).outcome is Outcome.BAD


def test_langfuse_spans_are_no_requests_and_errors_are_free() -> None:
    bare: Json = {"usageDetails": {}}
    assert read(langfuse(OPENAI) | bare | {"type": "SPAN"}).outcome is Outcome.SKIP
    assert read(langfuse(OPENAI) | bare | {"level": "ERROR"}).outcome is Outcome.FREE
    assert read(langfuse(OPENAI) | bare).outcome is Outcome.NO_USAGE


def test_langfuse_updates_share_a_key_and_the_latest_with_usage_ranks_first() -> None:
    created = langfuse(OPENAI) | {"usageDetails": {}, "updatedAt": "2026-03-02T08:00:09Z"}
    ended = langfuse(OPENAI) | {"updatedAt": "2026-03-02T08:00:07Z"}
    first, second = read_all([created, ended])
    assert first.key == second.key == ("o1",)
    assert second.order > first.order


def test_langfuse_pages_and_cache_names_of_anthropic() -> None:
    usage = {"input": 30, "cache_read_input_tokens": 7000, "cache_creation_input_tokens": 900, "output": 220}
    (row,) = read_all([{"data": [langfuse(OPENAI) | {"usageDetails": usage}], "meta": {"page": 1}}])
    assert tokens(row) == {
        "input_uncached": 30,
        "input_cache_read": 7000,
        "input_cache_write_5m": 900,
        "output_text": 220,
    }


def test_helicone_counts_the_cache_inside_but_for_anthropic() -> None:
    assert tokens(read(helicone(OPENAI)))["input_uncached"] == 176
    claude = helicone_claude(CLAUDE)
    assert tokens(read(claude))["input_uncached"] == 30
    # A total that includes the cache is right as well.
    assert tokens(read(claude | {"total_tokens": 30 + 7000 + 900 + 220})) == tokens(read(claude))
    assert read(claude | {"total_tokens": 31}).outcome is Outcome.BAD


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"cached": True}, Outcome.FREE),
        ({"cached": "true"}, Outcome.FREE),
        ({"cached": False}, Outcome.OK),
        ({"cache_reference_id": "0b8e9a52-54a2-4a0f-8a35-0a4f1a2b3c4d"}, Outcome.FREE),
        ({"cache_reference_id": "00000000-0000-0000-0000-000000000000"}, Outcome.OK),
        ({"cache_reference_id": None}, Outcome.OK),
        ({"cache_reference_id": ""}, Outcome.OK),
        ({"status": 429, "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, Outcome.FREE),
        ({"status": -3, "prompt_tokens": None, "completion_tokens": None, "total_tokens": None}, Outcome.NO_USAGE),
    ],
)
def test_helicone_outcomes(changes: Json, outcome: Outcome) -> None:
    assert read(helicone(OPENAI) | changes).outcome is outcome


def test_helicone_properties() -> None:
    row = read(helicone(OPENAI) | {"properties": {"Helicone-Session-Id": "s1", "team": "care"}})
    assert (row.groups["session"], row.groups["team"]) == ("s1", "care")


def test_spans_count_the_cache_inside_and_claude_code_s_own_beside() -> None:
    semantic, own = read(otel_genai(CLAUDE)), read(otel_claude(CLAUDE))
    assert tokens(semantic) == {
        "input_uncached": 30 + 100,
        "input_cache_read": 7000,
        "input_cache_write_5m": 900,
        "output_text": 220,
    }
    assert tokens(own)["input_uncached"] == 30
    assert own.provider == "anthropic"


def test_a_claude_code_request_exported_twice_has_one_key() -> None:
    line = otel_claude(CLAUDE)
    (body,) = line["resourceSpans"][0]["scopeSpans"][0]["spans"]
    event = {"timeUnixNano": body["startTimeUnixNano"], "body": {"stringValue": "claude_code.api_request"}}
    event["attributes"] = body["attributes"]
    logged = {"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": [event]}]}]}
    first, second = read_all([line, logged])
    assert first.key == second.key
    assert tokens(first) == tokens(second)


def test_spans_of_other_work_are_no_requests() -> None:
    assert read(span({"http.request.method": "GET"})).outcome is Outcome.SKIP
    assert read(span({"gen_ai.operation.name": "execute_tool"})).outcome is Outcome.SKIP
    assert read(span({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"})).outcome is Outcome.NO_USAGE
    assert read(span({"gen_ai.operation.name": "chat", "error.type": "timeout"})).outcome is Outcome.FREE


def token_count(last: Json, running: int) -> Json:
    info = {"last_token_usage": last, "total_token_usage": {"total_tokens": running}}
    return {"timestamp": "2026-03-02T08:00:05Z", "type": "event_msg", "payload": {"type": "token_count", "info": info}}


def test_codex_takes_the_model_and_the_session_from_earlier_lines() -> None:
    last = {"input_tokens": 1200, "cached_input_tokens": 1024, "output_tokens": 300, "reasoning_output_tokens": 256}
    last["total_tokens"] = 1500
    lines = [
        {"type": "session_meta", "payload": {"id": "s1", "cwd": "/work"}},
        {"type": "turn_context", "payload": {"model": "gpt-5-codex"}},
        {"type": "event_msg", "payload": {"type": "token_count", "info": None}},
        token_count(last, 1500),
        token_count(last, 1500),
        {"type": "turn_context", "payload": {"model": "gpt-5-mini"}},
        token_count(last, 3000),
    ]
    rows = [row for row in read_all(lines) if row.outcome is Outcome.OK]
    assert [row.model for row in rows] == ["gpt-5-codex", "gpt-5-codex", "gpt-5-mini"]
    assert [row.key for row in rows] == [("s1", "1500"), ("s1", "1500"), ("s1", "3000")]
    assert tokens(rows[0]) == OPENAI
    assert (rows[0].groups["session"], rows[0].groups["project"]) == ("s1", "/work")


def test_vercel_version_6_is_inclusive() -> None:
    assert tokens(read(vercel_v6(CLAUDE))) == {name: count for name, count in CLAUDE.items() if count}


def test_vercel_version_5_follows_the_provider() -> None:
    assert tokens(read(vercel_v5(OPENAI))) == OPENAI
    usage = {"inputTokens": 30, "outputTokens": 220, "totalTokens": 250, "cachedInputTokens": 7000}
    line = vercel_v5(OPENAI) | {"usage": usage, "model": {"provider": "anthropic.messages", "modelId": "claude-x"}}
    line["providerMetadata"] = {"anthropic": {"cacheCreationInputTokens": 900}}
    assert tokens(read(line)) == {
        "input_uncached": 30,
        "input_cache_read": 7000,
        "input_cache_write_5m": 900,
        "output_text": 220,
    }


def test_vercel_version_5_of_google_thinks_beside_the_answer() -> None:
    usage = {"inputTokens": 900, "outputTokens": 50, "reasoningTokens": 200, "totalTokens": 1150}
    assert tokens(read(vercel_v5(OPENAI) | {"usage": usage})) == {
        "input_uncached": 900,
        "output_text": 50,
        "output_reasoning": 200,
    }


def test_vercel_results_of_several_steps_count_all_of_them() -> None:
    line = vercel_v5(OPENAI)
    line["totalUsage"] = {"inputTokens": 3000, "outputTokens": 400, "totalTokens": 3400}
    assert tokens(read(line)) == {"input_uncached": 3000, "output_text": 400}


def test_vercel_results_without_usage() -> None:
    assert read(vercel_v5(OPENAI) | {"usage": {}}).outcome is Outcome.NO_USAGE
    assert read(vercel_v5(OPENAI) | {"usage": {}, "finishReason": "error"}).outcome is Outcome.FREE
