"""Checkpoints of each task behind HTTP: what is shown of their results, and inputs that do not fit."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from llmopt.serving.batching import BatchSettings
from tests.models.extras import library, save_bert, save_gpt
from tests.serving.model_server.running import Running, serving

library("torch", "semantic")
Serve = Callable[..., AbstractContextManager[Running]]


@pytest.fixture
def serve() -> Serve:
    """Return what serves a folder until the block ends."""
    served = importlib.import_module("llmopt.cli.serve_model").served
    open_model = importlib.import_module("llmopt.models.checkpoint").open_model

    @contextmanager
    def run(folder: Path, *, truncate: bool = False, **options: Any) -> Iterator[Running]:
        model = open_model(folder, device="cpu", **options)
        with serving(served(model, "tiny", truncate=truncate), BatchSettings(max_batch_size=4)) as running:
            yield running

    return run


def test_a_generator_gives_text_of_so_many_tokens(tmp_path: Path, serve: Serve) -> None:
    with serve(save_gpt(tmp_path / "gpt"), new_tokens=5) as server:
        answer = server.ask("/predict", {"input": ["the report", "send it to the team"]}).json
        assert [output["tokens"] for output in answer["outputs"]] == [5, 5]
        assert all(isinstance(output["text"], str) for output in answer["outputs"])
        alone = server.ask("/predict", {"input": "the report"}).json
        assert alone["outputs"][0] == answer["outputs"][0]
        assert server.ask("/v1/embeddings", {"input": "a", "model": "tiny"}).code == "no_embeddings"
        long = server.ask("/predict", {"input": "the " * 70})
        assert long.code == "too_many_tokens"
        assert long.json["error"]["message"].endswith("tiny takes 59")


def test_a_classifier_gives_every_score(tmp_path: Path, serve: Serve) -> None:
    with serve(save_bert(tmp_path / "bert", "BertForSequenceClassification")) as server:
        outputs = server.ask("/predict", {"input": ["send the report", "blue form"]}).json["outputs"]
        for output in outputs:
            assert set(output) == {"label", "score", "scores"}
            assert output["score"] == max(output["scores"].values()) == output["scores"][output["label"]]
            assert sum(output["scores"].values()) == pytest.approx(1)


def test_token_ids_beyond_the_vocabulary_are_refused(tmp_path: Path, serve: Serve) -> None:
    with serve(save_bert(tmp_path / "bert"), task="embed") as server:
        known = server.ask("/predict", {"input": [2, 5, 3]})
        assert known.status == 200
        message = server.ask("/predict", {"input": [2, 5000, 3]}).json["error"]["message"]
        last = int(message.rpartition(" ")[2])
        assert server.ask("/predict", {"input": [2, last, 3]}).status == 200
        assert server.ask("/predict", {"input": [2, last + 1, 3]}).code == "unknown_token"


def test_a_model_is_served_on_its_own_thread_and_warm(tmp_path: Path, serve: Serve) -> None:
    with serve(save_bert(tmp_path / "bert"), task="embed") as server:
        assert server.metric("llmopt_batch_inputs_count") == 0
        assert server.samples("llmopt_model_info")[0][0]["task"] == "embed"
        assert server.samples("llmopt_model_info")[0][0]["dtype"] == "float32"
