"""A student is written as any checkpoint: transformers, sentence-transformers and llmopt load it, and answer alike."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError
from tests.models.distill.proof.pairs import KINDS, loaded, samples_of, student_of, teacher_of
from tests.models.extras import change, library

torch = library("torch", "semantic")
transformers = library("transformers", "semantic")
safetensors = library("safetensors", "semantic")

from llmopt.models.checkpoint import open_model  # noqa: E402
from llmopt.models.distill import written  # noqa: E402
from llmopt.models.distill.proof.opened import as_loaded  # noqa: E402
from llmopt.models.distill.written import write_student  # noqa: E402
from llmopt.models.layout import layout_of  # noqa: E402

TEXTS = [sample.text for sample in samples_of(6)]


def made(folder: Path, task: str, **changed: Any) -> tuple[Any, Any, Path]:
    teacher = teacher_of(folder / "teacher", task)
    student = student_of(teacher, noise=0.1, **changed)
    target = folder / "student"
    target.mkdir()
    write_student(teacher, student, target)
    return teacher, student, target


@pytest.mark.parametrize("task", list(KINDS))
def test_transformers_loads_the_same_weights(tmp_path: Path, task: str) -> None:
    _, student, target = made(tmp_path, task)
    state = loaded(target, task).state_dict()
    assert {name: value.dtype for name, value in state.items() if value.is_floating_point()}
    for name, value in student.model.state_dict().items():
        assert torch.equal(state[name], value), name
    tokenizer = transformers.AutoTokenizer.from_pretrained(target)
    assert tokenizer(TEXTS[0])["input_ids"]
    config = json.loads((target / "config.json").read_text())
    assert config["architectures"] == [KINDS[task][1]]
    assert str(tmp_path) not in json.dumps(config)


@pytest.mark.parametrize("task", ["embed", "classify", "generate"])
def test_llmopt_opens_what_answers_as_in_memory(tmp_path: Path, task: str) -> None:
    teacher, student, target = made(tmp_path, task)
    opened = open_model(target, device="cpu", new_tokens=4 if task == "generate" else None)
    model = as_loaded(student, teacher, new_tokens=4 if task == "generate" else 0)
    assert opened.facts.task == task
    requests = model.encode(TEXTS)
    assert requests == opened.encode(TEXTS)
    found = [[list(row) for row in one.predict(requests)] for one in (model, opened)]
    assert found[0] == found[1]
    assert opened.labels == (("bad", "good") if task == "classify" else ())


def test_the_layout_of_a_sentence_model_is_that_of_the_student(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "embed")
    (tmp_path / "teacher" / "config_sentence_transformers.json").write_text(
        json.dumps({"__version__": {"torch": "1"}, "prompts": {"query": "ask: "}, "similarity_fn_name": "dot"})
    )
    layout = replace(teacher.layout, pooling="cls", lower=True)
    student = student_of(teacher, layout=layout, max_tokens=77)
    (tmp_path / "student").mkdir()
    write_student(teacher, student, tmp_path / "student")
    found = layout_of(tmp_path / "student")
    assert (found.pooling, found.lower, found.max_tokens, found.query_prompt) == ("cls", True, 77, "ask: ")
    told = json.loads((tmp_path / "student" / "config_sentence_transformers.json").read_text())
    assert sorted(told) == ["prompts", "similarity_fn_name"]


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_sentence_transformers_gives_the_same_vectors(tmp_path: Path, pooling: str) -> None:
    sentences = library("sentence_transformers", "test")
    teacher = teacher_of(tmp_path / "teacher", "embed")
    student = student_of(teacher, noise=0.3, layout=replace(teacher.layout, pooling=pooling))
    (tmp_path / "student").mkdir()
    write_student(teacher, student, tmp_path / "student")
    other = sentences.SentenceTransformer(str(tmp_path / "student"), device="cpu", local_files_only=True)
    wanted = torch.tensor(other.encode(TEXTS))
    model = as_loaded(student, teacher)
    found = torch.stack([torch.tensor(row) for row in model.predict(model.encode(TEXTS))])
    assert torch.allclose(found, wanted, atol=1e-5)
    assert other.max_seq_length == student.max_tokens


def test_classes_without_names_get_the_teachers(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "classify", labels=("no", "yes"))
    (tmp_path / "student").mkdir()
    write_student(teacher, student_of(teacher), tmp_path / "student")
    config = json.loads((tmp_path / "student" / "config.json").read_text())
    assert config["id2label"] == {"0": "no", "1": "yes"}
    assert config["label2id"] == {"no": 0, "yes": 1}


def test_settings_of_generation_are_copied_as_they_are(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "generate")
    change(tmp_path / "teacher" / "generation_config.json", temperature=0.5, do_sample=False)  # refused when saved
    student = student_of(teacher)
    (tmp_path / "student").mkdir()
    write_student(teacher, student, tmp_path / "student")
    assert json.loads((tmp_path / "student" / "generation_config.json").read_text())["temperature"] == 0.5
    (tmp_path / "teacher" / "generation_config.json").unlink()
    (tmp_path / "other").mkdir()
    write_student(teacher, student, tmp_path / "other")
    assert json.loads((tmp_path / "other" / "generation_config.json").read_text())["eos_token_id"] == 3


def test_all_files_of_the_tokenizer_are_copied_and_no_others(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "embed")
    home = tmp_path / "teacher"
    for name in ("vocab.txt", "special_tokens_map.json", "spiece.model", "chat_template.jinja", "notes.txt", "x.py"):
        (home / name).write_text("{}")
    (home / "additional_chat_templates").mkdir()
    (home / "additional_chat_templates" / "tools.jinja").write_text("x")
    (home / "merges.txt").symlink_to("/etc/hostname")
    (tmp_path / "student").mkdir()
    write_student(teacher, student_of(teacher), tmp_path / "student")
    there = {
        str(path.relative_to(tmp_path / "student")) for path in (tmp_path / "student").rglob("*") if path.is_file()
    }
    assert there == {
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"),
        *("special_tokens_map.json", "spiece.model", "chat_template.jinja", "additional_chat_templates/tools.jinja"),
        *("modules.json", "sentence_bert_config.json", "1_Pooling/config.json"),
    }


def test_a_tokenizer_that_is_elsewhere_is_told(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "embed")
    (tmp_path / "teacher" / "tokenizer.json").rename(tmp_path / "tokenizer.json")
    (tmp_path / "teacher" / "tokenizer.json").symlink_to(tmp_path / "tokenizer.json")
    (tmp_path / "student").mkdir()
    with pytest.raises(InputError, match="a link that leads out of the folder"):
        write_student(teacher, student_of(teacher), tmp_path / "student")


def test_no_space_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teacher_of(tmp_path / "teacher", "embed")
    student = student_of(teacher)
    (tmp_path / "student").mkdir()

    def full(*_: object, **__: object) -> None:
        raise safetensors.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(student.model, "save_pretrained", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_student(teacher, student, tmp_path / "student")
    monkeypatch.setattr(written, "check_space", lambda *_: (_ for _ in ()).throw(OSError(errno.EDQUOT, "Quota")))
    with pytest.raises(InputError, match="Quota") as refused:
        write_student(teacher, student, tmp_path / "student")
    assert "free some space" in (refused.value.hint or "")
