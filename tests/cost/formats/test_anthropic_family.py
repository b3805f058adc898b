"""Traps of formats in which the cache stands beside the input: Anthropic, Bedrock, Claude Code, and Gemini's parts."""

from __future__ import annotations

import pytest

from llmopt.cost.spec.row import Outcome
from tests.cost.reading import read, read_all, tokens
from tests.cost.records import (
    BUILDERS,
    Json,
    Truth,
    anthropic_messages,
    bedrock,
    claude_code,
    claude_message,
    claude_usage,
    gemini,
)

USED: Truth = {
    "input_uncached": 3,
    "input_cache_read": 7000,
    "input_cache_write_5m": 300,
    "input_cache_write_1h": 2000,
    "output_text": 550,
}


def message(**usage: Json) -> Json:
    return claude_message(USED) | {"usage": claude_usage(USED) | usage}


def test_cached_and_written_tokens_stand_beside_the_input() -> None:
    row = read(message())
    assert tokens(row) == USED
    assert row.usage.input_tokens == 3 + 7000 + 300 + 2000


def test_without_a_split_all_writes_live_five_minutes() -> None:
    usage = claude_usage(USED)
    del usage["cache_creation"]
    assert tokens(read(claude_message(USED) | {"usage": usage})) == {
        "input_uncached": 3,
        "input_cache_read": 7000,
        "input_cache_write_5m": 2300,
        "output_text": 550,
    }


def test_a_split_alone_is_enough() -> None:
    usage = claude_usage(USED)
    del usage["cache_creation_input_tokens"]
    assert tokens(read(claude_message(USED) | {"usage": usage})) == USED


def test_a_split_that_exceeds_its_sum_is_rejected() -> None:
    assert read(message(cache_creation_input_tokens=10)).outcome is Outcome.BAD


@pytest.mark.parametrize(
    ("usage", "tier"),
    [
        ({"service_tier": "standard"}, "default"),
        ({"service_tier": "priority"}, "priority"),
        ({"service_tier": "batch"}, "batch"),
        ({"speed": "fast"}, "fast"),
        ({"speed": "standard"}, "default"),
    ],
)
def test_tiers(usage: Json, tier: str) -> None:
    assert read(message(**usage)).tier == tier


def test_the_time_is_the_wrapper_s_or_none() -> None:
    assert read(claude_message(USED)).timestamp is None
    stamped = read(anthropic_messages(USED)).timestamp
    assert stamped is not None
    assert stamped.isoformat() == "2026-03-02T08:00:05+00:00"


@pytest.mark.parametrize(
    ("prefix", "provider"), [("msg_01", "anthropic"), ("msg_bdrk_01", "aws"), ("msg_vrtx_01", "google")]
)
def test_the_message_id_tells_who_served_it(prefix: str, provider: str) -> None:
    assert read(claude_message(USED) | {"id": prefix}).provider == provider


def test_an_error_is_free_and_a_cut_off_message_is_not() -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert read(overloaded).outcome is Outcome.FREE
    assert read({"ts": "2026-03-02T08:00:00Z", "response": overloaded}).outcome is Outcome.FREE
    cut = claude_message(USED)
    del cut["usage"]
    assert read(cut).outcome is Outcome.NO_USAGE


def test_an_application_log_with_anthropic_s_usage() -> None:
    row = read({"timestamp": "2026-03-02T08:00:00Z", "model": "claude-haiku-4-5", "usage": claude_usage(USED)})
    assert (row.spec, tokens(row)) == ("anthropic-messages", USED)


@pytest.mark.parametrize("kind", ["errored", "canceled", "expired"])
def test_batch_results_without_a_message_are_free(kind: str) -> None:
    assert read({"custom_id": "r1", "result": {"type": kind}}).outcome is Outcome.FREE


def test_batch_results_are_of_the_batch_tier() -> None:
    row = read(BUILDERS["anthropic-batch"][2](USED))
    assert (row.tier, tokens(row)) == ("batch", USED)


def test_bedrock_tells_one_hour_writes_by_their_details() -> None:
    assert tokens(read(bedrock(USED))) == USED
    plain = bedrock(USED)
    plain["output"]["outputBodyJson"] = [{"type": "message_start"}]
    assert tokens(read(plain))["input_cache_write_5m"] == 2300


