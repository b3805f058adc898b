"""What layer a tensor belongs to, as far as its name, its family and its neighbours tell.

The names are those that the families in transformers give; the rules were held against the modules that its code builds
for each family, and quantize nothing there that is no linear layer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_EMBEDDING = re.compile(
    r"emb|^(wte|wpe|shared|codebook|lookup|pe_k|reference_points)$|relative_attention_bias|relative_position"
    r"|bias_values$|(^|_)tokens?$|quer(y|ies)_feat",
    re.IGNORECASE,
)
"""Tables of vectors, whatever they are looked up by."""
_HEAD = re.compile(r"^(lm_head|embed_out|classifier|score|qa_outputs|prediction_head|generator_lm_head)$")
_NUMBERED = re.compile(r"\.\d+\.")
"""Layers of a stack; a head is none of them, however many rows it has."""
_ROUTER = re.compile(r"^(gate|gating|wg|switch|mlp_gate)$|router|expert_gate")
_NORM = re.compile(r"norm|^ln(_|\d|$)", re.IGNORECASE)
_EXPERT = re.compile(r"(^|\.)(experts|local_experts|moe)\.\d+\.")
_UNPACKABLE = frozenset(
    [
        "altclip",
        "bridgetower",
        "chinese_clip",
        "chinese_clip_vision_model",
        "clipseg",
        "clvp",
        "d_fine",
        "data2vec-audio",
        "deimv2",
        "falcon_mamba",
        "gpt_bigcode",
        "grounding-dino",
        "groupvit",
        "kosmos-2",
        "longt5",
        "lw_detr",
        "mamba",
        "mamba2",
        "mask2former",
        "mlcd_vision_model",
        "mm-grounding-dino",
        "modernbert",
        "modernbert-decoder",
        "modernvbert",
        "mt5",
        "nanochat",
        "neomme",
        "oneformer",
        "owlv2",
        "owlvit",
        "pix2struct",
        "pop2piano",
        "pp_doclayout_v3",
        "pp_doclayout_v4",
        "recurrent_gemma",
        "rf_detr",
        "rt_detr",
        "rt_detr_v2",
        "sam3_lite_text",
        "sam3_lite_text_text_model",
        "seamless_m4t",
        "seamless_m4t_v2",
        "siglip",
        "siglip2",
        "siglip2_vision_model",
        "siglip_vision_model",
        "switch_transformers",
        "t5",
        "udop",
        "ultravbert",
        "umt5",
        "unispeech",
        "unispeech-sat",
        "wav2vec2",
        "wav2vec2-bert",
        "wav2vec2-conformer",
        "wavlm",
        "xclip",
    ]
)
"""Families whose code in transformers 5.23 sets up weights of inner layers and finds none where they are packed.

Found by taking the weights from models that it built, and running what it runs on modules that it loads.
"""
_LOOKED_AT = re.compile(r"^(wo|weights_proj|text_projection|project_q)$")
_ADAPTER = re.compile(r"(^|\.)lora_[AB]($|\.)")
_OWN_LINEAR = ("ibert",)
"""Families with linear layers of a class of their own."""
_CONV1D_MODELS = ("gpt2", "openai-gpt", "imagegpt", "decision_transformer", "clvp", "clvp_decoder")
_CONV1D = re.compile(r"^(c_attn|c_proj|c_fc|q_attn)$")


def module_of(name: str) -> str:
    """Return the module that a tensor belongs to: its name without what follows the last dot."""
    return name.rpartition(".")[0]


def is_expert(name: str) -> bool:
    """Return whether a tensor is that of one expert among several."""
    return _EXPERT.search(name) is not None


def is_unpackable(config: dict[str, object] | None) -> bool:
    """Return whether transformers cannot load packed weights of a model with this `config.json`."""
    return (config or {}).get("model_type") in _UNPACKABLE


def is_norm(name: str) -> bool:
    """Return whether a tensor is that of a normalization."""
    return _NORM.search(module_of(name).rpartition(".")[2]) is not None


class Kinds:
    """The kinds of layers of one model that are told by their names, or by as many rows as there are words.

    Args:
        config: its `config.json`.
        vllm: vLLM will load it, not transformers.
    """

    def __init__(self, config: Mapping[str, Any], *, vllm: bool) -> None:
        self._vocabulary = _numbers(config, "vocab_size")
        self._tied = bool(config.get("tie_word_embeddings"))
        self._own = config.get("model_type") in _OWN_LINEAR
        self._vllm = vllm

    def reason(self, name: str, rows: int) -> str | None:
        """Return why a weight is not that of a linear layer to quantize; None where nothing says so."""
        module = module_of(name)
        leaf = module.rpartition(".")[2]
        words = rows in self._vocabulary and not _NUMBERED.search(module)
        named = next((part for part in reversed(module.split(".")) if not part.isdigit()), leaf)
        kinds = (
            (_EMBEDDING.search(named), "embedding"),
            (words and self._tied, "output head, tied to the embedding"),
            (words or _HEAD.search(leaf), "output head"),
            (_ROUTER.search(leaf), "router"),
            (_NORM.search(leaf), "norm"),
            (_ADAPTER.search(name), "adapter"),
            (self._own, "another kind of linear layer"),
            (not self._vllm and _LOOKED_AT.search(leaf), "transformers looks at its type before it is unpacked"),
        )
        return next((reason for holds, reason in kinds if holds), None)


def conv1d_leaves(shapes: Mapping[str, tuple[int, ...]], config: Mapping[str, Any]) -> frozenset[str]:
    """Return the last names of layers whose weight lies the other way round.

    Their bias is as long as their columns; square ones are told by others of the same name.
    """
    leaves = set()
    for name, shape in shapes.items():
        module, _, kind = name.rpartition(".")
        leaf = module.rpartition(".")[2]
        if kind != "weight" or len(shape) != 2:
            continue
        turned = shape[0] != shape[1] and shapes.get(f"{module}.bias") == shape[1:]
        if turned or (config.get("model_type") in _CONV1D_MODELS and _CONV1D.search(leaf)):
            leaves.add(leaf)
    return frozenset(leaves)


def _numbers(config: Mapping[str, Any], key: str) -> frozenset[int]:
    """Return the values of a key in a configuration and in those nested in it."""
    found = {value for name, value in config.items() if name == key and isinstance(value, int)}
    for value in config.values():
        if isinstance(value, Mapping):
            found |= _numbers(value, key)
    return frozenset(found)
