"""What is quantized and what stays, told from names, types and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from llmopt.errors import UsageError
from llmopt.models.quantizing.metadata import ignored
from llmopt.models.quantizing.plan import plan
from llmopt.models.quantizing.rules import unmatched
from tests.models.quantizing.makers import LLAMA, stored


def reasons(
    shapes: Mapping[str, tuple[int, ...]], config: dict[str, Any] | None = None, **asked: Any
) -> dict[str, str]:
    """Return the reasons of the tensors that stay."""
    made = plan(stored(shapes, config), asked.pop("scheme", "w8a8"), **asked)
    return {kept.tensor.name: kept.reason for kept in made.kept}


def test_linear_layers_change_and_the_rest_of_a_llama_stays() -> None:
    assert reasons(LLAMA, {"vocab_size": 96}) == {
        "model.embed_tokens.weight": "embedding",
        "model.layers.0.input_layernorm.weight": "norm",
        "lm_head.weight": "output head",
    }
    assert reasons(LLAMA, {"vocab_size": 96, "tie_word_embeddings": True})["lm_head.weight"] == (
        "output head, tied to the embedding"
    )


@pytest.mark.parametrize(
    ("scheme", "outputs", "after"),
    [
        ("w8a8", [("weight", "I8", (64, 128)), ("weight_scale", "BF16", (64, 1))], 64 * 128 + 2 * 64),
        (
            "w8a16",
            [("weight_packed", "I32", (64, 32)), ("weight_scale", "BF16", (64, 4)), ("weight_shape", "I64", (2,))],
            64 * 128 + 2 * 64 * 4 + 16,
        ),
        (
            "w4a16",
            [("weight_packed", "I32", (64, 16)), ("weight_scale", "BF16", (64, 4)), ("weight_shape", "I64", (2,))],
            64 * 64 + 2 * 64 * 4 + 16,
        ),
        ("bf16", [], 64 * 128 * 2),
    ],
)
def test_what_a_weight_is_stored_as(scheme: str, outputs: list[Any], after: int) -> None:
    made = plan(stored({"a.down.weight": (64, 128)}, dtype="BF16"), scheme, group_size=32)
    assert [(o.name.removeprefix("a.down."), o.dtype, o.shape) for e in made.quantized for o in e.outputs] == outputs
    assert (made.bytes_before, made.bytes_after) == (64 * 128 * 2, after)


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("h.0.mlp.gate.weight", (8, 64), "router"),
        ("h.0.block_sparse_moe.router.weight", (8, 64), "router"),
        ("h.0.mlp.shared_expert_gate.weight", (1, 64), "router"),
        ("h.0.mlp.gate_proj.weight", (64, 64), None),
        ("h.0.mlp.experts.gate_up_proj", (4, 64, 64), "experts in 3 dimensions"),
        ("conv1.weight", (8, 8, 3), "3 dimensions"),
        ("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", (32, 8), "embedding"),
        ("embeddings.LayerNorm.weight", (64,), "norm"),
        ("a.bias", (64,), "bias"),
        ("logit_scale", (), "0 dimensions"),
        ("cls_token", (1, 64), "not named as the weight of a layer"),
        ("a.lora_A.default.weight", (8, 64), "adapter"),
        ("classifier.weight", (3, 64), "output head"),
        ("a.weight", (0, 64), "empty"),
    ],
)
def test_what_is_no_linear_layer_stays(name: str, shape: tuple[int, ...], reason: str | None) -> None:
    assert reasons({name: shape}).get(name) == reason


def test_a_conv1d_is_told_by_its_bias_also_where_it_is_square() -> None:
    shapes = {
        "h.0.mlp.c_proj.weight": (256, 64),
        "h.0.mlp.c_proj.bias": (64,),
        "h.0.attn.c_proj.weight": (64, 64),
        "h.0.attn.c_proj.bias": (64,),
        "h.0.other.weight": (64, 64),
    }
    found = reasons(shapes)
    assert found["h.0.mlp.c_proj.weight"] == found["h.0.attn.c_proj.weight"] == "Conv1D, not a linear layer"
    assert "h.0.other.weight" not in found
    assert reasons({"h.0.c_fc.weight": (64, 64)}, {"model_type": "gpt2"}) != {}
    assert reasons({"a.weight": (64, 64), "a.bias": (32,)})["a.weight"] == "its bias does not fit a linear layer"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("q_proj", {"a.0.q_proj.weight"}),
        ("*.q_proj", {"a.0.q_proj.weight"}),
        ("a.0", {"a.0.q_proj.weight", "a.0.k_proj.weight"}),
        ("a.?.k*", {"a.0.k_proj.weight"}),
        (r"re:.*\.[qk]_proj$", {"a.0.q_proj.weight", "a.0.k_proj.weight"}),
        ("proj", set()),
    ],
)
def test_patterns_to_skip(pattern: str, names: set[str]) -> None:
    found = reasons({"a.0.q_proj.weight": (64, 64), "a.0.k_proj.weight": (64, 64)}, skip=(pattern,))
    assert found == dict.fromkeys(names, f"--skip {pattern}")


def test_a_pattern_that_is_no_regular_expression() -> None:
    with pytest.raises(UsageError, match=r"--skip re:\(: no regular expression"):
        reasons(LLAMA, skip=("re:(",))


def test_shapes_that_cannot_be_grouped_stay() -> None:
    shapes = {"a.weight": (64, 100), "b.weight": (64, 128), "c.weight": (4, 300_000)}
    assert reasons(shapes, scheme="w4a16") == {
        "a.weight": "100 columns are no multiple of the group, 128",
        "c.weight": "rows of 300,000 columns",
    }
    assert reasons(shapes, scheme="w4a16", group_size=10)["a.weight"] == "100 columns do not fill words of 8 numbers"
    assert "a.weight" not in reasons(shapes)


def test_vllm_joins_layers_so_all_of_them_stay_or_none() -> None:
    shapes = {f"a.{name}_proj.weight": (rows, 128) for name, rows in (("q", 128), ("k", 32), ("v", 64), ("o", 128))}
    found = reasons(shapes, scheme="w4a16", target="vllm")
    assert found == {
        "a.k_proj.weight": "vLLM takes multiples of 64 rows and 128 columns",
        "a.q_proj.weight": "vLLM joins it with k_proj, which stays",
        "a.v_proj.weight": "vLLM joins it with q_proj, which stays",
    }
    assert reasons(shapes, scheme="w4a16") == {}
    assert reasons({"a.weight": (64, 72)}, target="vllm") == {"a.weight": "vLLM takes multiples of 16"}
    with pytest.raises(UsageError, match="no kernel for groups of 48"):
        reasons(shapes, scheme="w4a16", target="vllm", group_size=48)


def test_experts_are_packed_for_transformers_which_joins_them() -> None:
    shapes = {"h.mlp.experts.3.up_proj.weight": (64, 64), "h.q_proj.weight": (64, 64)}
    made = plan(stored(shapes), "w8a8")
    assert made.format == "mixed-precision"
    assert [entry.outputs[0].dtype for entry in made.quantized] == ["I32", "I8"]
    assert plan(stored(shapes), "w8a8", target="vllm").format == "int-quantized"


def test_rows_as_many_as_words_do_not_make_a_layer_of_a_stack_a_head() -> None:
    shapes = {"model.layers.0.q_proj.weight": (96, 64), "out.weight": (96, 64)}
    assert reasons(shapes, {"text_config": {"vocab_size": 96}}) == {"out.weight": "output head"}


@pytest.mark.parametrize(
    "name",
    ["embed_tables.3", "char_embeddings.HashEmbedder_0", "decoder.mask_tokens", "cls.point_embed.0", "query_feat"],
)
def test_tables_of_vectors_under_other_names(name: str) -> None:
    assert reasons({f"{name}.weight": (64, 64)}) == {f"{name}.weight": "embedding"}


def test_bfloat16_takes_all_wider_numbers() -> None:
    assert reasons(LLAMA, scheme="bf16") == {}
    made = plan(stored(LLAMA, dtype="BF16"), "bf16")
    assert {kept.reason for kept in made.kept} == {"stored as BF16"}
    with pytest.raises(UsageError, match="no scheme"):
        plan(stored(LLAMA), "fp8")


def test_ends_of_names_are_ignored_too_that_no_layer_that_changes_has() -> None:
    shapes = {
        "visual.blocks.0.proj.weight": (64, 64),
        "text.layers.0.proj.weight": (64, 64),
        "other.layers.0.proj.weight": (64, 64),
        "visual.patch_embed.weight": (64, 64),
    }
    made = plan(stored(shapes), "w8a8", skip=("visual", "text"))
    found = ignored(made)
    assert {"visual.blocks.0.proj", "text.layers.0.proj", "visual.patch_embed", "lm_head"} <= set(found)
    assert r"re:(.*\.)?blocks\.0\.proj$" in found
    assert r"re:(.*\.)?visual\.patch_embed$" in found
    assert r"re:(.*\.)?text\.layers\.0\.proj$" in found
    assert r"re:(.*\.)?layers\.0\.proj$" not in found
    assert "other.layers.0.proj" not in found


SEEING = {
    "vision_tower.encoder.layers.0.q_proj.weight": (64, 128),
    "language_model.layers.0.q_proj.weight": (64, 128),
}


@pytest.mark.parametrize(
    ("config", "asked", "stay"),
    [
        ({"model_type": "gemma3", "vision_config": {"model_type": "siglip_vision_model"}}, {}, ["vision_tower"]),
        ({"model_type": "siglip", "vision_config": {}}, {}, ["vision_tower"]),
        ({"model_type": "llava", "vision_config": {"model_type": "clip_vision_model"}}, {}, []),
        ({"model_type": "falcon"}, {}, ["vision_tower", "language_model"]),
        ({"model_type": "falcon"}, {"scheme": "w8a8"}, []),
        ({"model_type": "falcon"}, {"target": "vllm"}, []),
        ({"model_type": "mamba"}, {}, []),
        ({"model_type": ["falcon"], "text_config": 3}, {}, []),
    ],
)
def test_what_transformers_does_not_find_packed_stays(
    config: dict[str, Any], asked: dict[str, Any], stay: list[str]
) -> None:
    found = reasons(SEEING, config, **({"scheme": "w4a16"} | asked))
    assert [name.partition(".")[0] for name, why in found.items() if "looks for its weight" in why] == stay


def test_a_tensor_whose_new_names_are_taken_stays() -> None:
    found = reasons({"a.weight": (64, 128), "a.weight_shape": (2,), "b.weight": (64, 128)}, scheme="w4a16")
    assert found == {"a.weight": "there is a tensor a.weight_shape already", "a.weight_shape": "1 dimension"}


def test_patterns_that_match_nothing_are_found() -> None:
    names = ("a.0.q_proj.weight", "lm_head.weight")
    assert unmatched(("lm_head", "a.0", "*.k_proj*", "re:.*q_proj", "re:b", ""), names) == ("*.k_proj*", "re:b", "")
    assert unmatched((), names) == ()
