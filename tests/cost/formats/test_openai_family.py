"""Traps of OpenAI's formats and of those that imitate them."""

from __future__ import annotations

import copy

import pytest

from llmopt.cost.spec.row import Outcome
from tests.cost.reading import read, read_all, tokens
from tests.cost.records import BUILDERS, Json, Truth, openai_chat, openai_responses, vllm, xai

USED: Truth = {"input_uncached": 176, "input_cache_read": 1024, "output_text": 44, "output_reasoning": 256}


def chat(**changes: Json) -> Json:
    return openai_chat(USED) | changes


def usage(**changes: Json) -> Json:
    return {"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280} | changes


def test_cached_tokens_are_counted_once() -> None:
    row = read(chat())
    assert tokens(row) == USED
    assert row.usage.input_tokens == 1200
    assert row.usage.output_tokens == 300


@pytest.mark.parametrize("details", [{}, {"prompt_tokens_details": None, "completion_tokens_details": None}])
def test_absent_and_null_details_are_no_details(details: Json) -> None:
    assert tokens(read(chat(usage=usage(**details)))) == {"input_uncached": 1200, "output_text": 80}


def test_a_details_field_that_is_null_is_zero() -> None:
    row = read(chat(usage=usage(prompt_tokens_details={"cached_tokens": None, "audio_tokens": None})))
    assert tokens(row) == {"input_uncached": 1200, "output_text": 80}


@pytest.mark.parametrize("wrapper", ["response", "body", "data"])
@pytest.mark.parametrize("build", [openai_chat, openai_responses])
def test_a_body_is_found_behind_a_wrapper(wrapper: str, build: Json) -> None:
    row = read({"ts": "2026-03-02T08:00:00Z", "user": "ana", wrapper: build(USED)})
    assert tokens(row) == USED
    assert row.groups["user"] == "ana"


def test_bodies_are_found_in_a_page() -> None:
    rows = read_all([{"object": "list", "data": [chat(), chat(id="chatcmpl-2")], "has_more": False}])
    assert [row.request_id for row in rows] == ["chatcmpl-1", "chatcmpl-2"]


def test_only_the_last_chunk_of_a_stream_is_a_request() -> None:
    chunk = chat(object="chat.completion.chunk", usage=None)
    assert read(chunk).outcome is Outcome.SKIP
    del chunk["usage"]
    assert read(chunk).outcome is Outcome.SKIP
    assert tokens(read(chat(object="chat.completion.chunk", choices=[]))) == USED


def test_running_usage_on_every_chunk_is_not_added_up() -> None:
    running = vllm({"input_uncached": 9, "output_text": 1}) | {"object": "chat.completion.chunk"}
    running["choices"] = [{"index": 0, "delta": {"content": "Ha"}, "finish_reason": None}]
    last = copy.deepcopy(running) | {"choices": []}
    assert [row.outcome for row in read_all([running, last])] == [Outcome.SKIP, Outcome.OK]


def test_a_failed_request_is_free_and_a_cut_off_one_is_not() -> None:
    failed = chat(usage=None, error={"message": "boom", "type": "server_error"})
    assert read(failed).outcome is Outcome.FREE
    assert read(chat(usage=None)).outcome is Outcome.NO_USAGE
    # An error after billed tokens does not make them free.
    assert read(chat(error={"message": "filtered"})).outcome is Outcome.OK


def test_a_bare_error_body_is_a_failed_request() -> None:
    row = read({"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}})
    assert row.outcome is Outcome.FREE


def test_parts_that_exceed_their_whole_are_rejected() -> None:
    row = read(chat(usage=usage(prompt_tokens_details={"cached_tokens": 1300})))
    assert row.outcome is Outcome.BAD
    assert "input_uncached" in row.reason


def test_a_total_that_does_not_add_up_is_rejected() -> None:
    row = read(chat(usage=usage(total_tokens=1300)))
    assert row.outcome is Outcome.BAD
    assert row.reason == "the parts add up to 1280 tokens, the record says 1300"


@pytest.mark.parametrize("count", [-1, 12.5, True, "many", 10**30])
def test_a_count_that_is_none_is_rejected(count: Json) -> None:
    assert read(chat(usage={"prompt_tokens": count, "completion_tokens": 1})).outcome is Outcome.BAD


@pytest.mark.parametrize(
    ("word", "tier"),
    [(None, "default"), ("auto", "default"), ("flex", "flex"), ("priority", "priority"), ("scale", "default")],
)
def test_service_tiers(word: str | None, tier: str) -> None:
    assert read(chat(service_tier=word)).tier == tier


def test_an_unknown_tier_is_rejected() -> None:
    assert read(chat(service_tier="turbo")).reason == "unknown service tier 'turbo'"


@pytest.mark.parametrize(
    ("model", "name", "provider"),
    [
        ("gpt-4o-2024-08-06", "openai-chat", "openai"),
        ("o3", "openai-chat", "openai"),
        ("ft:gpt-4o-mini-2024-07-18:acme::x1", "openai-chat", "openai"),
        ("Qwen/Qwen3-32B", "vllm", None),
        ("openai/gpt-oss-120b", "vllm", None),
        ("gpt-oss-20b", "vllm", None),
        ("grok-4-0709", "xai", "x-ai"),
        ("x-ai/grok-4", "vllm", None),
    ],
)
def test_the_model_tells_openai_from_its_imitators(model: str, name: str, provider: str | None) -> None:
    row = read(chat(model=model))
    assert (row.spec, row.provider) == (name, provider)


def test_a_wrapper_can_name_xai() -> None:
    assert read({"provider": "xai", "response": chat(model="fast")}).spec == "xai"


def test_xai_counts_reasoning_beside_the_answer_unless_the_total_says_otherwise() -> None:
    outside = xai(USED)
    assert outside["usage"]["completion_tokens"] == 44
    assert tokens(read(outside)) == USED
    inside = chat(model="grok-4-0709")
    assert inside["usage"]["completion_tokens"] == 300
    assert tokens(read(inside)) == USED
    del outside["usage"]["total_tokens"]
    assert tokens(read(outside)) == USED


def test_azure_is_told_by_its_filter_results() -> None:
    row = read(chat(prompt_filter_results=[{"prompt_index": 0}]))
    assert (row.spec, row.provider, tokens(row)) == ("azure-apim", "azure", USED)


def test_deepseek_names_its_cache_hits_otherwise() -> None:
    row = read(vllm({"input_uncached": 1200, "output_text": 80}) | {"usage": usage(prompt_cache_hit_tokens=1024)})
    assert tokens(row) == {"input_uncached": 176, "input_cache_read": 1024, "output_text": 80}


def test_an_application_log_without_object() -> None:
    row = read({"timestamp": "2026-03-02T08:00:00Z", "model": "gpt-4o", "usage": usage()})
    assert (row.spec, row.provider, row.usage.input_uncached) == ("vllm", "openai", 1200)
    assert row.timestamp is not None


def test_an_embedding_has_no_output() -> None:
    body = {"object": "list", "data": [], "model": "text-embedding-3-small"}
    row = read(body | {"usage": {"prompt_tokens": 8, "total_tokens": 8}})
    assert (tokens(row), row.provider) == ({"input_uncached": 8}, "openai")


def test_a_chat_without_its_output_count_is_rejected() -> None:
    assert read(chat(usage={"prompt_tokens": 8})).reason == "usage without a count for output_text"


def test_responses_of_a_stream_are_counted_at_its_end() -> None:
    opened = openai_responses(USED) | {"status": "in_progress", "usage": None}
    events = [{"type": "response.created", "response": opened}, {"type": "response.in_progress", "response": opened}]
    events.append({"type": "response.completed", "response": openai_responses(USED)})
    assert [row.outcome for row in read_all(events)] == [Outcome.SKIP, Outcome.SKIP, Outcome.OK]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("failed", Outcome.FREE), ("cancelled", Outcome.NO_USAGE), ("in_progress", Outcome.NO_USAGE)],
)
def test_a_response_without_usage(status: str, outcome: Outcome) -> None:
    assert read(openai_responses(USED) | {"status": status, "usage": None}).outcome is outcome


def test_the_wrapper_makes_it_a_batch_whatever_the_body_says() -> None:
    line = BUILDERS["openai-batch"][2](USED)
    assert line["response"]["body"]["service_tier"] == "default"
    assert read(line).tier == "batch"
    line["response"]["body"] = openai_responses(USED)
    row = read(line)
    assert (row.tier, tokens(row)) == ("batch", USED)


def test_failed_lines_of_a_batch_are_free() -> None:
    line = BUILDERS["openai-batch"][2](USED)
    bad = {"status_code": 400, "request_id": "r", "body": {"error": {"message": "too long"}}}
    assert read(line | {"response": bad}).outcome is Outcome.FREE
    expired = {"code": "batch_expired", "message": "late"}
    assert read(line | {"response": None, "error": expired}).outcome is Outcome.FREE


def test_usage_pages_and_single_buckets() -> None:
    page = BUILDERS["openai-usage"][2](dict.fromkeys(BUILDERS["openai-usage"][1], 7))
    (row,) = read_all([page])
    assert (row.requests, row.tier, row.timestamp is not None) == (3, "default", True)
    bucket = page["data"][0]
    bucket["results"] = [bucket["results"][0] | {"batch": True}, bucket["results"][0] | {"num_model_requests": 1}]
    assert [(row.tier, row.requests) for row in read_all([bucket])] == [("batch", 3), ("default", 1)]


def test_parts_of_a_gateway_message_share_a_key_and_the_one_with_usage_ranks_first() -> None:
    whole = BUILDERS["azure-apim"][2]({"input_uncached": 5, "output_text": 6})
    part = whole | {"PromptTokens": None, "CompletionTokens": None, "TotalTokens": None, "SequenceNumber": 1}
    first, second = read_all([part, whole])
    assert (first.outcome, second.outcome) == (Outcome.NO_USAGE, Outcome.OK)
    assert first.key == second.key == ("c1",)
    assert second.order > first.order


def test_azure_s_streams_open_with_a_chunk_that_is_no_request() -> None:
    opening = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{}]}
    row = read(opening)
    assert (row.spec, row.outcome) == ("azure-apim", Outcome.SKIP)


def test_usage_of_embeddings_has_no_output() -> None:
    row = {"object": "organization.usage.embeddings.result", "input_tokens": 640, "num_model_requests": 2}
    row["model"] = "text-embedding-3-small"
    bucket = {"object": "bucket", "start_time": 1772438400, "end_time": 1772524800, "results": [row]}
    assert tokens(read(bucket)) == {"input_uncached": 640}
