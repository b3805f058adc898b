"""Attention as plain products while a student trains in bfloat16 on a CPU.

torch's own attention there has a backward pass that makes no use of the processor's products in bfloat16. For the
3-layer MiniLM plain products made a step 1.4 times as fast with texts of 32 to 128 tokens, and 1.1 times with 512; in
float32 they were slower. They need memory for every pair of tokens, so long texts are left to torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from llmopt.models.distill.training.precision import Precision

LONGEST = 512
"""Tokens of a text up to which it is worth it."""
_TORCHS, _PLAIN = "sdpa", "eager"
"""Names that transformers gives them."""


@contextmanager
def attending(model: Any, place: torch.device, precision: Precision, longest: int) -> Iterator[None]:
    """Have a model of transformers attend in the way that trains fastest meanwhile.

    Args:
        model: of transformers; another one is left alone.
        place: its device.
        precision: that it is trained in.
        longest: tokens of the longest text.
    """
    name = getattr(getattr(model, "config", None), "_attn_implementation", None)
    known = hasattr(model, "set_attn_implementation")
    if not known or name != _TORCHS or (place.type, precision) != ("cpu", "bfloat16") or longest > LONGEST:
        yield
        return
    model.set_attn_implementation(_PLAIN)
    try:
        yield
    finally:
        model.set_attn_implementation(name)
