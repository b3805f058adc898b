"""A static student: a table that computes nothing but means, also after it was saved, and in half precision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, UsageError
from tests.models.extras import library, save_bert

torch = library("torch", "models")
transformers = library("transformers", "models")
static = pytest.importorskip("llmopt.models.distill.students.static")
values = pytest.importorskip("llmopt.models.distill.values")
device = pytest.importorskip("llmopt.models.device")
encoder = pytest.importorskip("llmopt.models.encoder")
layout = pytest.importorskip("llmopt.models.layout")
vocabulary = pytest.importorskip("llmopt.models.vocabulary")

BEGIN, END = 2, 3
"""The tokens around each text."""


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return opened(save_bert(tmp_path_factory.mktemp("teacher")))


def opened(folder: Path) -> Any:
    model = transformers.AutoModel.from_pretrained(folder).eval()
    known = model.config.vocab_size
    return values.Teacher(
        name="tiny",
        folder=folder,
        home=folder,
        task="embed",
        model=model,
        device=device.CpuDevice(),
        vocabulary=vocabulary.Vocabulary(folder / "tokenizer.json", known, max_tokens=32),
        layout=layout.layout_of(folder),
        labels=(),
        fill=0,
        mask=None,
        known_tokens=known,
        max_tokens=32,
    )


def states(model: Any, texts: list[list[int]]) -> Any:
    ids, mask = encoder.padded(texts, torch.device("cpu"))
    with torch.inference_mode():
        return model(input_ids=ids, attention_mask=mask).last_hidden_state.float()


def test_a_token_is_its_row_less_its_mean_wherever_it_stands(teacher: Any) -> None:
    model, origin = static.static_student(teacher)
    rows = model.get_input_embeddings().weight.detach()
    expected = rows - rows.mean(1, keepdim=True)
    found = states(model, [[7, 8, 7], [9, 7, 10]])
    torch.testing.assert_close(found, expected[torch.tensor([[7, 8, 7], [9, 7, 10]])], rtol=1e-5, atol=1e-7)
    assert origin == "a static table of the teacher's tokens"
    assert not model.training


def test_a_text_of_one_token_points_where_the_teacher_does_less_what_all_have_in_common(teacher: Any) -> None:
    model, _ = static.static_student(teacher)
    known = teacher.known_tokens
    texts = [[BEGIN, at, END] for at in range(known)]
    ids, mask = encoder.padded(texts, torch.device("cpu"))
    with torch.inference_mode():
        mine = encoder.sentence_vectors(model, ids, mask, "mean")
        theirs = encoder.sentence_vectors(teacher.model, ids, mask, "mean")
    spoken = [at for at in range(known) if at not in (0, BEGIN, END)]
    wanted = theirs[spoken] - theirs[spoken].mean(0)
    wanted = wanted - wanted.mean(1, keepdim=True)
    torch.testing.assert_close(mine[spoken], torch.nn.functional.normalize(wanted, dim=1), rtol=1e-4, atol=1e-5)


def test_tokens_around_a_text_and_padding_say_nothing(teacher: Any) -> None:
    model, _ = static.static_student(teacher)
    rows = model.get_input_embeddings().weight
    assert not rows[[0, BEGIN, END]].any()
    assert rows.abs().sum(1).gt(0).sum() == teacher.known_tokens - 3


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_saved_table_computes_the_same(teacher: Any, tmp_path: Path, dtype: str) -> None:
    model, _ = static.static_student(teacher)
    model.save_pretrained(tmp_path)
    loaded, told = transformers.AutoModel.from_pretrained(
        tmp_path, dtype=getattr(torch, dtype), output_loading_info=True
    )
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    text, near = [[BEGIN, 7, 9, END]], {"float32": 1e-6, "bfloat16": 2**-7, "float16": 2**-9}[dtype]
    before, after = states(model, text), states(loaded, text)
    assert (before - after).abs().max() <= near * before.abs().max()


def test_what_is_no_word_is_frozen_and_the_rest_has_a_gradient(teacher: Any) -> None:
    model, _ = static.static_student(teacher)
    names = {name for name, _ in model.named_parameters()}
    assert names - set(static.FROZEN) == {"embeddings.word_embeddings.weight"}
    assert set(static.FROZEN) < names
    model(input_ids=torch.tensor([[7, 8]])).last_hidden_state.square().sum().backward()
    rows = model.get_input_embeddings().weight.grad
    assert rows.abs().sum(1).nonzero().squeeze(1).tolist() == [7, 8]


def test_nothing_is_shared_with_the_teacher(teacher: Any) -> None:
    before = {name: weights.clone() for name, weights in teacher.model.state_dict().items()}
    model, _ = static.static_student(teacher)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(3.0)
    assert all(torch.equal(weights, before[name]) for name, weights in teacher.model.state_dict().items())


def test_it_reads_as_much_as_the_teacher_up_to_a_bound(teacher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert static.static_student(teacher)[0].config.max_position_embeddings == 512
    monkeypatch.setattr(static, "_LONGEST", 100)
    assert static.static_student(teacher)[0].config.max_position_embeddings == 100


def test_pooling_by_the_first_token_is_the_teachers_affair(teacher: Any) -> None:
    first = replace(teacher, layout=replace(teacher.layout, pooling="cls"))
    rows, others = (static.static_student(each)[0].get_input_embeddings().weight for each in (first, teacher))
    assert rows.isfinite().all()
    assert not torch.equal(rows, others)


def test_only_encoders_have_a_static_student(teacher: Any) -> None:
    with pytest.raises(UsageError, match="made to classify; a static student embeds"):
        static.static_student(replace(teacher, task="classify"))


def test_a_damaged_teacher_is_told(tmp_path: Path) -> None:
    broken = opened(save_bert(tmp_path))
    with torch.no_grad():
        broken.model.embeddings.word_embeddings.weight[7] = torch.nan
    with pytest.raises(InputError, match="not finite"):
        static.static_student(broken)


def test_weights_grow_with_the_rank_of_words_and_leave_marks_out() -> None:
    known = {"[PAD]": 0, "<s>": 1, "a": 2, "##,": 3, "é": 4, "the": 5, "Ġof": 6, "##ing": 7, "▁a": 8}
    weights = static._weights(known, 10)
    the, of, ing = weights[5:8].tolist()
    assert 0 < the < of < ing < weights[2].item() < 1
    assert weights[[0, 1, 4, 9]].tolist() == [1.0] * 4
    assert weights[[2, 3, 8]].unique().numel() == 1
    zipf = 1 / sum(1 / rank for rank in range(1, 101))
    assert the == pytest.approx(1e-4 / (1e-4 + zipf), rel=1e-5)


def test_a_tokenizer_may_put_nothing_around_a_text() -> None:
    tokenizers = library("tokenizers", "models")
    plain = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    assert static._around(plain) == ([], [])
    deaf = tokenizers.Tokenizer(tokenizers.models.BPE({"b": 0, "[CLS]": 1, "[SEP]": 2}, []))  # knows no "a"
    deaf.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    assert static._around(deaf) == ([1, 2], [])
