"""LLMLingua-2 weights are opened from a folder, offline, and answer with words of the text in its order.

The weights are random: which words they keep says nothing, only that the package is driven as it should be.
"""

from __future__ import annotations

import importlib
import os
import random
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, UsageError
from tests.models.extras import library, save_bert

llmlingua = library("llmlingua", "llmlingua")
LinguaRewriter: Any = importlib.import_module("llmopt.models.lingua").LinguaRewriter

TEXT = "you send the report to the team , and it reads the green form before the blue form . 3 of it is not green !"
KIND = "BertForTokenClassification"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("lingua") / "any name", KIND)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def is_part(of: list[str], found: list[str]) -> bool:
    rest = iter(of)
    return all(word in rest for word in found)


def test_it_answers_with_words_of_the_text_in_order(folder: Path) -> None:
    answer = LinguaRewriter(folder, rate=0.5).rewrite(TEXT)
    assert 0 < len(words(answer)) < len(words(TEXT))
    assert is_part(words(TEXT), words(answer))
    assert "3" in words(answer)


def test_a_higher_rate_keeps_more(folder: Path) -> None:
    kept = [len(words(LinguaRewriter(folder, rate=rate).rewrite(TEXT))) for rate in (0.2, 0.5, 0.9)]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]


def test_the_same_text_has_the_same_answer_and_no_generator_is_seeded(folder: Path) -> None:
    torch = importlib.import_module("torch")
    torch.manual_seed(7)
    state = random.getstate()
    assert len({LinguaRewriter(folder, rate=0.5).rewrite(TEXT) for _ in range(2)}) == 1
    assert torch.initial_seed() == 7
    assert random.getstate() == state
    assert os.environ.get("PYTHONHASHSEED") != "42"


def test_chunks_of_a_long_text_are_not_fused(folder: Path) -> None:
    text = " ".join([TEXT] * 60)
    answer = LinguaRewriter(folder, rate=0.5).rewrite(text)
    assert is_part(words(text), words(answer))


@pytest.mark.parametrize("text", ["", " \n ", "unknown zebra", "the unknown report", "日本語", "\ud800", "x" * 20_000])
def test_what_the_model_cannot_read_is_left_as_it_is(folder: Path, text: str) -> None:
    assert LinguaRewriter(folder, rate=0.5).rewrite(text) == text


def test_spellings_of_special_tokens_are_no_obstacle(folder: Path) -> None:
    for text in ("the report <|endoftext|> of it", "the [SEP] report [PAD] of [CLS] it", " " * 100_000 + "the report"):
        LinguaRewriter(folder, rate=0.5).rewrite(text)


def test_nothing_is_asked_of_a_network_and_nothing_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(*args: object) -> None:
        raise AssertionError("something asked the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    LinguaRewriter(folder, rate=0.5).rewrite(" ".join([TEXT] * 60))
    assert capfd.readouterr() == ("", "")


def test_other_models_are_refused(tmp_path: Path) -> None:
    for folder in (save_bert(tmp_path / "encoder"), save_bert(tmp_path / "other", "BertForMaskedLM")):
        with pytest.raises(InputError, match="that sorts no tokens"):
            LinguaRewriter(folder, rate=0.5)
    lacking = save_bert(tmp_path / "lacking", KIND)
    (save_bert(tmp_path / "bare") / "model.safetensors").replace(lacking / "model.safetensors")
    with pytest.raises(InputError, match="lack the classifier"):
        LinguaRewriter(lacking, rate=0.5)
    (lacking / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="not a model"):
        LinguaRewriter(lacking, rate=0.5)


@pytest.mark.parametrize("rate", [0, 1, -0.5, 2, float("nan")])
def test_a_rate_that_makes_no_sense_is_refused(tmp_path: Path, rate: float) -> None:
    with pytest.raises(UsageError, match="makes no sense"):
        LinguaRewriter(tmp_path, rate=rate)
