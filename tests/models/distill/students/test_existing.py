"""Checkpoints as students: their tokens, their classes and their heads beside the teacher's."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.models.distill.students import existing
from llmopt.models.distill.students.existing import existing_student
from tests.models.distill.students.teachers import answers, save_model, teacher_of, torch, transformers
from tests.models.extras import change, save_bert, save_tokenizer

NAMES = {0: "bad", 1: "fair", 2: "good"}
OTHER_WORDS = "the a of one two three four"


def test_the_same_tokens_are_read_with_the_teachers_tokenizer(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "bert_embed")
    folder = save_model(tmp_path / "student", "bert_embed", seed=1, hidden_size=8)
    found = existing_student(teacher, str(folder), seed=0)
    assert not found.own_tokens
    assert found.home == teacher.home
    assert found.warnings == ()
    assert found.origin == str(folder)
    assert answers(found.model).shape == (2, 6, 8)
    assert not found.model.training


def test_other_tokens_are_kept_and_told(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "bert_embed")
    folder = save_bert(tmp_path / "student", words=OTHER_WORDS)
    found = existing_student(teacher, str(folder), seed=0)
    assert found.own_tokens
    assert found.home == folder
    assert "tokens of its own" in found.warnings[0]


def test_pools_as_it_did_and_reads_text_as_the_teacher(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "bert_embed")
    teacher = replace(teacher, layout=replace(teacher.layout, lower=True))
    folder = save_model(tmp_path / "student", "bert_embed", seed=1)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}), encoding="utf-8")
    found = existing_student(teacher, str(folder), seed=0)
    assert (found.layout.pooling, found.layout.lower) == ("cls", True)


@pytest.mark.parametrize(("kind", "other"), [("bert_fill", "BertForMaskedLM"), ("gpt2", "GPT2LMHeadModel")])
def test_other_tokens_are_refused_where_probabilities_are_of_tokens(kind: str, other: str, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", kind)
    folder = save_model(tmp_path / "student", kind)
    save_tokenizer(folder, OTHER_WORDS)
    with pytest.raises(InputError, match="its tokens are others than those of teacher") as told:
        existing_student(teacher, str(folder), seed=0)
    assert "same tokenizer" in told.value.hint
    assert other in (folder / "config.json").read_text()


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta", "deberta"])
def test_classes_in_another_order_are_put_in_the_teachers(kind: str, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", kind, id2label=NAMES)
    names = {0: "Good", 1: "bad", 2: "fair"}
    folder = save_model(tmp_path / "student", kind, seed=1, id2label=names, label2id={v: k for k, v in names.items()})
    before = getattr(transformers, type(teacher.model).__name__).from_pretrained(folder).eval()
    found = existing_student(teacher, str(folder), seed=0)
    assert found.model.config.id2label == NAMES
    assert found.model.config.label2id == {"bad": 0, "fair": 1, "good": 2}
    assert found.warnings == ()
    torch.testing.assert_close(answers(found.model), answers(before)[:, [1, 2, 0]])


def test_classes_in_the_same_order_stay(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "bert", id2label=NAMES)
    folder = save_model(tmp_path / "student", "bert", seed=1, id2label=NAMES)
    before = transformers.BertForSequenceClassification.from_pretrained(folder).eval()
    found = existing_student(teacher, str(folder), seed=0)
    torch.testing.assert_close(answers(found.model), answers(before))
    assert found.warnings == ()


def test_classes_without_names_are_in_the_teachers_order_and_told(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "bert", id2label=NAMES)
    folder = save_model(tmp_path / "student", "bert", seed=1)
    found = existing_student(teacher, str(folder), seed=0)
    assert found.model.config.id2label == NAMES
    assert "LABEL_0, LABEL_1, LABEL_2 are taken for bad, fair, good" in found.warnings[0]


def test_other_classes_are_refused(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "bert", id2label=NAMES)
    folder = save_model(tmp_path / "student", "bert", id2label={0: "red", 1: "green", 2: "blue"})
    with pytest.raises(InputError, match="its classes are red, green, blue, the teacher's bad, fair, good"):
        existing_student(teacher, str(folder), seed=0)
    fewer = save_model(tmp_path / "fewer", "bert", id2label={0: "bad", 1: "good"}, num_labels=2)
    with pytest.raises(InputError, match="its classes are bad, good"):
        existing_student(teacher, str(fewer), seed=0)


def test_a_head_that_is_not_understood_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teacher_of(tmp_path / "teacher", "bert", id2label=NAMES)
    folder = save_model(tmp_path / "student", "bert", id2label={0: "good", 1: "bad", 2: "fair"})
    model = transformers.BertForSequenceClassification.from_pretrained(folder).eval()
    head = model.classifier
    # a head that is no linear layer to be seen
    model.classifier = transformers.pytorch_utils.Conv1D(3, 16)
    with torch.no_grad():
        model.classifier.weight.copy_(head.weight.T)
    monkeypatch.setattr(existing, "load_model", lambda *_: model)
    with pytest.raises(InputError, match="head is not understood"):
        existing_student(teacher, str(folder), seed=0)


@pytest.mark.parametrize("kind", ["bert_fill", "bert_embed", "gpt2", "distilbert_fill", "roberta_fill"])
def test_without_a_head_for_classes_it_gets_one_by_the_seed(kind: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"id2label": NAMES, "problem_type": "multi_label_classification"}
    teacher = teacher_of(tmp_path / "teacher", "bert", **settings)
    folder = save_model(tmp_path / "student", kind, seed=1)
    found = existing_student(teacher, str(folder), seed=3)
    config = found.model.config
    assert (config.id2label, config.problem_type) == (NAMES, "multi_label_classification")
    assert answers(found.model).shape == (2, 3)
    assert found.warnings == (f"{folder}: no head for classes in it: the student's begins at random",)
    assert torch.equal(answers(existing_student(teacher, str(folder), seed=3).model), answers(found.model))
    assert not torch.equal(answers(existing_student(teacher, str(folder), seed=4).model), answers(found.model))
    base = transformers.AutoModel.from_pretrained(folder).eval()
    table = found.model.get_input_embeddings().weight
    assert torch.equal(table, base.get_input_embeddings().weight)


def test_spare_rows_for_tokens_become_as_many_as_the_teachers(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "gpt2")
    folder = save_model(tmp_path / "student", "gpt2", vocab_size=40)
    found = existing_student(teacher, str(folder), seed=0)
    assert answers(found.model).shape == answers(teacher.model).shape
    assert "its 40 rows for tokens are made 33" in found.warnings[0]


@pytest.mark.parametrize(
    ("kind", "other", "said"),
    [
        ("bert_embed", "gpt2", "a causal language model, and the teacher is made to embed"),
        ("bert_fill", "gpt2", "a causal language model, and the teacher is made to fill"),
        ("gpt2", "bert_fill", "no causal language model, and the teacher is made to generate"),
    ],
)
def test_models_for_something_else_are_refused(kind: str, other: str, said: str, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", kind)
    folder = save_model(tmp_path / "student", other)
    with pytest.raises(UsageError, match=said):
        existing_student(teacher, str(folder), seed=0)


def test_a_plain_encoder_cannot_fill_in(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "bert_fill")
    with pytest.raises(InputError, match="weights lack"):
        existing_student(teacher, str(save_model(tmp_path / "student", "bert_embed")), seed=0)


def test_an_architecture_without_a_class_for_classes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teacher_of(tmp_path / "teacher", "bert")
    folder = save_model(tmp_path / "student", "bert_embed")

    class Unable:
        @staticmethod
        def from_config(_: object) -> None:
            raise ValueError("Unrecognized configuration class")

    monkeypatch.setattr(existing, "AutoModelForSequenceClassification", Unable)
    with pytest.raises(InputError, match="no student can be made of it: Unrecognized"):
        existing_student(teacher, str(folder), seed=0)


def test_what_is_no_usable_checkpoint_is_told(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "bert_embed")
    with pytest.raises(InputError, match="no such folder"):
        existing_student(teacher, str(tmp_path / "none"), seed=0)
    folder = save_model(tmp_path / "student", "bert_embed")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        existing_student(teacher, str(folder), seed=0)
    shutil.copyfile(teacher.home / "tokenizer.json", folder / "tokenizer.json")
    change(folder / "config.json", auto_map={"AutoModel": "mine.Model"})
    with pytest.raises(InputError, match="auto_map"):
        existing_student(teacher, str(folder), seed=0)
    change(folder / "config.json", auto_map=None, quantization_config={"quant_method": "bitsandbytes"})
    with pytest.raises(InputError, match="quantized"):
        existing_student(teacher, str(folder), seed=0)
