"""A model of the teacher's class with other settings, its weights drawn by a seed; nothing of it is the teacher's yet.

A student is built from its settings and then filled, rather than cut out of the teacher: so what is trained is exactly
what transformers builds when it loads the student from disk.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.exhaustion import first_line, is_exhausted
from llmopt.models.loading import UNREADABLE, quiet

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

_SEED = 2**63
_OF_EACH = "no_rope_layers", "attention_window"
"""Settings that have a number for each layer."""


def fresh_model(teacher: Any, config: Any, seed: int) -> Any:
    """Return a model of the teacher's class in float32 on the CPU, not training; the random state stays as it was.

    Args:
        teacher: of transformers.
        config: of the student; the model keeps it.
        seed: of its weights.
    """
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed % _SEED)
        model: Any = type(teacher)(config).float()
    settings = getattr(teacher, "generation_config", None)
    if settings is not None:
        model.generation_config = copy.deepcopy(settings)
    model.eval()
    return model


def base_path(model: Any) -> str:
    """Return the name of the part below a model's head, with a dot behind it; empty where there is no head."""
    base = model.base_model
    return "" if base is model else next(f"{name}." for name, part in model.named_modules() if part is base)


def stacks(model: Any) -> dict[str, int]:
    """Return the lists of parts in a model without its head that lie in no other list: name -> parts.

    The layers of most models are one such list; some have a list for each kind of part of a layer.
    """
    found: dict[str, int] = {}
    start = base_path(model)
    for name, part in model.named_modules():
        inner = any(name.startswith(f"{outer}.") for outer in found)
        if isinstance(part, torch.nn.ModuleList) and len(part) and name.startswith(start) and not inner:
            found[name] = len(part)
    return found


def layer_count(model: Any) -> int | None:
    """Return how many layers a model has by its settings; None where they do not say."""
    count = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    return count if isinstance(count, int) and count > 0 else None


def set_layers(config: Any, places: Sequence[int], before: int) -> None:
    """Set how many layers there are, and what is said of each one by one.

    Args:
        config: to change.
        places: those of the layers before that stay, in order.
        before: how many layers there were.
    """
    for name, value in list(config.to_dict().items()):
        of_each = isinstance(value, (list, tuple)) and len(value) == before
        # numbers in such a list mostly name layers; only these tell something of each
        words = of_each and "layer" in name and all(isinstance(one, str) for one in value)
        if words or (of_each and name in _OF_EACH):
            setattr(config, name, [value[at] for at in places])
    kinds = getattr(config, "attention_layers", None)
    if hasattr(config, "attention_types") and isinstance(kinds, list):  # GPT Neo writes it down twice
        config.attention_types = [[list(kinds), 1]]
    config.num_hidden_layers = len(places)


def try_out(model: Any, source: str | Path, tokens: int) -> None:
    """Compute once on the CPU and look at the numbers.

    Args:
        model: of transformers.
        source: what it was made of, for the message.
        tokens: that it knows.

    Raises:
        InputError: it does not work, or gives numbers that are not finite.
    """
    place = next(model.parameters()).device
    ids = torch.arange(2, device=place).remainder(tokens)[None]
    try:
        with torch.inference_mode(), quiet():
            finite = bool(model(input_ids=ids, attention_mask=torch.ones_like(ids))[0].isfinite().all())
    except UNREADABLE as error:
        raise unfit(source, error) from error
    if not finite:
        raise InputError(f"{source}: what the student computes is not finite", "take another student")


def unfit(source: str | Path, error: BaseException) -> InputError:
    """Return what to say where transformers cannot make a student.

    Raises:
        MemoryError: it is for want of memory.
    """
    if is_exhausted(error):
        raise MemoryError(str(error)) from error
    return InputError(f"{source}: no student can be made of it: {first_line(error)}", "look at its sizes")
