"""`/v1/embeddings` and `/v1/models` as OpenAI's own clients use them."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from llmopt.serving.batching import BatchSettings
from tests.serving.model_server.running import PATIENCE_S, Letters, Running, serving, until, vectors


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serving(Letters().served()) as running:
        yield running


@pytest.fixture
def client(server: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made


def test_the_client_gets_vectors(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="letters", input=["abc", "b"])
    assert [one.embedding for one in answer.data] == [[3.0, 97.0, -1.0], [1.0, 98.0, -1.0]]
    assert [one.index for one in answer.data] == [0, 1]
    assert (answer.object, answer.model, answer.usage.prompt_tokens, answer.usage.total_tokens) == (
        *("list", "letters", 4, 4),
    )


def test_the_client_may_ask_for_numbers_and_send_what_it_knows(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(
        model="letters", input="abc", encoding_format="float", dimensions=3, user="somebody"
    )
    assert answer.data[0].embedding == [3.0, 97.0, -1.0]


def test_the_client_may_send_token_ids(client: openai.OpenAI) -> None:
    one = client.embeddings.create(model="letters", input=[97, 98])
    assert [data.embedding for data in one.data] == [[2.0, 97.0, -1.0]]
    two = client.embeddings.create(model="letters", input=[[97, 98], [0]])
    assert [data.embedding for data in two.data] == [[2.0, 97.0, -1.0], [1.0, 0.0, -1.0]]


def test_base64_is_32_bit_floats_little_endian(server: Running) -> None:
    body = {"model": "letters", "input": "abc", "encoding_format": "base64"}
    (text,) = vectors(server.ask("/v1/embeddings", body))
    assert struct.unpack("<3f", base64.b64decode(str(text))) == (3.0, 97.0, -1.0)


def test_the_client_raises_what_it_raises_for_openai(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.embeddings.create(model="text-embedding-3-small", input="a")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="the vectors of letters have 3 dimensions") as wrong:
        client.embeddings.create(model="letters", input="a", dimensions=2)
    assert wrong.value.param == "dimensions"
    with pytest.raises(openai.BadRequestError, match="takes 20"):
        client.embeddings.create(model="letters", input=["a", "b" * 21])
    with pytest.raises(openai.InternalServerError, match=r"input\[1\]"):
        client.embeddings.create(model="letters", input=["a", "b!"])


def test_the_model_is_required_here(server: Running) -> None:
    answer = server.ask("/v1/embeddings", {"input": "a"})
    assert (answer.status, answer.code, answer.json["error"]["param"]) == (400, "wrong_field", "model")


def test_the_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["letters"]
    assert client.models.retrieve("letters").id == "letters"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([[1.0, float("nan")], [1.0, float("inf")], [-float("inf")]], "not_finite"),
        (["ab", 1.5, None, [[1.0]], [1.0, "a"]], "no_vector"),
    ],
)
def test_a_result_that_is_no_finite_vector_is_an_error(results: list[Any], code: str) -> None:
    model = Letters().served(predict=lambda requests: [results[request[0]] for request in requests])
    with serving(model) as server:
        for at in range(len(results)):
            bodies = [{"encoding_format": form} for form in ("float", "base64")] + [{"dimensions": 2}] * (at == 0)
            answers = [server.ask("/v1/embeddings", {"model": "letters", "input": [at], **body}) for body in bodies]
            answers.append(server.ask("/predict", {"input": [at]}))
            assert {(answer.status, answer.code) for answer in answers} == {(500, code)}


def test_fifty_async_callers_share_batches() -> None:
    model = Letters(hold=True)

    async def ask(url: str) -> list[list[float]]:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
            texts = [chr(97 + at % 26) * (1 + at % 9) for at in range(50)]
            asked = [asyncio.ensure_future(client.embeddings.create(model="letters", input=text)) for text in texts]
            await asyncio.to_thread(model.began.get, timeout=PATIENCE_S)
            await asyncio.to_thread(until, lambda: running.metric("llmopt_http_requests_in_flight") >= 50)
            model.go.set()
            answers = await asyncio.gather(*asked)
            assert [answer.usage.total_tokens for answer in answers] == [len(text) for text in texts]
            return [answer.data[0].embedding for answer in answers]

    with serving(model.served(), BatchSettings(max_batch_size=16)) as running:
        found = asyncio.run(ask(running.url))
    assert found == [[float(1 + at % 9), float(97 + at % 26), -1.0] for at in range(50)]
    assert sum(model.sizes) == 50
    assert max(model.sizes) == 16
