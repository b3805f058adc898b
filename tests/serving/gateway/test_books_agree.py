"""One traffic, five books that agree: answers' headers, request log, its bill by `llmopt cost`, spending, metrics."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmopt
from llmopt.serving.gateway.config.settings import GatewayConfig, Retries, UpstreamSettings
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.running import gateway
from tests.serving.gateway.wire import Answered, ask

PICO = Decimal("1e-12")
KEY = "sk-very-secret-0123456789"
SECRET = {"authorization": f"Bearer {KEY}"}
TOKENS = {"x-mock-input_tokens": "1200", "x-mock-cached_tokens": "1024", "x-mock-output_tokens": "80"}
THINKING = {"x-mock-reasoning_tokens": "48", **TOKENS}


def chat(text: str, **more: Any) -> dict[str, Any]:
    """Return the body of a chat completion."""
    return {"model": "gpt-4o", "temperature": 0, "messages": [{"role": "user", "content": text}], **more}


MESSAGE = {"model": "claude-sonnet-4-5", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]}
CALLS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("/v1/chat/completions", chat("first"), TOKENS),
    ("/v1/chat/completions", chat("first"), TOKENS),
    ("/v1/chat/completions", chat("first", stream=True), TOKENS),
    ("/v1/chat/completions", chat("second", stream=True), TOKENS),
    ("/v1/chat/completions", chat("second"), TOKENS),
    ("/v1/chat/completions", chat("third", stream=True, stream_options={"include_usage": True}), THINKING),
    ("/v1/chat/completions", chat("unknown", model="no-such-model"), TOKENS),
    ("/v1/chat/completions", chat("sampled", temperature=1), THINKING),
    ("/v1/chat/completions", chat("without usage", stream=True), {"x-mock-usage": "false"}),
    ("/v1/chat/completions", chat("refused"), {"x-mock-status": "400"}),
    ("/v1/chat/completions", chat("busy"), {"x-mock-status": "503"}),
    ("/v1/chat/completions", chat("dies", stream=True), {"x-mock-die_after": "3"}),
    ("/v1/responses", {"model": "gpt-5", "input": "hi"}, THINKING),
    ("/v1/responses", {"model": "gpt-5", "input": "ho", "stream": True}, THINKING),
    ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "hi"}, {}),
    ("/v1/messages", MESSAGE, TOKENS),
    ("/v1/messages", {**MESSAGE, "stream": True, "temperature": 1}, TOKENS),
]


@dataclass
class Books:
    """What came of the traffic."""

    answers: list[Answered]
    log: Path
    spent_usd: Decimal
    metrics: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log, in the order of the calls."""
        return [json.loads(line) for line in self.log.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def books(mock: MockUpstream, tmp_path_factory: pytest.TempPathFactory) -> Books:
    folder = tmp_path_factory.mktemp("books")
    config = GatewayConfig(
        (UpstreamSettings(mock.url),),
        log=folder / "log.jsonl",
        log_bodies=True,
        spend_store=str(folder / "spend.db"),
        retries=Retries(most=1, first_wait_s=0.001),
    )
    with gateway(config) as running:
        answers = [ask(running.root, path, body, headers=SECRET | headers) for path, body, headers in CALLS]
        metrics = ask(running.root, "/metrics", method="GET").body.decode()
        running.end()
    with closing(sqlite3.connect(folder / "spend.db")) as store:
        found = store.execute("SELECT pico_usd FROM spending WHERE name LIKE 'month:%:all'").fetchall()
    return Books(answers, folder / "log.jsonl", sum(pico for (pico,) in found) * PICO, metrics)


def test_every_call_is_one_line_in_order(books: Books) -> None:
    sent = [answer.header("x-llmopt-request-id") for answer in books.answers]
    assert [line["request_id"] for line in books.lines] == sent
    assert [line["status"] for line in books.lines] == [answer.status for answer in books.answers]
    assert KEY not in books.log.read_text()


def test_headers_say_what_the_log_says(books: Books) -> None:
    for answer, line in zip(books.answers, books.lines, strict=True):
        told = answer.header("x-llmopt-cost-usd")
        if told is not None:
            assert Decimal(told) == Decimal(line["cost_usd"])
    assert sum(answer.header("x-llmopt-cost-usd") is not None for answer in books.answers) >= 8


def test_the_bill_of_the_log_is_its_sum(books: Books) -> None:
    report = llmopt.price_logs(books.log)
    assert report.total.cost_usd == report.total.reported_usd == _sum(books)
    assert not report.rejected
    assert report.read == len(CALLS)


def _sum(books: Books) -> Decimal:
    return sum((Decimal(line["cost_usd"]) for line in books.lines if "cost_usd" in line), Decimal(0))


def test_spending_and_metrics_have_the_same_sum(books: Books) -> None:
    assert books.spent_usd == _sum(books)
    counted = [line for line in books.metrics.splitlines() if line.startswith("llmopt_cost_usd_total{")]
    assert sum(Decimal(line.rpartition(" ")[2]) for line in counted) == _sum(books)


def test_each_call_costs_what_its_tokens_add_up_to(books: Books) -> None:
    # 176 uncached, 1,024 cached and 80 written tokens, at $2.50, $1.25 and $10 a million.
    gpt_4o = Decimal("0.00044") + Decimal("0.00128") + Decimal("0.0008")
    assert [line.get("cost_usd") for line in books.lines[:7]] == [
        str(gpt_4o),
        "0",
        "0",
        str(gpt_4o),
        "0",
        str(gpt_4o),
        None,
    ]
    assert [line["cache"] for line in books.lines[:5]] == ["miss", "hit", "hit", "miss", "hit"]
    assert [line.get("saved_usd") for line in books.lines[1:3]] == [{"cache": str(gpt_4o)}] * 2
    # At $1.25, $0.125 and $10; then at $3, $0.30 and $15.
    gpt_5 = Decimal("0.00022") + Decimal("0.000128") + Decimal("0.0008")
    claude = Decimal("0.000528") + Decimal("0.0003072") + Decimal("0.0012")
    assert [Decimal(line["cost_usd"]) for line in books.lines[12:14]] == [gpt_5] * 2
    assert [Decimal(line["cost_usd"]) for line in books.lines[15:]] == [claude] * 2
    assert Decimal(books.lines[14]["cost_usd"]) == 20 * Decimal("0.00000002")


def test_what_was_not_told_is_counted_and_errors_are_free(books: Books) -> None:
    untold, refused, busy, died = books.lines[8:12]
    assert (untold["usage_from"], died["usage_from"]) == ("estimated", "estimated")
    assert (untold["usage"]["output_text"], died["usage"]["output_text"]) == (5, 2)
    assert died["error"] == "connection"
    assert [(line["usage_from"], line["cost_usd"], line["error"]) for line in (refused, busy)] == [
        ("none", "0", "request"),
        ("none", "0", "overloaded"),
    ]
    assert busy["attempts"] == 2


def test_bodies_are_logged_whole_whichever_way_they_came(books: Books) -> None:
    for (_, body, _), line in zip(CALLS, books.lines, strict=True):
        assert line["request"] == body
    streamed, read = books.lines[3]["response"], books.lines[0]["response"]
    assert streamed["object"] == "chat.completion"
    assert streamed["choices"][0]["message"]["content"] == read["choices"][0]["message"]["content"]
