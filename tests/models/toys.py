"""Toy checkpoints: the shapes of real models with made-up weights."""

from __future__ import annotations

import json
import random
import struct
from array import array
from math import prod
from pathlib import Path

WIDTH, INNER, TOKENS = 128, 256, 512
LAYER = {
    "self_attn.q_proj": (WIDTH, WIDTH),
    "self_attn.k_proj": (WIDTH, WIDTH),
    "self_attn.v_proj": (WIDTH, WIDTH),
    "self_attn.o_proj": (WIDTH, WIDTH),
    "mlp.gate_proj": (INNER, WIDTH),
    "mlp.up_proj": (INNER, WIDTH),
    "mlp.down_proj": (WIDTH, INNER),
    "input_layernorm": (WIDTH,),
    "post_attention_layernorm": (WIDTH,),
}
SHAPES = {
    "model.embed_tokens.weight": (TOKENS, WIDTH),
    **{f"model.layers.{at}.{name}.weight": shape for at in range(2) for name, shape in LAYER.items()},
    "model.norm.weight": (WIDTH,),
    "lm_head.weight": (TOKENS, WIDTH),
}


def toy_llama(folder: Path) -> None:
    """Write a llama of two small layers, by the format's specification (8 bytes of length, JSON, numbers)."""
    rng = random.Random(0)
    header, start, parts = {}, 0, []
    for name, shape in SHAPES.items():
        parts.append(array("f", (rng.gauss(0, 0.02) for _ in range(prod(shape)))).tobytes())
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (start, start + len(parts[-1]))}
        start += len(parts[-1])
    text = json.dumps(header).encode()
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"".join([struct.pack("<Q", len(text)), text, *parts]))
    sizes = {"hidden_size": WIDTH, "intermediate_size": INNER, "vocab_size": TOKENS, "num_hidden_layers": 2}
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_attention_heads": 4, **sizes}
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
