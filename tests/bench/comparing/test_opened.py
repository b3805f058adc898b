"""What the process of a model tells, and a comparison of real processes from end to end."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

import llmopt.bench
from llmopt.bench.callables import CallableFactory
from llmopt.bench.comparing import opened
from llmopt.bench.comparing.opened import Opening
from llmopt.errors import InputError
from llmopt.models.factory import ModelFactory
from llmopt.models.quality.data import Sample
from tests.models.extras import library, save_bert, save_gpt

TEXTS = (
    "send the report to the team",
    "it",
    "the form is blue and green , not a report !",
    "you and it",
    "a team of 3",
)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_a_function_tells_its_words_and_has_no_size(workdir: Path) -> None:
    (workdir / "mine.py").write_text("def f(items):\n    return items\n", encoding="utf-8")
    made = Opening(CallableFactory("mine.py:f")).open()
    assert made.lengths(["one two", "three"]) == [2, 1]
    assert made.details().size_bytes is None
    if sys.platform == "linux":
        assert made.details().loaded_bytes
        assert made.peak_bytes()
    assert made.facts.task == "callable"
    assert pickle.loads(pickle.dumps(Opening(CallableFactory("mine.py:f")))).name == "mine.py:f"


def test_memory_that_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(opened, "_STATUS", tmp_path / "none")
    assert opened.resident_bytes() is None
    (tmp_path / "none").write_text("Name:\tx\n", encoding="ascii")
    assert opened.resident_bytes() is None


def test_an_encoder_counts_tokens_and_compares_its_answers(tmp_path: Path) -> None:
    library("torch", "semantic")
    folder, other = save_bert(tmp_path / "one"), save_bert(tmp_path / "other", seed=1)
    samples = tuple(Sample(text) for text in TEXTS)
    made, second = Opening(ModelFactory(str(folder))).open(), Opening(ModelFactory(str(other))).open()
    assert made.lengths(["send the report"]) == [5]
    assert made.details().size_bytes == (folder / "model.safetensors").stat().st_size
    packed = made.reference(samples, 4)
    assert packed is not None
    assert made.quality(packed, None).drop == 0
    assert second.quality(packed, 0.1).drop > 0
    assert made.quality_beside(ModelFactory(str(folder)), samples, 4, None).drop == 0


def test_language_models_compare_side_by_side(tmp_path: Path) -> None:
    library("torch", "semantic")
    folder = save_gpt(tmp_path / "gpt")
    samples = tuple(Sample(text) for text in TEXTS)
    made = Opening(ModelFactory(str(folder), new_tokens=2)).open()
    assert made.reference(samples, 4) is None
    found = made.quality_beside(ModelFactory(str(folder), new_tokens=2), samples, 4, None)
    assert found.perplexity_before
    assert found.drop == pytest.approx(0, abs=1e-5)


def test_a_comparison_of_real_processes(tmp_path: Path) -> None:
    library("torch", "semantic")
    folder, data = save_bert(tmp_path / "one"), tmp_path / "texts.txt"
    data.write_text("\n".join(TEXTS), encoding="utf-8")
    told: list[str] = []
    compare: Any = llmopt.bench.compare
    found = compare(
        [folder],
        data,
        against=save_bert(tmp_path / "other", seed=1),
        batch_size=(2, 1),
        device="cpu",
        max_time_s=2.0,
        min_rounds=3,
        ci=0.5,
        progress=lambda done, total, text: told.append(text),
    )
    base, one = found.models
    assert base.name == found.base == str(tmp_path / "other")
    assert one.name == str(folder)
    assert one.speedup_low < one.speedup < one.speedup_high
    assert found.rounds >= 3
    assert found.lengths.texts == len(TEXTS)
    assert one.quality.inputs == len(TEXTS)
    assert one.size_bytes == (folder / "model.safetensors").stat().st_size
    assert one.tokens_per_s > one.throughput_per_s
    if sys.platform == "linux":
        assert 0 < one.memory.libraries_bytes < one.memory.peak_bytes
        assert one.peak_memory_bytes >= one.memory.loaded_bytes
    assert told[0] == f"loading {tmp_path / 'other'}"
    assert told[-1] == f"comparing answers: {folder}"


def test_a_folder_that_is_no_model_is_one_clear_error(tmp_path: Path) -> None:
    compare: Any = llmopt.bench.compare
    with pytest.raises(InputError, match="no such folder"):
        compare([tmp_path / "nothing"], device="cpu")
