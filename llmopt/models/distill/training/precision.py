"""What the products of a student are computed in: bfloat16 where the processor has it, otherwise float32.

Weights, moments and the loss stay in float32 (Micikevicius et al. 2018, "Mixed Precision Training"; bfloat16 has the
range of float32, so the loss needs no scaling). float16 is never used.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from llmopt.models.cpu.features import features

Precision = Literal["float32", "bfloat16"]


def precision_of(place: torch.device) -> Precision:
    """Return what suits a device."""
    if place.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = place.type == "cpu" and features().bfloat16
    return "bfloat16" if native else "float32"


@contextmanager
def computing(model: Any, place: torch.device, precision: Precision) -> Iterator[None]:
    """Have calls of a model computed in a precision meanwhile, and give float32 all the same.

    Only what is in the model: a loss, which comes after it, is computed in float32.
    """
    if precision == "float32":
        yield
        return
    plain = model.forward

    @functools.wraps(plain)
    def lowered(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(place.type, dtype=torch.bfloat16):
            result = plain(*args, **kwargs)
        return widened(result)

    model.forward = lowered
    try:
        yield
    finally:
        del model.forward


def widened(result: Any) -> Any:
    """Return the output of a model with the tensors in bfloat16 made float32, in whatever it holds them."""
    if isinstance(result, torch.Tensor):
        return result.float() if result.dtype == torch.bfloat16 else result
    if isinstance(result, dict):  # outputs of transformers are dictionaries with attributes
        for name, value in list(result.items()):
            result[name] = widened(value)
        return result
    return tuple(map(widened, result)) if isinstance(result, tuple) else result
