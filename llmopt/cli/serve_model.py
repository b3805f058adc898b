"""Open what is to be served, and show it to the server, which knows nothing of models, as functions and facts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmopt.cli.serve_run import Asked
from llmopt.serving.model_server.values import ServedModel

if TYPE_CHECKING:
    from llmopt.core.target import TargetFacts
    from llmopt.models.loaded import LoadedModel

_WARM_UP = ("A first text, so that nobody waits for what is done only once.",)


def opened(asked: Asked, new_tokens: int | None) -> ServedModel:
    """Open a checkpoint or a function.

    Args:
        asked: what the user typed.
        new_tokens: to generate for each input; None: as many as the model's default says.

    Raises:
        InputError: it cannot be opened.
        UsageError: an option that it cannot have.
        MissingExtraError: a library for it is not installed.
    """
    if asked.callable:
        return _function(asked)
    from llmopt.models.checkpoint import open_model

    model = open_model(
        asked.model,
        device=asked.device,
        dtype=asked.dtype,
        attention=asked.attention,
        compile=asked.compile,
        task=asked.task,
        new_tokens=new_tokens,
        trust_remote_code=asked.trust_remote_code,
    )
    folder = Path(asked.model)
    name = folder.resolve().name if folder.is_dir() else asked.model
    return served(model, asked.name or name, truncate=asked.truncate)


def served(model: LoadedModel, name: str, *, truncate: bool = False) -> ServedModel:
    """Return a checkpoint as the server sees it.

    Args:
        model: a loaded checkpoint.
        name: what clients call it.
        truncate: whether inputs that are too long are cut; else they are refused.
    """
    facts = model.facts
    return ServedModel(
        name=name,
        task=facts.task,
        predict=model.predict,
        encode=model.encode,
        count=None if truncate else model.count,
        length=len,
        max_tokens=model.max_text_tokens or facts.max_tokens,
        vocabulary=model.known_tokens,
        show=_shown(model),
        warm_up=_WARM_UP,
        facts=_told(facts),
    )


def _function(asked: Asked) -> ServedModel:
    from llmopt.bench.callables import open_callable

    model = open_callable(asked.model)
    return ServedModel(
        name=asked.name or asked.model,
        task=asked.task or model.facts.task,
        predict=model.predictor.predict,
        length=model.predictor.length,
        facts=_told(model.facts),
    )


def _shown(model: LoadedModel) -> Callable[[Any], Any] | None:
    """Return what makes JSON of a result; vectors need nothing."""
    if model.facts.task == "generate":
        return lambda ids: {"text": model.decode(ids), "tokens": len(ids)}
    if model.facts.task == "embed":
        return None

    def classes(row: Any) -> dict[str, Any]:
        scores = dict(zip(model.labels, row.tolist(), strict=True))
        label = max(scores, key=scores.__getitem__)
        return {"label": label, "score": scores[label], "scores": scores}

    return classes


def _told(facts: TargetFacts) -> tuple[tuple[str, str], ...]:
    return ("device", facts.device), ("device_name", facts.device_name), ("dtype", facts.dtype)
