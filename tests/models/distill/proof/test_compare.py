"""A student beside its teacher, for each task: what is equal keeps all, and noise loses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError
from llmopt.models.quality.data import Sample
from tests.models.distill.proof.pairs import KINDS, samples_of, student_of, teacher_of
from tests.models.extras import library

torch = library("torch", "semantic")
library("transformers", "semantic")

from llmopt.models.distill.proof import compare  # noqa: E402
from llmopt.models.distill.proof.compare import Proof  # noqa: E402
from llmopt.models.quality.measure import reference  # noqa: E402

SAMPLES = samples_of(60)
METRICS = {"embed": "nearest neighbours", "classify": "labels", "fill": "perplexity", "generate": "perplexity"}


@pytest.mark.parametrize("task", list(KINDS))
def test_equal_weights_keep_all_and_noise_changes_something(tmp_path: Path, task: str) -> None:
    teacher = teacher_of(tmp_path / "teacher", task)
    proof = Proof(teacher, SAMPLES)
    same, kept = proof.of(student_of(teacher))
    assert (same.task, kept.metric) == (task, METRICS[task])
    assert (same.drop, kept.value) == (0, 1)
    assert kept.low <= 1 <= kept.high
    other, less = proof.of(student_of(teacher, noise=0.5))
    assert less.value != 1
    assert less.low <= less.value <= less.high
    assert other.inputs == same.inputs == len(SAMPLES)


def test_the_teacher_of_vectors_answers_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teacher_of(tmp_path / "teacher", "embed")
    asked = []

    def counted(*given: Any) -> Any:
        asked.append(1)
        return reference(*given)

    monkeypatch.setattr(compare, "reference", counted)
    proof = Proof(teacher, SAMPLES)
    for noise in (0.0, 0.1):
        proof.of(student_of(teacher, noise=noise))
    assert asked == [1]


def test_accuracies_are_compared_where_there_are_labels(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "classify")
    torch.manual_seed(1)
    torch.nn.init.normal_(teacher.model.classifier.weight)  # both classes happen
    vocabulary, model = teacher.vocabulary, teacher.model
    with torch.no_grad():
        classes = [
            int(model(input_ids=torch.tensor([ids])).logits.argmax())
            for ids in vocabulary.encode([sample.text for sample in SAMPLES])
        ]
    right = [Sample(one.text, ("bad", "good")[at]) for one, at in zip(SAMPLES, classes, strict=True)]
    labelled = [Sample(one.text, ("bad", "good")[1 - at]) for one, at in zip(SAMPLES[:6], classes, strict=False)]
    found, kept = Proof(teacher, [*labelled, *right[6:]]).of(student_of(teacher, noise=1.0))
    assert (kept.metric, found.accuracy_before) == ("accuracy", 0.9)
    assert found.accuracy_after is not None
    assert kept.value == pytest.approx(found.accuracy_after / 0.9)
    assert kept.low < kept.value < kept.high


def test_a_student_in_training_answers_without_dropout_and_goes_on(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "embed")
    student = student_of(teacher)
    student.model.train()
    assert Proof(teacher, SAMPLES).of(student)[1].value == 1
    assert student.model.training


def test_places_to_fill_are_those_of_the_seed(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "fill")

    def found(seed: int) -> Any:
        return Proof(teacher, SAMPLES, seed=seed).of(student_of(teacher, noise=0.5))[0]

    assert found(0) == found(0)
    assert found(0).perplexity_before != found(1).perplexity_before


@pytest.mark.parametrize("task", ["embed", "fill"])
def test_too_few_texts_are_refused(tmp_path: Path, task: str) -> None:
    teacher = teacher_of(tmp_path / "teacher", task)
    with pytest.raises(InputError, match=r"1 different text|at least 2 are needed"):
        Proof(teacher, SAMPLES[:1]).of(student_of(teacher))


def test_a_gate_inside_the_interval_is_told_with_the_texts_that_it_needs(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "embed")
    proof, student = Proof(teacher, SAMPLES), student_of(teacher, noise=0.2)
    _, kept = proof.of(student)
    found, _ = proof.of(student, gate=(kept.value + kept.high) / 2)
    assert "too few texts for --min-quality: 60 show" in found.warnings[-1]
    assert found.warnings[-1].endswith("like these would tell")
    (told,) = [said for said in proof.of(student, gate=kept.value)[0].warnings if "too few" in said]
    assert told.endswith("no number of them would tell")
    assert not any("too few" in said for said in proof.of(student, gate=1.5)[0].warnings)
