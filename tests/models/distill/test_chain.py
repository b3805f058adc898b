"""A student is a checkpoint like any other: `quantize`, `bench`, `bench-batch` and `serve` take each kind of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.models.auto.fakes import BF16, FP32
from tests.models.distill.proof.pairs import loaded, samples_of, student_of, teacher_of
from tests.models.extras import library, save_tokenizer

torch = library("torch", "semantic")
transformers = library("transformers", "semantic")
library("compressed_tensors", "models")

from llmopt.bench.comparing.api import compare  # noqa: E402
from llmopt.models.auto import route  # noqa: E402
from llmopt.models.checkpoint import open_model  # noqa: E402
from llmopt.models.distill.students.static import static_student  # noqa: E402
from llmopt.models.distill.written import write_student  # noqa: E402
from llmopt.models.quantizing.api import quantize  # noqa: E402
from llmopt.models.quantizing.config import QuantizeConfig  # noqa: E402

KINDS = ("embed", "static", "classify", "fill", "generate")
TASKS = {"static": "embed", "fill": "embed"}
"""Kind -> what `llmopt` opens it as: a masked language model is an encoder to all but `distill`."""


@pytest.fixture(scope="module")
def students(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a student of each kind, and texts."""
    base = tmp_path_factory.mktemp("students")
    for kind in KINDS:
        teacher = _llama(base) if kind == "generate" else teacher_of(base / f"of {kind}", TASKS.get(kind, kind))
        if kind == "fill":
            teacher = teacher_of(base / "of fill", "fill")
        changed = {"model": static_student(teacher)[0]} if kind == "static" else {}
        (base / kind).mkdir()
        write_student(teacher, student_of(teacher, **changed), base / kind)
    texts = "\n".join(sample.text for sample in samples_of(40))
    (base / "texts.txt").write_text(texts + "\n", encoding="utf-8")
    return base


def _llama(base: Path) -> Any:
    """Return a teacher of a family that can be quantized: layers of GPT-2 are no linear ones."""
    folder = base / "of generate"
    folder.mkdir()
    config = transformers.LlamaConfig(
        vocab_size=save_tokenizer(folder),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=64,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    teacher = teacher_of(base / "gpt", "generate")
    return type(teacher)(
        **{name: getattr(teacher, name) for name in teacher.__slots__}
        | {"folder": folder, "home": folder, "model": loaded(folder, "generate")}
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_be_quantized_for_gpus(students: Path, tmp_path: Path, kind: str) -> None:
    config = QuantizeConfig(scheme="w8a8", data=str(students / "texts.txt"))
    report = quantize(students / kind, tmp_path / "w8a8", config)
    assert report.tensors.quantized > 0
    assert report.quality is not None
    assert abs(report.quality.drop) < 0.2


def test_students_are_compared_with_their_teachers(students: Path) -> None:
    models = str(students / "of static"), str(students / "static")
    result = compare(models, str(students / "texts.txt"), min_rounds=3, max_time_s=1.0)
    assert [model.name for model in result.models] == list(models)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_be_made_for_a_cpu(
    students: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "recipes", lambda task, calibrated: (FP32, BF16))
    monkeypatch.setattr("llmopt.models.auto.trial.ROUNDS", 3)
    monkeypatch.setattr("llmopt.models.auto.written.ROUNDS", 3)
    monkeypatch.setattr("llmopt.models.auto.trial.MORE_ROUNDS", 3)
    config = QuantizeConfig(target="cpu", data=str(students / "texts.txt"), batch_size=2, seq_len=16)
    report = route.quantize_for_cpu(students / kind, tmp_path / "cpu", config)
    assert report.speedup is not None
    model = open_model(tmp_path / "cpu", device="cpu")
    assert model.facts.task == TASKS.get(kind, kind)
    assert len(model.predict(model.encode(["send the report", "it is not blue"]))) == 2


def test_a_quantized_student_that_fills_in_text_still_does(students: Path, tmp_path: Path) -> None:
    quantize(students / "fill", tmp_path / "w8a8", QuantizeConfig(scheme="w8a8"))
    ids = torch.tensor([[2, 6, 4, 8, 3]])
    with torch.no_grad():
        before, after = (loaded(place, "fill")(ids).logits for place in (students / "fill", tmp_path / "w8a8"))
    assert torch.allclose(before, after, atol=0.05)


@pytest.mark.parametrize("kind", ["static", "generate"])
def test_a_student_is_measured_at_batch_sizes(students: Path, tmp_path: Path, kind: str) -> None:
    quick = ("--batch-sizes", "1,2", "--max-time", "30s", "--min-samples", "3", "--ci", "90%", "--allow-noisy")
    made = _run("bench-batch", students / kind, *quick, "--seq-len", "8", "-o", tmp_path / "found.json")
    assert made.returncode == 0, made.stderr
    document = json.loads((tmp_path / "found.json").read_text())
    assert [point["batch_size"] for point in document["points"]] == [1, 2]


@pytest.mark.parametrize("kind", ["embed", "classify"])
def test_a_student_is_served(students: Path, kind: str) -> None:
    command = [sys.executable, "-m", "llmopt", "serve", str(students / kind), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=_environment()) as process:
        try:
            assert process.stderr is not None
            told = process.stderr.readline()
            match = re.search(r"http://127\.0\.0\.1:\d+", told)
            assert match, told
            asked = urllib.request.Request(
                f"{match[0]}/predict",
                json.dumps({"input": ["send the report", "it is"]}).encode(),
                {"content-type": "application/json"},
            )
            with urllib.request.urlopen(asked, timeout=60) as response:
                assert len(json.load(response)["outputs"]) == 2
        finally:
            process.kill()


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llmopt", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
