"""What language models learn: the teacher's likeliest tokens, the text itself, and hidden states."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import UsageError
from llmopt.models.distill.config import DistillConfig
from tests.models.distill.objectives.models import InMemory, batch, items, narrow, student_of, teacher_of, value
from tests.models.extras import library

torch = library("torch", "models")
masked: Any = importlib.import_module("llmopt.models.distill.objectives.masked")
nexts: Any = importlib.import_module("llmopt.models.distill.objectives.next_tokens")
likeliest: Any = importlib.import_module("llmopt.models.distill.objectives.likeliest")
choose: Any = importlib.import_module("llmopt.models.distill.objectives.choose")
losses: Any = importlib.import_module("llmopt.models.distill.losses")


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return teacher_of(tmp_path_factory.mktemp("generate"), "generate")


@pytest.fixture(scope="module")
def filler(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return teacher_of(tmp_path_factory.mktemp("fill"), "fill")


def test_the_likeliest_have_their_probabilities_at_the_temperature(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.randn(7, 11, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(likeliest, "_PIECE", 22)
    found = likeliest.likeliest(logits, 3, 2.0)
    expected = (logits / 2).log_softmax(1)
    assert torch.allclose(found["top_values"], expected.topk(3).values, atol=1e-6)
    assert torch.equal(found["top_ids"].long(), expected.topk(3).indices)
    assert likeliest.likeliest(logits[:0], 3, 2.0)["top_values"].shape == (0, 3)


def test_a_causal_model_learns_the_next_tokens_and_the_text(writer: Any) -> None:
    student = student_of(writer)
    objective = nexts.NextTokens(writer, student, temperature=2.0, soft_weight=0.75)
    texts = batch(objective, items(writer, student))
    found = objective.loss(student.model, texts)
    asked = {"input_ids": texts.ids, "attention_mask": texts.mask}
    own, wanted = (model(**asked).logits for model in (student.model, writer.model))
    there = texts.mask.bool()
    exact = losses.token_kd_loss(own[there], wanted[there], temperature=2.0)
    assert texts.targets["top_values"].shape == (texts.tokens, min(64, writer.known_tokens))
    assert value(found["soft"]) == pytest.approx(value(exact), rel=1e-4)
    assert value(found["text"]) == pytest.approx(value(losses.causal_lm_loss(own, texts.ids, texts.mask)), rel=1e-6)
    assert value(found["total"]) == pytest.approx(value(0.75 * found["soft"] + 0.25 * found["text"]), rel=1e-6)
    assert objective.prepare(InMemory(objective, items(writer, student))) == ()


def test_a_masked_model_learns_words_answers_and_states(filler: Any) -> None:
    student = student_of(filler)
    objective = masked.Masked(filler, student, temperature=2.0, soft_weight=0.75, tokens=100)
    texts = batch(objective, items(filler, student))
    places = texts.wanted != -100
    asked = {"input_ids": texts.ids, "attention_mask": texts.mask}
    own, wanted = (model(**asked).logits[places] for model in (student.model, filler.model))
    mine, theirs = (model.bert(**asked)[0][texts.mask.bool()] for model in (student.model, filler.model))
    found = objective.loss(student.model, texts)
    assert texts.targets["top_counts"].squeeze(1).tolist() == places.sum(1).tolist()
    assert value(found["soft"]) == pytest.approx(value(losses.token_kd_loss(own, wanted, temperature=2.0)), rel=1e-4)
    assert value(found["words"]) == pytest.approx(value(losses.masked_lm_loss(own, texts.wanted[places])), rel=1e-5)
    assert value(found["hidden"]) == pytest.approx(value(losses.hidden_cosine_loss(mine, theirs)), rel=1e-5)
    triple = losses.triple_loss(
        own, wanted, texts.wanted[places], mine, theirs, temperature=2.0, weights=(0.75, 0.25, 1 / 7)
    )
    assert value(found["total"]) == pytest.approx(value(triple), rel=1e-4)


def test_gradients_pass_through_the_places_that_were_chosen(filler: Any) -> None:
    student = student_of(filler)
    objective = masked.Masked(filler, student, temperature=1.0, soft_weight=0.5, tokens=100)
    objective.loss(student.model, batch(objective, items(filler, student)))["total"].backward()
    assert all(value(weights.grad.abs().sum()) > 0 for weights in student.model.bert.encoder.parameters())
    assert not student.model.get_output_embeddings()._forward_pre_hooks


class Wrapped:
    """Stands for a wrapper of accelerate."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def __call__(self, **asked: Any) -> Any:
        return self.module(**asked)


