"""A checkpoint as an embedder: vectors as the model makes them, none for cut text, and safe between threads."""

from __future__ import annotations

import importlib
import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, UsageError
from tests.models.extras import library, save_bert

torch = library("torch", "semantic")
SentenceEmbedder: Any = importlib.import_module("llmopt.models.embedder").SentenceEmbedder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("bert"))


def dot(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def test_vectors_have_length_one_and_come_in_order(folder: Path) -> None:
    embed = SentenceEmbedder(folder)
    texts = ["send the report", "the team reads it", "a form", ""]
    vectors = embed(texts)
    assert [len(vector) for vector in vectors] == [8] * 4
    assert [dot(vector, vector) for vector in vectors] == pytest.approx([1] * 4, abs=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        (alone,) = embed([text])
        assert alone == pytest.approx(vector, abs=1e-5)
    assert embed([]) == []
    assert embed.name == str(folder)


def test_text_longer_than_the_model_reads_gets_no_vector(folder: Path, tmp_path: Path) -> None:
    short = save_bert(tmp_path / "short")
    (short / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 6}), encoding="utf-8")
    embed = SentenceEmbedder(short)
    whole, cut, huge = embed(["a a a a", "a a a a a", "a" * 100_000])
    assert whole is not None
    assert cut is None
    assert huge is None


def test_a_query_prompt_goes_before_each_text(tmp_path: Path) -> None:
    prompted = save_bert(tmp_path / "prompted")
    (plain,) = SentenceEmbedder(prompted)(["send report"])
    config = {"prompts": {"query": "send ", "document": "team "}}
    (prompted / "config_sentence_transformers.json").write_text(json.dumps(config), encoding="utf-8")
    (vector,) = SentenceEmbedder(prompted)(["report"])
    assert vector == pytest.approx(plain, abs=1e-6)


def test_threads_share_a_model(folder: Path) -> None:
    embed = SentenceEmbedder(folder)
    texts = [f"the report of team {'a ' * count}" for count in range(1, 30)]
    expected = embed(texts)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(embed, [texts] * 8):
            for one, other in zip(vectors, expected, strict=True):
                assert one == pytest.approx(other, abs=1e-5)


def test_weights_without_finite_numbers_are_refused(tmp_path: Path) -> None:
    broken = save_bert(tmp_path / "broken")
    safetensors = importlib.import_module("safetensors.torch")
    weights = safetensors.load_file(broken / "model.safetensors")
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    weights[name][-1] = float("nan")  # a word that is not tried out when the model is opened
    safetensors.save_file(weights, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="finite"):
        SentenceEmbedder(broken)(["form"])


def test_what_cannot_be_opened_is_said(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="absent"):
        SentenceEmbedder(tmp_path / "absent")
    with pytest.raises(UsageError):
        SentenceEmbedder(folder, device="warp")
