"""A teacher is opened for what it was saved for, and refused in one line where a student could not learn from it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, LlmoptError, UsageError
from tests.models.extras import change, library, save_bert, save_gpt

torch = library("torch", "models")
transformers = library("transformers", "models")
opening: Any = importlib.import_module("llmopt.models.distill.opening")


@pytest.mark.parametrize(
    ("kind", "loss", "task"),
    [
        ("BertModel", None, "embed"),
        ("BertModel", "embed", "embed"),
        ("BertForSequenceClassification", None, "classify"),
        ("BertForSequenceClassification", "kd", "classify"),
        ("BertForMaskedLM", None, "fill"),
        ("BertForMaskedLM", "lm", "fill"),
        ("BertForMaskedLM", "embed", "embed"),
        ("GPT2LMHeadModel", None, "generate"),
        ("GPT2LMHeadModel", "lm", "generate"),
    ],
)
def test_it_is_opened_for_what_it_was_saved_for(tmp_path: Path, kind: str, loss: Any, task: str) -> None:
    save = save_gpt if kind.startswith("GPT") else save_bert
    teacher = opening.open_teacher(save(tmp_path / "t", kind), loss, "cpu")
    assert (teacher.task, teacher.name) == (task, str(tmp_path / "t"))
    assert teacher.folder == teacher.home == tmp_path / "t"
    assert teacher.model.dtype == torch.float32
    assert not teacher.model.training
    assert teacher.labels == (("LABEL_0", "LABEL_1") if task == "classify" else ())
    assert teacher.mask == (4 if task == "fill" else None)
    assert teacher.max_tokens == (64 if task == "generate" else 512)
    assert teacher.known_tokens == teacher.model.config.vocab_size


@pytest.mark.parametrize(
    ("kind", "loss", "right"),
    [
        ("BertModel", "kd", "embed"),
        ("BertModel", "lm", "embed"),
        ("BertForSequenceClassification", "embed", "kd"),
        ("BertForMaskedLM", "kd", "lm"),
        ("GPT2LMHeadModel", "embed", "lm"),
    ],
)
def test_a_loss_for_other_models_is_refused(tmp_path: Path, kind: str, loss: Any, right: str) -> None:
    save = save_gpt if kind.startswith("GPT") else save_bert
    with pytest.raises(UsageError, match=f"the loss {loss} is for models that") as refused:
        opening.open_teacher(save(tmp_path / "t", kind), loss, "cpu")
    assert refused.value.hint == f"leave --loss out, or take --loss {right}"


def test_a_masked_model_that_was_made_to_embed_sentences_embeds(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "t", "BertForMaskedLM")
    (folder / "modules.json").write_text(json.dumps([{"type": "x.Transformer", "path": ""}]), encoding="utf-8")
    assert opening.open_teacher(folder, None, "cpu").task == "embed"
    assert opening.open_teacher(folder, "embed", "cpu").task == "embed"


def test_a_config_that_names_no_class_is_taken_for_what_the_loss_says(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "t", "BertForSequenceClassification")
    change(folder / "config.json", architectures=None)
    assert opening.open_teacher(folder, "kd", "cpu").task == "classify"
    folder = save_bert(tmp_path / "e")
    change(folder / "config.json", architectures=None)
    with pytest.raises(InputError, match="its weights lack"):
        opening.open_teacher(folder, "kd", "cpu")


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "t")
    transformers.AutoModel.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
    assert opening.open_teacher(folder, None, "cpu").model.dtype == torch.float32


def test_what_was_quantized_is_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "t")
    change(folder / "config.json", quantization_config={"quant_method": "gptq"})
    with pytest.raises(InputError, match=r"quantized \(gptq\)"):
        opening.open_teacher(folder, None, "cpu")


@pytest.mark.parametrize(("numbers", "refused"), [("int8", True), ("bfloat16", False)])
def test_a_folder_of_quantize_is_taken_where_it_is_a_checkpoint(tmp_path: Path, numbers: str, refused: bool) -> None:
    folder = save_bert(tmp_path / "t")
    limits = {"known_tokens": 30, "longest": 512, "parameters": 1}
    recipe = {"engine": "torch", "numbers": numbers}
    record = {"recipe": recipe, "task": "embed", "limits": limits}
    (folder / "llmopt-model.json").write_text(json.dumps(record), encoding="utf-8")
    if not refused:
        assert opening.open_teacher(folder, None, "cpu").task == "embed"
        return
    with pytest.raises(InputError, match=r"quantized \(llmopt\)"):
        opening.open_teacher(folder, None, "cpu")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"quantized \(llmopt\)"):
        opening.refuse_packed(folder)


def test_a_model_without_classes_is_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "t", "BertForSequenceClassification")
    change(folder / "config.json", problem_type="regression")
    with pytest.raises(UsageError, match="plain numbers and no classes"):
        opening.open_teacher(folder, None, "cpu")


def test_a_masked_model_without_a_mask_is_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "t", "BertForMaskedLM")
    change(folder / "tokenizer_config.json", mask_token="[GONE]")
    with pytest.raises(InputError, match="no token to mask words with"):
        opening.open_teacher(folder, None, "cpu")


def test_weights_that_give_no_finite_numbers_are_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "t")
    model = transformers.AutoModel.from_pretrained(folder)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.fill_(float("nan"))
    model.save_pretrained(folder)
    with pytest.raises(InputError, match="not finite"):
        opening.open_teacher(folder, None, "cpu")


def test_a_model_that_does_not_compute_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(transformers.BertModel, "forward", broken)
    with pytest.raises(InputError, match="shapes do not fit"):
        opening.open_teacher(save_bert(tmp_path / "t"), None, "cpu")


def test_code_of_a_checkpoint_and_missing_folders_are_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "t")
    change(folder / "config.json", auto_map={"AutoModel": "own.Model"})
    for path in (folder, tmp_path / "none"):
        with pytest.raises(LlmoptError):
            opening.open_teacher(path, None, "cpu")
    with pytest.raises(UsageError, match="device"):
        opening.open_teacher(save_bert(tmp_path / "u"), None, "abacus")
