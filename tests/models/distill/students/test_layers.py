"""Students made of some layers of their teacher, for many kinds of models."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.models.distill.students import layers
from llmopt.models.distill.students.layers import count_layers, layer_student, layers_told
from tests.models.distill.students.teachers import KINDS, answers, storages, teacher_of, torch, transformers


@pytest.mark.parametrize("kind", KINDS)
def test_with_all_layers_is_the_teacher(kind: str, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, kind).model
    student, warnings = layer_student(teacher, (0, 1, 2, 3), name="t", seed=0)
    assert warnings == ()
    assert type(student) is type(teacher)
    assert not student.training
    torch.testing.assert_close(answers(student), answers(teacher))
    assert not storages(student) & storages(teacher)


@pytest.mark.parametrize("kind", KINDS)
def test_keeps_some_layers_and_loads_again_as_it_was(kind: str, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", kind).model
    student, warnings = layer_student(teacher, (0, 3), name="t", seed=0)
    assert warnings == ()
    assert student.config.num_hidden_layers == 2
    assert student.num_parameters() < teacher.num_parameters() or kind == "albert"
    assert count_layers(teacher) == 4
    student.save_pretrained(tmp_path / "student")
    loaded = type(student).from_pretrained(tmp_path / "student").eval()
    torch.testing.assert_close(answers(loaded), answers(student))
    with torch.no_grad():
        assert answers(student).isfinite().all()


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "distilbert", "mpnet", "xlm", "deberta"])
def test_is_the_teacher_with_layers_cut_out(kind: str, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, kind).model
    student, _ = layer_student(teacher, (1, 3), name="t", seed=0)
    if kind == "xlm":
        lists = [teacher.attentions, teacher.layer_norm1, teacher.ffns, teacher.layer_norm2]
        teacher.n_layers = 2
    else:
        paths = {"gpt2": "transformer.h", "llama": "model.layers", "distilbert": "distilbert.transformer.layer"}
        paths |= {"bert": "bert.encoder.layer", "mpnet": "encoder.layer", "deberta": "deberta.encoder.layer"}
        lists = [teacher.get_submodule(paths[kind])]
    for parts in lists:
        del parts[2]
        del parts[0]
    if kind == "llama":
        teacher.config.num_hidden_layers = 2
        teacher.config.use_cache = False
    torch.testing.assert_close(answers(student), answers(teacher))


def test_lists_of_layer_types_follow_the_layers(tmp_path: Path) -> None:
    kinds = ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]
    teacher = teacher_of(tmp_path, "gemma3", layer_types=kinds).model
    student, _ = layer_student(teacher, (1, 2), name="t", seed=0)
    assert student.config.layer_types == ["full_attention", "sliding_attention"]
    assert teacher.config.layer_types == kinds


def test_lists_of_gpt_neo_follow_the_layers(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "gpt_neo").model
    student, _ = layer_student(teacher, (1, 3), name="t", seed=0)
    assert student.config.attention_layers == ["local", "local"]
    assert student.config.attention_types == [[["local", "local"], 1]]


def test_windows_of_each_layer_follow_the_layers() -> None:
    sizes = {"vocab_size": 33, "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 4}
    config = transformers.LongformerConfig(
        **sizes, intermediate_size=24, attention_window=[2, 4, 6, 8], max_position_embeddings=32
    )
    student, warnings = layer_student(transformers.LongformerModel(config), (0, 3), name="t", seed=0)
    assert student.config.attention_window == [2, 8]
    assert warnings == ()


def test_models_of_blocks_of_layers_are_refused() -> None:
    config = transformers.FunnelConfig(
        vocab_size=33, block_sizes=[2, 2], d_model=16, n_head=4, d_head=4, d_inner=24, num_decoder_layers=1
    )
    with pytest.raises(InputError, match="no student can be made of it"):
        layer_student(transformers.FunnelModel(config), (0, 3), name="t", seed=0)


@pytest.mark.parametrize("kind", ["gpt2", "qwen2", "bert_fill"])
def test_tied_weights_stay_tied(kind: str, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, kind).model
    student, _ = layer_student(teacher, (0,), name="t", seed=0)
    assert student.get_output_embeddings().weight is student.get_input_embeddings().weight


def test_keeps_head_pooler_and_settings_of_generation(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "a", "bert").model
    student, _ = layer_student(teacher, (0,), name="t", seed=0)
    assert torch.equal(student.classifier.weight, teacher.classifier.weight)
    assert torch.equal(student.bert.pooler.dense.weight, teacher.bert.pooler.dense.weight)
    speaker = teacher_of(tmp_path / "b", "gpt2").model
    speaker.generation_config.max_new_tokens = 7
    said, _ = layer_student(speaker, (0,), name="t", seed=0)
    assert said.generation_config.max_new_tokens == 7
    assert said.generation_config is not speaker.generation_config


def test_tells_weights_that_do_not_fit_their_new_place(tmp_path: Path) -> None:
    # the first layer of ModernBERT lacks a norm that all others have
    teacher = teacher_of(tmp_path, "modernbert").model
    _, (dropped,) = layer_student(teacher, (1, 3), name="t", seed=0)
    assert "of the layers taken, 1 of the weights has no place" in dropped
    student, warnings = layer_student(teacher, (0, 2), name="t", seed=0)
    assert not warnings
    assert answers(student).isfinite().all()


def test_tells_weights_that_begin_at_random(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teacher_of(tmp_path, "bert").model
    lacking = {key: value for key, value in teacher.state_dict().items() if not key.startswith("classifier.")}
    monkeypatch.setattr(teacher, "state_dict", lambda: lacking)
    _, warnings = layer_student(teacher, (0,), name="t", seed=0)
    assert warnings == ("of the student, 2 of the weights begin at random, such as classifier.bias",)


def test_what_transformers_cannot_build_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teacher_of(tmp_path, "bert").model
    teacher.config.hidden_size = 10
    with pytest.raises(InputError, match="no student can be made"):
        layer_student(teacher, (0,), name="t", seed=0)

    def exhausted(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(layers, "fresh_model", exhausted)
    with pytest.raises(MemoryError):
        layer_student(teacher, (0,), name="t", seed=0)


def test_leaves_the_random_state_alone(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "bert").model
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    layer_student(teacher, (0,), name="t", seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_refuses_models_whose_layers_cannot_be_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teacher_of(tmp_path, "bert").model
    monkeypatch.setattr(layers, "stacks", lambda model: {})
    with pytest.raises(UsageError, match="cannot be told apart"):
        layer_student(teacher, (0,), name="t", seed=0)


def test_refuses_models_that_do_not_say_how_many_layers_they_have() -> None:
    teacher = SimpleNamespace(config=transformers.PreTrainedConfig())
    with pytest.raises(UsageError, match="do not say"):
        count_layers(teacher)


def test_says_which_layers(tmp_path: Path) -> None:
    bert = teacher_of(tmp_path / "a", "bert").model
    assert layers_told((0, 3), bert) == "layers 0, 3 of the teacher"
    assert layers_told((2,), bert) == "layer 2 of the teacher"
    albert = teacher_of(tmp_path / "b", "albert").model
    assert layers_told((0, 3), albert) == "the teacher's shared layer, run 2 times"


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "bert").model
    teacher.config.dtype = torch.bfloat16
    student, _ = layer_student(teacher, (0,), name="t", seed=0)
    assert student.dtype == torch.float32
    assert transformers.AutoModel is not None
