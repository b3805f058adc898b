"""What a call may return, through the real `openai` client and a server on loopback; and what goes wrong with it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from llmopt.errors import UsageError
from llmopt.serving.cache import CacheRequest, Entry, Found, MemoryStore, Reply, ResponseCache, replayed
from llmopt.serving.cache.replies import as_reply, as_usd
from tests.conftest import ROOT
from tests.serving.cache.test_cache import BODY, Model, chat, made, text

WHOLE = {"id": "x", "created": 7, **chat("by van"), "reasoning": "hm"}
ASKED: dict[str, Any] = {"model": "m", "temperature": 0, "messages": [{"role": "user", "content": "How?"}]}
FORMAT = {"type": "json_schema", "name": "x", "schema": {"type": "object"}}
RESPONSE = {
    "id": "r",
    "object": "response",
    "created_at": 7,
    "model": "m",
    "status": "completed",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "text": {"format": FORMAT},
    "output": [
        {
            "id": "o",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "{}", "annotations": []}],
        }
    ],
}


class Answering(BaseHTTPRequestHandler):
    """Sends an answer in the form that was asked for; a stream about `cut` breaks off."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[dict[str, Any]]] = []
    cache_control: ClassVar[str] = ""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(asked)
        body = json.dumps(RESPONSE if self.path.endswith("responses") else WHOLE).encode()
        if asked.get("stream"):
            frames = replayed(body) or ()
            body = b"".join(frames[:-2] if "cut" in str(asked) else frames)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if asked.get("stream") else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-cache" if asked.get("stream") else self.cache_control)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAI]:
    monkeypatch.setattr(Answering, "asked", [])
    with OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield client


