"""Students by a `config.json`, filled with what weighs most in the teacher."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt.errors import InputError, UsageError
from llmopt.models.distill.students.heads import Heads, HeadScores, heads_kept, heads_of
from llmopt.models.distill.students.narrow import narrow_student
from tests.models.distill.students.teachers import (
    KINDS,
    answers,
    save_model,
    storages,
    teacher_of,
    torch,
    transformers,
    write_json,
)

_ENTANGLED = {"deberta", "gpt_neox", "mpnet", "phi3"}
"""Some of their weights hold several things in an order of their own, or something of each head."""


@pytest.mark.parametrize("kind", KINDS)
def test_with_no_other_sizes_is_the_teacher(kind: str, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, kind)
    student, origin, warnings = narrow_student(teacher, write_json(tmp_path / "same.json"), seed=0)
    assert warnings == ()
    assert origin == "same.json, 100 % of its weights cut from the teacher's"
    torch.testing.assert_close(answers(student), answers(teacher.model))
    assert not storages(student) & storages(teacher.model)


@pytest.mark.parametrize("kind", KINDS)
def test_is_narrower_in_every_way(kind: str, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", kind)
    sizes: dict[str, object] = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    neurons = {"distilbert": "hidden_dim", "distilbert_fill": "hidden_dim", "opt": "ffn_dim", "gpt2": "n_inner"}
    sizes[neurons.get(kind, "intermediate_size")] = 12
    if kind == "opt":
        sizes["word_embed_proj_dim"] = 8
    if kind == "xlm":
        sizes.pop("intermediate_size")
    student, origin, _ = narrow_student(teacher, write_json(tmp_path / "small.json", **sizes), seed=0)
    config = student.config
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (8, 2, 2)
    assert answers(student).isfinite().all()
    share = int(origin.partition(", ")[2].partition(" %")[0])
    assert share == 100 or kind in _ENTANGLED, origin
    student.save_pretrained(tmp_path / "student")
    loaded = type(student).from_pretrained(tmp_path / "student").eval()
    torch.testing.assert_close(answers(loaded), answers(student))


def test_a_teacher_with_idle_parts_loses_nothing(tmp_path: Path) -> None:
    # dimensions, neurons and heads that do nothing are those that are left out: the answers stay
    teacher = teacher_of(tmp_path / "teacher", "llama", num_key_value_heads=4)
    kept = torch.tensor([0, 3, 4, 7, 9, 10, 13, 15])
    idle = torch.tensor([at for at in range(16) if at not in kept])
    with torch.no_grad():
        model = teacher.model.model
        _silence_stream(teacher.model, idle)
        for layer in model.layers:
            layer.self_attn.v_proj.weight[4:8] = 0  # head 1
            layer.self_attn.o_proj.weight[:, 4:8] = 0
            layer.self_attn.q_proj.weight[4:8] *= 0.01
            layer.self_attn.k_proj.weight[4:8] *= 0.01
            for rows in (layer.mlp.gate_proj, layer.mlp.up_proj):
                rows.weight[::2] = 0
            layer.mlp.down_proj.weight[:, ::2] = 0
    sizes = {"hidden_size": 8, "intermediate_size": 12, "num_attention_heads": 3, "head_dim": 4}
    student, _, _ = narrow_student(teacher, write_json(tmp_path / "s.json", **sizes, num_key_value_heads=3), seed=0)
    assert torch.equal(student.lm_head.weight, teacher.model.lm_head.weight[:, kept])
    # the root mean square is over half of the dimensions now: as much larger as the norms make up for
    with torch.no_grad():
        for name, values in student.named_parameters():
            if "norm" in name:
                values *= 2**0.5
        for norm in [part for part in student.modules() if type(part).__name__ == "LlamaRMSNorm"]:
            norm.variance_epsilon *= 2
    torch.testing.assert_close(answers(student), answers(teacher.model), atol=1e-4, rtol=1e-4)


def _silence_stream(model: Any, idle: Any) -> None:
    """Let some dimensions of the residual stream be zero everywhere."""
    for name, values in model.named_parameters():
        if name.endswith(("embed_tokens.weight", "lm_head.weight")) or "_proj.weight" in name:
            reads = not name.endswith(("o_proj.weight", "down_proj.weight"))
            if reads:
                values[:, idle] = 0
            else:
                values[idle] = 0


def test_what_the_file_does_not_say_is_as_in_the_teacher(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "bert", hidden_dropout_prob=0.25)
    student, _, _ = narrow_student(teacher, write_json(tmp_path / "s.json", num_hidden_layers=2), seed=0)
    assert student.config.hidden_dropout_prob == 0.25
    assert student.config.id2label == teacher.model.config.id2label
    assert torch.equal(student.bert.encoder.layer[1].output.dense.weight, _weight(teacher.model, 3))


def _weight(model: Any, layer: int) -> Any:
    return model.bert.encoder.layer[layer].output.dense.weight


def test_takes_what_transformers_writes(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "bert")
    folder = save_model(tmp_path / "other", "bert", hidden_size=8, num_attention_heads=2)
    student, _, warnings = narrow_student(teacher, folder / "config.json", seed=0)
    assert student.config.hidden_size == 8
    assert warnings == ()


def test_fewer_positions_are_the_first(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "bert_embed")
    student, _, _ = narrow_student(teacher, write_json(tmp_path / "s.json", max_position_embeddings=16), seed=0)
    tables = [one.embeddings.position_embeddings.weight for one in (student, teacher.model)]
    assert torch.equal(tables[0], tables[1][:16])


def test_a_wider_student_begins_at_random_by_its_seed_and_says_so(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "bert_embed")
    path = write_json(tmp_path / "wide.json", hidden_size=32)
    one, origin, (told,) = narrow_student(teacher, path, seed=1)
    again, _, _ = narrow_student(teacher, path, seed=1)
    other, _, _ = narrow_student(teacher, path, seed=2)
    assert "0 % of the student's weights" in told
    assert origin.startswith("wide.json, 0 %")
    assert torch.equal(answers(one), answers(again))
    assert not torch.equal(answers(one), answers(other))


def test_rotary_heads_of_another_size_begin_at_random(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "llama", num_key_value_heads=4)
    student, _, _ = narrow_student(teacher, write_json(tmp_path / "s.json", head_dim=2), seed=0)
    attention = student.model.layers[0].self_attn
    assert attention.q_proj.weight.shape == (8, 16)
    assert attention.q_proj.weight.std() < 0.05  # as training begins, not as the teacher's
    assert attention.v_proj.weight.std() > 0.05


def test_heads_that_share_keys_keep_doing_so(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "llama")
    student, _, _ = narrow_student(teacher, write_json(tmp_path / "s.json", num_attention_heads=2), seed=0)
    assert (student.config.num_key_value_heads, student.config.head_dim) == (2, 8)
    for heads, groups in ((1, 1), (3, 3)):
        path = write_json(tmp_path / "s.json", num_attention_heads=heads, hidden_size=12)
        student, _, _ = narrow_student(teacher, path, seed=0)
        assert student.config.num_key_value_heads == groups


def test_heads_that_share_keys_share_them_in_smaller_groups(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "llama", num_attention_heads=8, num_key_value_heads=4, head_dim=2)
    student, _, _ = narrow_student(teacher, write_json(tmp_path / "s.json", num_attention_heads=6), seed=0)
    assert student.config.num_key_value_heads == 3


def test_unknown_settings_are_told(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "bert_embed")
    _, _, (told,) = narrow_student(teacher, write_json(tmp_path / "s.json", hiden_size=8), seed=0)
    assert "hiden_size is no setting of bert" in told


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model_type": "roberta"}, "a roberta, where the teacher is a bert"),
        ({"vocab_size": 50}, "vocab_size 50"),
        ({"num_labels": 2}, "2 classes, where the teacher has 3"),
        ({"id2label": {"0": "a", "1": "b"}}, "2 classes"),
        ({"auto_map": {"AutoModel": "x.Y"}}, "code of its own"),
        ({"quantization_config": {"bits": 4}}, "packed weights"),
        ({"hidden_size": 10}, "no student can be made"),
        ({"hidden_size": "8"}, "no student can be made"),
        ({"hidden_size": -8}, "no student can be made"),
        ({"hidden_size": 0}, "no student can be made"),
        ({"num_attention_heads": 0}, "no student can be made"),
        ({"hidden_act": "none_such"}, "no student can be made"),
        ({"vocab_size": "many"}, "Expected `int"),
    ],
)
def test_refuses_what_does_not_fit_the_teacher(fields: dict[str, object], said: str, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "bert")
    with pytest.raises(InputError, match=said):
        narrow_student(teacher, write_json(tmp_path / "s.json", **fields), seed=0)


def test_refuses_other_names_of_classes(tmp_path: Path) -> None:
    names = {0: "bad", 1: "fair", 2: "good"}
    path = write_json(tmp_path / "s.json", id2label={"0": "red", "1": "green", "2": "blue"})
    with pytest.raises(InputError, match="its classes are red, green, blue, the teacher's bad, fair, good"):
        narrow_student(teacher_of(tmp_path, "bert", id2label=names), path, seed=0)


@pytest.mark.parametrize("count", [0, 5, "2", None, True])
def test_refuses_numbers_of_layers_that_the_teacher_lacks(count: object, tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "bert")
    with pytest.raises(UsageError, match="num_hidden_layers"):
        narrow_student(teacher, write_json(tmp_path / "s.json", num_hidden_layers=count), seed=0)


def test_refuses_files_that_are_none(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path, "bert")
    with pytest.raises(InputError, match="no such file"):
        narrow_student(teacher, tmp_path / "none.json", seed=0)
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match=r"list\.json"):
        narrow_student(teacher, tmp_path / "list.json", seed=0)


def test_keeps_the_heads_and_dimensions_that_weigh_most() -> None:
    before, after = Heads(4, 2, 3, rotary=False), Heads(2, 1, 2, rotary=False)
    groups = torch.tensor([0.0, 0, 0, 1, 2, 3])
    queries = torch.tensor([9.0, 9, 9, 0, 0, 0, 0, 5, 0, 5, 0, 0])
    kept = heads_kept(before, after, HeadScores(query=queries * 0, key=groups, value=groups * 10, mixed=queries))
    # the second group: its keys and values outweigh what the first one's queries do
    assert kept.key is not None
    assert kept.key.tolist() == [4, 5]
    assert kept.value is not None
    assert kept.value.tolist() == [4, 5]
    assert kept.query is not None
    assert kept.query.tolist() == [7, 8, 10, 11]
    assert kept.mixed is not None
    assert kept.mixed.tolist() == [7, 8, 10, 11]


def test_more_heads_than_the_teacher_has_are_none_of_its() -> None:
    scores = HeadScores(*(torch.ones(8) for _ in range(4)))
    kept = heads_kept(Heads(2, 2, 4, rotary=False), Heads(4, 4, 2, rotary=False), scores)
    assert (kept.query, kept.key, kept.value, kept.mixed) == (None, None, None, None)


def test_tables_as_wide_as_the_teacher_follow_the_width(tmp_path: Path) -> None:
    teacher = teacher_of(tmp_path / "teacher", "electra", embedding_size=16)
    path = write_json(tmp_path / "small.json", hidden_size=8, num_attention_heads=2)
    student, origin, _ = narrow_student(teacher, path, seed=0)
    assert student.config.embedding_size == 8
    assert origin == "small.json, 100 % of its weights cut from the teacher's"


def test_models_without_attention_have_no_heads_to_fit(tmp_path: Path) -> None:
    config = transformers.FNetConfig(vocab_size=33, hidden_size=16, num_hidden_layers=2, intermediate_size=24)
    teacher = replace(teacher_of(tmp_path / "teacher", "bert_embed"), model=transformers.FNetModel(config).eval())
    student, _, warnings = narrow_student(teacher, write_json(tmp_path / "small.json", hidden_size=8), seed=0)
    assert student.config.hidden_size == 8
    assert warnings == ()


def test_sizes_of_heads_that_are_worked_out_are_not_set(tmp_path: Path) -> None:
    config = transformers.FalconConfig(vocab_size=33, hidden_size=16, num_hidden_layers=2, num_attention_heads=4)
    teacher = replace(teacher_of(tmp_path / "teacher", "llama"), model=transformers.FalconForCausalLM(config).eval())
    path = write_json(tmp_path / "small.json", hidden_size=8, num_attention_heads=2)
    student, _, _ = narrow_student(teacher, path, seed=0)
    assert student.config.hidden_size == 8
    assert answers(student).isfinite().all()


def test_settings_that_do_not_say_how_attention_is_divided() -> None:
    assert heads_of(transformers.PreTrainedConfig()) is None
    config = transformers.LlamaConfig(num_attention_heads=4, num_key_value_heads=4)
    config.num_key_value_heads = 3
    assert heads_of(config) is None
