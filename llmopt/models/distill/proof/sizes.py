"""How large a model is; weights that two layers share count once."""

from __future__ import annotations

from typing import Any

from llmopt.models.distill.report import ModelSize

_FLOAT32_BYTES = 4


def size_of(name: str, model: Any) -> ModelSize:
    """Return the size of a model.

    Args:
        name: what to call it.
        model: of transformers.
    """
    config = model.config.get_text_config()
    parameters = sum(weights.numel() for weights in model.parameters())
    return ModelSize(
        name=name,
        parameters=parameters,
        layers=_count(config, "num_hidden_layers"),
        hidden_size=_count(config, "hidden_size"),
        size_bytes=_FLOAT32_BYTES * parameters,
    )


def _count(config: Any, field: str) -> int | None:
    found = getattr(config, field, None)
    return found if isinstance(found, int) else None
