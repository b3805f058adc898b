"""Open the checkpoint that is to be the teacher: loaded in float32, tried out, and ready to be asked.

Beside what `open_model` opens there are masked language models (`fill`). What was quantized is refused: a student
should learn from the checkpoint that was quantized, and not from its rounding.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.cpu.record import read_saved
from llmopt.models.device import open_device
from llmopt.models.distill.config import Loss
from llmopt.models.distill.values import DistillTask, Teacher
from llmopt.models.encoder import padded
from llmopt.models.folder import Architecture, fields, model_folder
from llmopt.models.layout import Layout, layout_of
from llmopt.models.loading import UNREADABLE, quiet
from llmopt.models.located import located, refuse_code, task_of
from llmopt.models.positions import fill_token, limits_of
from llmopt.models.stored.folder import open_stored
from llmopt.models.vocabulary import Vocabulary
from llmopt.models.weights import LoadOptions, load, refusal

try:
    import torch
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

LONGEST = 512
"""Tokens of a text at most: of language models, whose answers to longer ones fill the memory, and of models that set no
limit."""
_TASKS: dict[Loss, tuple[DistillTask, ...]] = {
    "kd": ("classify",),
    "embed": ("embed",),
    "lm": ("generate", "fill"),
}
_MEANT = {"kd": "classify", "embed": "embed", "lm": "continue or fill in text"}
_LOSS_OF: dict[DistillTask, Loss] = {task: loss for loss, tasks in _TASKS.items() for task in tasks}
_MASKED = frozenset(MODEL_FOR_MASKED_LM_MAPPING_NAMES.values())
_OPTIONS = LoadOptions("float32")
_TRIED = 3


def open_teacher(path: str | os.PathLike[str], loss: Loss | None, device: str) -> Teacher:
    """Open a checkpoint to be asked.

    Args:
        path: its folder, or its name on the hub where the hub's local cache has it.
        loss: that a student will be trained with; None: the one for what the checkpoint was saved for.
        device: `cpu`, `cuda`, `cuda:N`, `mps`, or `auto`.

    Raises:
        InputError: no such model here; damaged, pickled or quantized weights; code of its own.
        UsageError: a loss for other models, or a device that cannot be had.
        OutOfMemory: its weights do not fit on the device.
    """
    folder = located(path)
    task = _task(folder, loss)
    layout = layout_of(folder) if task == "embed" else _plain(folder)
    for place in (folder, layout.encoder):
        refuse_code(place, trusted=False)
        refuse_packed(place)
    where = open_device(device)
    home = model_folder(layout.encoder, "config.json", "tokenizer.json")
    model = where.compute(lambda: load_model(home, task, where.place))
    _check_classes(folder, task, model)
    limits = limits_of(model)
    longest = min(limits.longest or LONGEST, layout.max_tokens)
    if task in ("generate", "fill"):
        longest = min(longest, LONGEST)
    vocabulary = Vocabulary(home / "tokenizer.json", limits.known_tokens, max_tokens=longest, lower=layout.lower)
    if task == "fill" and vocabulary.mask is None:
        raise InputError(f"{home}: its tokenizer has no token to mask words with", "save its tokenizer there again")
    where.compute(lambda: _try_out(home, model, vocabulary.item(min(_TRIED, longest)), where.place))
    names = (model.config.id2label or {}) if task == "classify" else {}
    return Teacher(
        name=os.fspath(path),
        folder=folder,
        home=home,
        task=task,
        model=model,
        device=where,
        vocabulary=vocabulary,
        layout=layout,
        labels=tuple(str(names[at]) for at in sorted(names)),
        fill=fill_token(model.config, limits.known_tokens, vocabulary.pad),
        mask=vocabulary.mask if task == "fill" else None,
        known_tokens=limits.known_tokens,
        max_tokens=longest,
    )


def load_model(home: Path, task: DistillTask, place: torch.device) -> Any:
    """Return the model of a checkpoint in float32, not training.

    Raises:
        InputError: damaged weights, or weights of another kind of model.
    """
    return load(home, task, place, _OPTIONS)


def refuse_packed(folder: Path) -> None:
    """Refuse a checkpoint that was quantized; a folder without weights is none.

    Raises:
        InputError: it was, or it is damaged.
    """
    saved = read_saved(folder)
    plain = saved is not None and saved.is_plain
    how = None if plain or not any(folder.glob("*.safetensors")) else open_stored(folder).quantized
    if how is None and saved is not None and not plain:
        how = "llmopt"
    if how is not None:
        raise InputError(f"{folder}: quantized ({how})", "take the checkpoint it was made from; quantize the student")


def _task(folder: Path, loss: Loss | None) -> DistillTask:
    """Return what a checkpoint is taken for.

    Raises:
        UsageError: the loss is for other models.
    """
    told = _told(folder)
    if loss is None or told in _TASKS[loss]:
        return told
    known = (fields(folder / "config.json", Architecture) or Architecture()).architectures
    sentences = (folder / "modules.json").is_file()
    if loss == "embed" and (told == "fill" or (told == "generate" and sentences)):
        return "embed"
    if not known:  # it does not say what it was saved from: loading shows whether the weights are there
        return _TASKS[loss][0]
    right = _LOSS_OF[told]
    raise UsageError(
        f"{folder}: made to {_MEANT[right]}; the loss {loss} is for models that {_MEANT[loss]}",
        f"leave --loss out, or take --loss {right}",
    )


def _told(folder: Path) -> DistillTask:
    """Return what a checkpoint was saved for; a masked language model that was made to embed sentences embeds."""
    task = task_of(folder)
    names = (fields(folder / "config.json", Architecture) or Architecture()).architectures or []
    masked = any(name.endswith("ForMaskedLM") or name in _MASKED for name in names)
    return "fill" if task == "embed" and masked and not (folder / "modules.json").is_file() else task


def _plain(folder: Path) -> Layout:
    """Return the layout of a model that is no sentence model: nothing is done around it."""
    return Layout(folder, "mean", max_tokens=2**31 - 1, lower=False, query_prompt="", passage_prompt="")


def _check_classes(folder: Path, task: DistillTask, model: Any) -> None:
    if task != "classify":
        return
    if model.config.problem_type == "regression" or model.config.num_labels < 2:
        raise UsageError(f"{folder}: gives plain numbers and no classes", "take a model with two classes or more")


def _try_out(home: Path, model: Any, request: list[int], place: torch.device) -> None:
    """Compute once and look at the numbers.

    Raises:
        InputError: it does not work, or gives numbers that are not finite.
    """
    try:
        with torch.inference_mode(), quiet():
            ids, mask = padded([request], place)
            finite = bool(model(input_ids=ids, attention_mask=mask)[0].isfinite().all())
    except UNREADABLE as error:
        raise refusal(home, None, error) from error
    if not finite:
        raise InputError(f"{home}: what it computes is not finite", "fetch the weights again")
