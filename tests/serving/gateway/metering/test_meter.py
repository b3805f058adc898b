"""From an answer's bytes to what the call came to, and to those who take note of it: once for each call."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmopt.core.usage import Usage
from llmopt.serving.gateway.log_line import line_of
from llmopt.serving.gateway.metering.meter import Meter
from llmopt.serving.gateway.metering.pricing import Pricer
from llmopt.serving.gateway.values import Api, Metered
from tests.serving.gateway.metering.answers import chat, chat_stream, frames, message_stream, packed, response
from tests.serving.gateway.metering.calls import TABLE, call

PLAIN = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
ASKED = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Tell me a story about a lamp shop."}]}
STORY = ["Once upon a time", " there was a shop", " that sold lamps."]


class Notes:
    """Takes note."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, Decimal | None]] = []

    def note(self, metered: Metered) -> None:
        """Keep what is noted."""
        self.noted.append((metered.request_id, metered.cost_usd))


METER = Meter(Pricer(TABLE))


def test_a_whole_answer_is_billed_by_what_it_says() -> None:
    metered = call()
    METER.answered(metered, packed(chat(usage=PLAIN) | {"service_tier": "priority"}), request=ASKED)
    assert (metered.usage, metered.usage_from) == (Usage(input_uncached=1000, output_text=100), "billed")
    assert (metered.answered_model, metered.tier) == ("gpt-4o-2024-08-06", "priority")
    assert metered.cost_usd == Pricer(TABLE).cost_usd(
        "gpt-4o-2024-08-06", Usage(input_uncached=1000, output_text=100), tier="priority", at_s=metered.began_s
    )


def test_a_stream_is_billed_by_what_it_says() -> None:
    metered = call(streamed=True)
    METER.answered(metered, frames(chat_stream(STORY, PLAIN)), request=ASKED)
    assert (metered.usage_from, metered.cost_usd) == ("billed", Decimal("0.0035"))


def test_a_stream_without_usage_is_counted() -> None:
    metered = call(streamed=True)
    METER.answered(metered, frames(chat_stream(STORY, None)), request=ASKED)
    assert metered.usage_from == "estimated"
    assert metered.usage is not None
    # 12 tokens of o200k_base and 8 around them; the story has 13.
    assert 14 <= metered.usage.input_uncached <= 24
    assert 10 <= metered.usage.output_text <= 15
    assert metered.cost_usd is not None
    assert metered.cost_usd > 0


def test_of_a_message_that_was_left_the_input_is_billed_and_the_output_counted() -> None:
    metered = call(api=Api.MESSAGES, model="claude-sonnet-4-5", streamed=True, status=499, error="aborted")
    body = frames(message_stream(STORY, start={"input_tokens": 30, "output_tokens": 1}, end=None), named=True)
    METER.answered(metered, body, request=ASKED, ended=False)
    assert metered.usage is not None
    assert metered.usage.input_uncached == 30
    assert 10 <= metered.usage.output_text <= 15
    assert (metered.usage_from, metered.answered_model) == ("estimated", "claude-sonnet-4-5")


def test_a_client_that_left_before_the_first_piece_is_charged_its_input() -> None:
    metered = call(streamed=True, status=499, error="aborted")
    METER.answered(metered, b"", request=ASKED, ended=False)
    assert metered.usage is not None
    assert metered.usage.input_uncached > 0
    assert metered.usage.output_text == 0


def test_what_compression_took_out_is_not_counted() -> None:
    plain, short = call(), call(compressed_tokens=7)
    for metered in (plain, short):
        METER.answered(metered, frames(chat_stream(STORY, None)), request=ASKED)
    assert plain.usage is not None
    assert short.usage is not None
    assert plain.usage.input_uncached - short.usage.input_uncached == 7


@pytest.mark.parametrize("ended", [True, False], ids=["whole", "cut"])
@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_errors_are_not_charged(status: int, ended: bool) -> None:
    metered = call(status=status, error="overloaded")
    METER.answered(metered, packed({"error": {"message": "no"}}), request=ASKED, ended=ended)
    assert (metered.usage, metered.cost_usd) == (None, Decimal(0))