def ways(client: OpenAI, asked: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    completions = client.chat.completions
    return {
        "object": lambda: completions.create(**asked),
        "raw": lambda: completions.with_raw_response.create(**asked),
        "stream": lambda: completions.create(**asked, stream=True),
        "raw stream": lambda: completions.with_raw_response.create(**asked, stream=True),
    }


@pytest.mark.parametrize("way", ["object", "raw", "stream", "raw stream"])
def test_whatever_the_client_gives_is_kept_as_the_server_sent_it(client: OpenAI, way: str) -> None:
    cache, _ = made()
    call = ways(client, ASKED)[way]
    assert [cache.get_or_call(ASKED, call).found for _ in range(2)] == [Found.MISS, Found.HIT]
    answer = cache.get(ASKED)
    assert answer is not None
    assert json.loads(answer.body) == WHOLE
    assert ChatCompletion.model_validate_json(answer.body).choices[0].message.content == "by van"
    assert len(Answering.asked) == 1


@pytest.mark.parametrize("way", ["object", "stream", "raw stream"])
def test_and_the_async_client_with_50_callers(url: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answering, "asked", [])
    cache, _ = made()

    async def main() -> set[bytes]:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            call: Any = ways(client, ASKED)[way]  # type: ignore[arg-type] # both clients have the same methods
            answers = await asyncio.gather(*(cache.aget_or_call(ASKED, call) for _ in range(50)))
        return {answer.body for answer in answers}

    assert [json.loads(body) for body in asyncio.run(main())] == [WHOLE]
    assert (len(Answering.asked), cache.counts().shared) == (1, 49)


@pytest.mark.parametrize("way", ["stream", "raw stream"])
def test_a_stream_of_the_client_that_broke_off_is_not_kept(client: OpenAI, way: str) -> None:
    cache, _ = made()
    cut = {**ASKED, "messages": [{"role": "user", "content": "cut"}]}
    answer = cache.get_or_call(cut, ways(client, cut)[way])
    assert answer.body.startswith(b"data:")
    assert (cache.get(cut), cache.counts().refused) == (None, {"incomplete": 1})


def test_fields_keep_the_names_that_the_server_gave_them(client: OpenAI) -> None:
    request = CacheRequest.of({"model": "m", "temperature": 0, "input": "How?"}, endpoint="/v1/responses")
    cache, _ = made()
    answer = cache.get_or_call(request, lambda: client.responses.create(model="m", temperature=0, input="How?"))
    assert json.loads(answer.body) == RESPONSE
    assert Response.model_validate_json(answer.body).output_text == "{}"


def test_a_raw_response_says_whether_it_may_be_kept(client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answering, "cache_control", "no-store")
    cache, _ = made()
    cache.get_or_call(ASKED, ways(client, ASKED)["raw"])
    assert (cache.get(ASKED), cache.counts().refused) == (None, {"no-store": 1})


def test_the_example_of_the_docs_works(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "cache.md").read_text(encoding="utf-8")
    (example,) = (code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "OpenAI()" in code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setattr(Answering, "asked", [])
    names: dict[str, Any] = {}
    exec(example, names)
    with names["client"], names["cache"]:
        answers = [names["complete"](**ASKED).choices[0].message.content for _ in range(2)]
    assert (answers, len(Answering.asked)) == (["by van"] * 2, 1)


def test_what_is_no_answer() -> None:
    assert as_reply(bytearray(b"{}")) == as_reply(memoryview(b"{}")) == as_reply("{}") == Reply(b"{}")
    for nothing in (None, 1, [1], Reply("{}"), Reply({}), "\ud800"):  # type: ignore[arg-type]
        with pytest.raises(UsageError):
            as_reply(nothing)


def test_a_call_of_the_wrong_kind() -> None:
    cache, _ = made()
    with pytest.raises(UsageError, match="the call is a dict"):
        cache.get_or_call(BODY, chat())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not async"):
        asyncio.run(cache.aget_or_call(BODY, chat))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the call is a coroutine"):
        asyncio.run(cache.aget_or_call(BODY, Model().soon()))  # type: ignore[arg-type]
    assert cache.in_flight == 0


@pytest.mark.parametrize("store", ["answers.db", Path("answers.db")])
def test_a_name_is_no_store(store: Any) -> None:
    with pytest.raises(UsageError, match="is a name"):
        ResponseCache(store)


@pytest.mark.parametrize("ttl", ["1h", None, object()])
def test_a_time_to_live_that_is_no_time(ttl: Any) -> None:
    with pytest.raises(UsageError, match="ttl is"):
        ResponseCache(MemoryStore(), ttl=ttl)


class Raising(MemoryStore):
    """A store that breaks the rule that none raises."""

    def get(self, key: str, now_s: float) -> Entry | None:
        raise RuntimeError("no")

    def set(self, key: str, entry: Entry) -> None:
        raise RuntimeError("no")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_store_that_raises_costs_no_answer(asynchronous: bool, caplog: pytest.LogCaptureFixture) -> None:
    cache, model = ResponseCache(Raising()), Model()
    for number in (1, 2):
        answer = asyncio.run(_asked(cache, model)) if asynchronous else text(cache.get_or_call(BODY, model))
        assert answer == f"answer {number}"
    assert cache.counts().errors == 4
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "store.get raised RuntimeError",
        "store.set raised RuntimeError",
    ]


async def _asked(cache: ResponseCache, model: Model) -> str | None:
    return text(await cache.aget_or_call(BODY, model.soon))


@pytest.mark.parametrize(
    ("price", "usd", "errors"),
    [
        (Decimal("0.25"), Decimal("0.25"), 0),
        (1e-7, Decimal("1e-7"), 0),
        (None, None, 0),
        ("free", None, 1),
        (KeyError("m"), None, 1),
    ],
)
def test_no_answer_is_lost_for_its_price(price: Any, usd: Decimal | None, errors: int) -> None:
    def priced(request: CacheRequest, reply: Reply) -> Any:
        if isinstance(price, Exception):
            raise price
        return price

    cache = ResponseCache(MemoryStore(), price=priced)
    assert [cache.get_or_call(BODY, chat).found for _ in range(2)] == [Found.MISS, Found.HIT]
    assert (cache.store.stats(time.time()).usd, cache.counts().errors) == (usd, errors)


def test_only_what_is_kept_has_a_price() -> None:
    cache = ResponseCache(MemoryStore(), price=lambda request, reply: Decimal(1) / len(reply.body))
    assert cache.get_or_call(BODY, lambda: Reply(b"", 503)).status == 503
    assert (cache.counts().errors, cache.counts().refused) == (0, {"status": 1})


def test_a_cost_that_is_none() -> None:
    with pytest.raises(UsageError, match="cost of a call is 'free'"):
        as_usd("free")


@pytest.mark.parametrize("control", ["private", "no-store"])
def test_what_is_for_one_caller_alone_is_not_shared(control: str) -> None:
    cache, _ = made()
    model = Model()

    async def own() -> Reply:
        number = model.calls = model.calls + 1
        await asyncio.sleep(0)
        return Reply(json.dumps(chat(f"own {number}")).encode(), cache_control=control)

    async def main() -> list[str | None]:
        return [text(each) for each in await asyncio.gather(*(cache.aget_or_call(BODY, own) for _ in range(5)))]

    assert sorted(map(str, asyncio.run(main()))) == [f"own {number}" for number in range(1, 6)]
    assert (cache.counts().misses, cache.counts().shared) == (5, 0)