def test_bedrock_failures_and_embeddings() -> None:
    failed = bedrock(USED) | {"errorCode": "ThrottlingException", "input": {}, "output": None}
    assert read(failed).outcome is Outcome.FREE
    body = {"modelId": "amazon.titan-embed-text-v2:0", "input": {"inputTokenCount": 12}, "output": {}}
    assert tokens(read(bedrock(USED) | body)) == {"input_uncached": 12}
    assert read(bedrock(USED) | {"input": {"inputTokenCount": 12}, "output": {}}).outcome is Outcome.BAD


def test_bedrock_requests_are_known_by_their_id() -> None:
    row = read(bedrock(USED))
    assert (row.key, row.groups["user"]) == (("r1",), None)


def test_claude_code_keys_a_response_by_its_message() -> None:
    early = claude_code(USED | {"output_text": 8})
    late = claude_code(USED)
    copy = claude_code(USED) | {"isSidechain": True, "requestId": "req_2", "uuid": "v"}
    first, second, third = read_all([early, late, copy])
    assert first.key == second.key == third.key == ("msg_1",)
    assert second.order > first.order
    assert tokens(second) == USED


@pytest.mark.parametrize(
    "line",
    [
        {"type": "user", "sessionId": "s", "uuid": "u", "message": {"role": "user", "content": "Hi"}},
        {"type": "system", "sessionId": "s", "uuid": "u", "subtype": "turn_duration"},
        {"type": "summary", "summary": "Refunds", "leafUuid": "u"},
        {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}},
    ],
)
def test_other_lines_of_a_transcript_are_no_requests(line: Json) -> None:
    row = read(line)
    assert (row.spec, row.outcome) == ("claude-code", Outcome.SKIP)


def test_messages_that_the_program_made_itself_are_no_requests() -> None:
    line = claude_code(USED)
    line["message"]["model"] = "<synthetic>"
    assert read(line).outcome is Outcome.SKIP


def test_gemini_thinks_beside_its_answer_and_uses_tools_beside_the_prompt() -> None:
    usage = {"promptTokenCount": 1000, "cachedContentTokenCount": 600, "candidatesTokenCount": 50}
    usage |= {"thoughtsTokenCount": 200, "toolUsePromptTokenCount": 30, "totalTokenCount": 1280}
    assert tokens(read({"modelVersion": "gemini-2.5-pro", "usageMetadata": usage})) == {
        "input_uncached": 430,
        "input_cache_read": 600,
        "output_text": 50,
        "output_reasoning": 200,
    }


def test_gemini_audio_is_taken_out_once_also_where_it_was_cached() -> None:
    line = gemini(
        {"input_uncached": 90, "input_cache_read": 400, "input_audio": 60, "output_text": 5, "output_reasoning": 0}
    )
    usage = line["usageMetadata"]
    usage["cacheTokensDetails"] = [{"modality": "AUDIO", "tokenCount": 100}]
    usage["promptTokensDetails"][1]["tokenCount"] = 160
    assert tokens(read(line)) == {"input_uncached": 90, "input_cache_read": 400, "input_audio": 60, "output_text": 5}


def test_gemini_draws_and_speaks() -> None:
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 1310, "totalTokenCount": 1320}
    usage["candidatesTokensDetails"] = [
        {"modality": "IMAGE", "tokenCount": 1290},
        {"modality": "AUDIO", "tokenCount": 5},
    ]  # type: ignore[assignment]
    assert tokens(read({"modelVersion": "gemini-2.5-flash-image", "usageMetadata": usage})) == {
        "input_uncached": 10,
        "output_text": 15,
        "output_audio": 5,
        "output_image": 1290,
    }


@pytest.mark.parametrize(
    ("word", "tier"),
    [("ON_DEMAND", "default"), ("ON_DEMAND_PRIORITY", "priority"), ("ON_DEMAND_FLEX", "flex"), (None, "default")],
)
def test_gemini_traffic_types(word: str | None, tier: str) -> None:
    usage = {"promptTokenCount": 1, "totalTokenCount": 1, "trafficType": word}
    assert read({"modelVersion": "gemini-2.5-pro", "usageMetadata": usage}).tier == tier


def test_a_gemini_answer_without_usage_is_unpriced() -> None:
    assert read({"modelVersion": "gemini-2.5-pro", "candidates": [{}]}).outcome is Outcome.NO_USAGE