@pytest.mark.parametrize(
    ("changes", "answer", "usage"),
    [
        pytest.param({"status": 400}, packed({"error": {"message": "no"}}), None, id="refused upstream"),
        pytest.param({"status": 500}, packed(response(None, "failed")), None, id="failed without usage"),
        pytest.param(
            {"status": 500}, packed(chat(usage=PLAIN)), Usage(input_uncached=1000, output_text=100), id="billed"
        ),
        pytest.param({"status": 302}, b"", None, id="sent elsewhere"),
        pytest.param({"status": 204}, b"", None, id="nothing"),
        pytest.param({}, b"<html>", None, id="no JSON"),
        pytest.param({}, packed({"a": 1}), None, id="no answer"),
        pytest.param({"api": Api.OTHER}, packed({"object": "list", "data": []}), None, id="no usage elsewhere"),
        pytest.param(
            {"api": Api.OTHER, "method": "GET"}, packed(chat(usage=PLAIN)), None, id="an earlier call looked up"
        ),
        pytest.param(
            {"api": Api.OTHER, "path": "/v1/responses/r/cancel"}, packed(chat(usage=PLAIN)), None, id="one cancelled"
        ),
        pytest.param(
            {"api": Api.OTHER},
            packed(chat(usage=PLAIN)),
            Usage(input_uncached=1000, output_text=100),
            id="passed through",
        ),
    ],
)
def test_answers_whose_texts_are_not_counted(changes: dict[str, Any], answer: bytes, usage: Usage | None) -> None:
    metered = call(**changes)
    METER.answered(metered, answer, request=ASKED)
    assert metered.usage == usage
    assert metered.usage_from == ("none" if usage is None else "billed")


def test_a_name_that_is_too_long_is_none() -> None:
    metered = call()
    METER.answered(metered, packed(chat("x" * 1000, usage=PLAIN)), request=ASKED)
    assert (metered.answered_model, metered.billed_model) == ("", "gpt-4o")


def test_a_long_stream_is_counted_by_its_begin() -> None:
    metered = call(streamed=True)
    METER.answered(metered, frames(chat_stream([STORY[0] + "!"] * 4000, None)), request=ASKED, ended=False)
    assert metered.usage is not None
    assert 4000 * 4 <= metered.usage.output_text <= 4000 * 7


def test_every_observer_is_told_once_and_what_has_no_cost_yet_is_priced() -> None:
    first, second = Notes(), Notes()
    meter = Meter(Pricer(TABLE), (first, second))
    billed, hit, late = call(), call(request_id="r-2", cache="hit", attempts=0), call(request_id="r-3", error="timeout")
    meter.answered(billed, packed(chat(usage=PLAIN)), request=ASKED)
    for metered in (billed, hit, late):
        meter.note(metered)
    assert first.noted == second.noted == [("r-1", Decimal("0.0035")), ("r-2", Decimal(0)), ("r-3", None)]


@pytest.mark.parametrize(
    ("path", "cost_usd"),
    [
        ("/v1/messages/count_tokens", 0),
        ("/v1/responses/input_tokens", 0),
        ("/v1beta/models/gemini-2.5-flash:countTokens", 0),
        ("/openai/v1/files", 0),
        ("/v1/uploads/up_1/parts", 0),
        ("/v1/messages/batches", 0),
        ("/v1/moderations", 0),
        ("/v1/responses/r_1/cancel", 0),
        ("/v1/audio/speech", None),
        ("/v1/profiles", None),
        ("/v1/files/of/a/model", None),
    ],
)
def test_what_asks_no_model_is_free_and_no_unpriced_call(path: str, cost_usd: int | None) -> None:
    metered = call(api=Api.OTHER, path=path)
    METER.answered(metered, packed({"input_tokens": 77}), request={})
    METER.note(metered)
    assert (metered.cost_usd, metered.usage) == (cost_usd, None)
    assert (b'"billable":false' in line_of(metered)) == (cost_usd == 0)
