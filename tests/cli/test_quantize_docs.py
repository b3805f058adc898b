"""docs/quantize.md shows what the command prints for a toy: a llama of two small layers with made-up weights."""

from __future__ import annotations

import json
import random
import re
import shlex
import struct
import subprocess
import sys
from array import array
from math import prod
from pathlib import Path

from tests.conftest import ROOT, UPDATE

PAGE = ROOT / "docs" / "quantize.md"
BLOCK = re.compile(r"(```console\n\$ llmopt ([^\n]*)\n)(.*?)```", re.DOTALL)
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


def test_an_example_prints_what_it_says(workdir: Path) -> None:
    toy(workdir / "toy")
    page = PAGE.read_text(encoding="utf-8")
    examples = BLOCK.findall(page)
    assert examples
    for head, command, shown in examples:
        arguments = [sys.executable, "-m", "llmopt", *shlex.split(command)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        if UPDATE:
            page = page.replace(f"{head}{shown}```", f"{head}{done.stdout}```")
            PAGE.write_text(page, encoding="utf-8", newline="\n")
        else:
            assert shown == done.stdout


def toy(folder: Path) -> None:
    """Write the checkpoint, by the format's specification (8 bytes of length, JSON, numbers)."""
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
