"""What layer a tensor belongs to, as far as its name, its family and its neighbours tell.

The names are those that the families in transformers give; the rules were held against the modules that its code builds
for each family, and quantize nothing there that is no linear layer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
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
        if _is_embedding(leaf if not leaf.isdigit() else _named(module)):
            return "embedding"
        if rows in self._vocabulary and not _NUMBERED.search(module):
            return "output head, tied to the embedding" if self._tied else "output head"
        if (told := _by_leaf(leaf)) is not None:
            return told
        if _ADAPTER.search(name):
            return "adapter"
        if self._own:
            return "another kind of linear layer"
        return (
            None
            if self._vllm or not _LOOKED_AT.search(leaf)
            else "transformers looks at its type before it is unpacked"
        )


def _named(module: str) -> str:
    """Return the last part of a name that is no number."""
    return next((part for part in reversed(module.split(".")) if not part.isdigit()), module)


@lru_cache(4096)
def _is_embedding(named: str) -> bool:
    return _EMBEDDING.search(named) is not None


@lru_cache(4096)
def _by_leaf(leaf: str) -> str | None:
    """Return the kind of a layer that its last name alone tells."""
    kinds = ((_HEAD, "output head"), (_ROUTER, "router"), (_NORM, "norm"))
    return next((kind for pattern, kind in kinds if pattern.search(leaf)), None)


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