@pytest.mark.parametrize("known", [True, False])
def test_a_model_gives_the_same_whether_its_last_layer_is_known(
    filler: Any, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = student_of(filler)
    objective = masked.Masked(filler, student, temperature=1.0, soft_weight=0.5, tokens=100)
    texts = batch(objective, items(filler, student))
    expected = objective.loss(student.model, texts)["total"]
    if not known:
        monkeypatch.setattr(student.model, "get_output_embeddings", lambda: None)
    found = objective.loss(Wrapped(student.model), texts)["total"]
    assert value(found) == pytest.approx(value(expected), rel=1e-6)


@pytest.mark.parametrize("kind", ["Roberta", "DistilBert", "MPNet", "Electra", "Albert", "DebertaV2", "ModernBert"])
def test_other_architectures_give_the_same_at_the_places_that_were_chosen(kind: str) -> None:
    transformers = library("transformers", "models")
    sizes = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "pad_token_id": 0}
    others = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 16} if kind == "DistilBert" else sizes
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**others | {"vocab_size": 40, "intermediate_size": 16})
    model = transformers.AutoModelForMaskedLM.from_config(config).eval()
    ids = torch.randint(1, 40, (3, 9))
    places = torch.zeros_like(ids, dtype=torch.bool).index_fill_(1, torch.tensor([2, 5]), True)
    asked = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "output_hidden_states": True}
    with torch.no_grad():
        whole = model(**asked)
        with masked.only(model, places):
            found = model(**asked)
        assert torch.allclose(whole.hidden_states[-1], model.base_model(ids)[0], atol=1e-5)
    assert found.logits.shape == (6, 40)
    assert torch.allclose(found.logits, whole.logits[places], atol=1e-5)


def test_hidden_states_are_left_out_where_they_do_not_fit(filler: Any) -> None:
    settings = {"temperature": 1.0, "soft_weight": 0.5}
    student = student_of(filler, model=narrow(filler, 4))
    texts = items(filler, student)
    objective = masked.Masked(filler, student, **settings, tokens=100)
    assert [column.name for column in objective.columns] == ["top_counts", "top_values", "top_ids"]
    (said,) = objective.prepare(InMemory(objective, texts))
    assert said == "hidden states of the student have 4 numbers, the teacher's 8: not compared"
    assert set(objective.loss(student.model, batch(objective, texts))) == {"soft", "words", "total"}
    much = masked.Masked(filler, student_of(filler), **settings, tokens=10**12)
    (said,) = much.prepare(InMemory(much, texts))
    assert "more than 4 GB" in said


def test_nothing_masked_has_no_answers(filler: Any) -> None:
    objective = masked.Masked(filler, student_of(filler), temperature=1.0, soft_weight=0.5, tokens=100)
    ids = torch.tensor([[2, 7, 3]])
    with torch.inference_mode():
        found = objective.answers(ids, torch.ones_like(ids))
    assert found["top_counts"].tolist() == [[0]]
    assert found["top_values"].shape[0] == 0
    assert found["states"].shape == (3, 8)


def test_a_batch_with_nothing_masked_teaches_states_only(filler: Any) -> None:
    student = student_of(filler)
    objective = masked.Masked(filler, student, temperature=1.0, soft_weight=0.5, tokens=100)
    found = objective.loss(student.model, batch(objective, items(filler, student, ["", ""])))
    assert value(found["soft"]) == value(found["words"]) == 0.0
    assert value(found["total"]) > 0


def test_little_that_is_kept_is_said(writer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeliest, "TOP", 2)
    student = student_of(writer)
    objective = nexts.NextTokens(writer, student, temperature=100.0, soft_weight=0.5)
    (said,) = objective.prepare(InMemory(objective, items(writer, student)))
    assert said.startswith(f"at --temperature 100 the 2 likeliest of {writer.known_tokens} tokens")
    assert nexts.NextTokens(writer, student, temperature=100.0, soft_weight=0.0).prepare(cast_none()) == ()
    sharp = nexts.NextTokens(writer, student, temperature=0.001, soft_weight=0.5)
    assert sharp.prepare(InMemory(sharp, items(writer, student))) == ()


def cast_none() -> Any:
    """Return what is not looked at."""
    return None


@pytest.mark.parametrize(
    ("task", "kind"), [("embed", "Vectors"), ("classify", "Classes"), ("generate", "NextTokens"), ("fill", "Masked")]
)
def test_each_teacher_has_its_objective(tmp_path: Path, task: str, kind: str) -> None:
    teacher = teacher_of(tmp_path, task)
    objective: Any = choose.objective_of(teacher, student_of(teacher), DistillConfig(), tokens=100)
    assert type(objective).__name__ == kind
    assert objective.dropout == (task == "classify")
    if task != "embed":
        assert objective._temperature == {"classify": 3.0, "fill": 2.0, "generate": 1.0}[task]
        asked: Any = choose.objective_of(teacher, student_of(teacher), DistillConfig(temperature=4.0), tokens=100)
        assert asked._temperature == 4.0


def test_tokens_of_its_own_are_refused_for_language_models(writer: Any) -> None:
    with pytest.raises(UsageError, match="tokens of its own"):
        choose.objective_of(writer, student_of(writer, own_tokens=True), DistillConfig(), tokens=100)
