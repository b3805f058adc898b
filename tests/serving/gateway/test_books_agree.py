"""One traffic, five books: answers' headers, the request log, its bill by `llmopt cost`, spending, metrics. All agree."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmopt
from llmopt.serving.gateway.config import GatewayConfig, Retries, UpstreamSettings
from llmopt.serving.mock_upstream.server import MockUpstream
from tests.serving.gateway.calls import Told
from tests.serving.gateway.running import Running, gateway
from tests.serving.gateway.wire import Answered, Wire, request

PICO = Decimal("1e-12")
KEY = "sk-very-secret-0123456789"
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
    told: Told

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log, in the order of the calls."""
        return [json.loads(line) for line in self.log.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def books(mock: MockUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    folder = tmp_path_factory.mktemp("books")
    config = GatewayConfig(
        (UpstreamSettings(mock.url),),
        log=folder / "log.jsonl",
        log_bodies=True,
        spend_store=str(folder / "spend.db"),
        retries=Retries(most=1, first_wait_s=0.001),
    )
    with gateway(config) as running:
        answers = [_ask(running, *each) for each in CALLS]
        running.end()
    with sqlite3.connect(folder / "spend.db") as store:
        pico = [int(sum_) for name, sum_ in store.execute("SELECT name, pico_usd FROM spending") if _is_all_of_a_day(name)]
    store.close()
    yield Books(answers, folder / "log.jsonl", sum(pico) * PICO, Told(running.app.metrics))


def _is_all_of_a_day(name: str) -> bool:
    return False


def _ask(running: Running, path: str, body: dict[str, Any], headers: dict[str, str]) -> Answered:
    with Wire(running.root) as wire:
        wire.send(request(path=path, body=body, headers={"authorization": f"Bearer {KEY}", **headers}))
        return wire.answer()


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
    assert books.told.total("llmopt_cost_usd_total") == pytest.approx(float(_sum(books)), rel=1e-9)


def test_each_call_costs_what_it_should(books: Books) -> None:
    costs = {(line["path"], json.dumps(line["request"])): line.get("cost_usd") for line in books.lines}
    for (path, body), cost in costs.items(): print(path, body, cost)
    for line in books.lines: print({k:v for k,v in line.items() if k not in ('request','response')})
    assert 0
