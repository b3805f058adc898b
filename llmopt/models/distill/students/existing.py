"""A student that is a checkpoint already: its tokens and classes beside the teacher's.

A checkpoint without a head for classes gets a fresh one, as the usual recipe has it (a small pretrained encoder learns
from a big classifier). One with a head keeps it; its rows are put in the teacher's order.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.distill.opening import load_model, refuse_packed
from llmopt.models.distill.students.fresh import unfit
from llmopt.models.distill.values import DistillTask, Teacher
from llmopt.models.folder import model_folder
from llmopt.models.layout import Layout, layout_of
from llmopt.models.loading import UNREADABLE, quiet
from llmopt.models.located import located, refuse_code, task_of
from llmopt.models.positions import known_tokens
from llmopt.models.quality.classes import same_order
from llmopt.models.vocabulary import read_tokenizer

try:
    import torch
    from transformers import AutoModelForSequenceClassification
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

_CPU = torch.device("cpu")
_ON_TOKENS: tuple[DistillTask, ...] = ("generate", "fill")
"""Tasks in which teacher and student speak of the same tokens."""


@dataclass(frozen=True, slots=True)
class Existing:
    """A checkpoint as a student."""

    model: Any
    """Of transformers, on the CPU, not training."""
    home: Path
    """Folder whose tokenizer it reads with."""
    layout: Layout
    own_tokens: bool
    """Whether its tokens are others than the teacher's."""
    origin: str
    warnings: tuple[str, ...]


def existing_student(teacher: Teacher, name: str, *, seed: int) -> Existing:
    """Open a checkpoint to learn from a teacher.

    Args:
        teacher: to learn from.
        name: folder of the checkpoint, or its name in the hub's local cache.
        seed: of weights that it does not have.

    Raises:
        InputError: no such checkpoint, damaged, packed, with code of its own; tokens or classes that do not fit.
        UsageError: it is made for something else.
    """
    folder = located(name)
    layout = layout_of(folder) if teacher.task == "embed" else replace(teacher.layout, encoder=folder)
    for place in sorted({folder, layout.encoder}):
        refuse_code(place, trusted=False)
        refuse_packed(place)
    home = model_folder(layout.encoder, "config.json", "tokenizer.json")
    own_tokens = _vocabulary(home) != _vocabulary(teacher.home)
    if own_tokens and teacher.task in _ON_TOKENS:
        raise InputError(
            f"{folder}: its tokens are others than those of {teacher.name}, whose probabilities are of tokens",
            "take a student with the same tokenizer, such as --student layers=half",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, warnings = _opened(teacher, folder, home)
    if own_tokens:
        warnings += (f"{name} has tokens of its own: the student keeps its own tokenizer",)
        return Existing(model, home, layout, True, str(name), warnings)
    layout = replace(layout, lower=teacher.layout.lower)
    return Existing(model, teacher.home, layout, False, str(name), warnings)


def _opened(teacher: Teacher, folder: Path, home: Path) -> tuple[Any, tuple[str, ...]]:
    """Return the model for the teacher's task, in float32 on the CPU, and warnings."""
    told = task_of(folder)
    if teacher.task == "classify":
        if told == "classify":
            return _with_its_head(teacher, folder, load_model(home, "classify", _CPU).float())
        return _with_new_head(teacher, folder, load_model(home, "embed", _CPU))
    is_decoder = told == "generate" and not (folder / "modules.json").is_file()
    if is_decoder != (teacher.task == "generate"):
        kind = "a causal language model" if is_decoder else "no causal language model"
        raise UsageError(
            f"{folder}: {kind}, and the teacher is made to {teacher.task}", "take a student of the teacher's kind"
        )
    model = load_model(home, teacher.task, _CPU).float()
    return _with_as_many_tokens(teacher, folder, model) if teacher.task in _ON_TOKENS else (model, ())


def _with_its_head(teacher: Teacher, folder: Path, model: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a classifier with its classes in the teacher's order."""
    names = model.config.id2label
    labels = tuple(str(names[at]) for at in sorted(names))
    order = same_order(teacher.labels, labels)
    if order is None:
        raise InputError(
            f"{folder}: its classes are {', '.join(labels)}, the teacher's {', '.join(teacher.labels)}",
            "take a student without a head for classes, or one of the same classes",
        )
    if order != list(range(len(order))):
        _reorder(model, order, folder)
    _name_classes(model.config, teacher)
    if order != list(range(len(order))) or set(labels) == set(teacher.labels):
        return model, ()
    taken = f"its classes {', '.join(labels)} are taken for {', '.join(teacher.labels)}, in this order"
    return model, (f"{folder}: {taken}",)


def _reorder(model: Any, order: list[int], folder: Path) -> None:
    """Put the rows of a head in another order; look whether that did it."""
    base = model.base_model
    inside = {id(part) for part in base.modules()}
    heads = [
        part
        for part in model.modules()
        if isinstance(part, torch.nn.Linear) and id(part) not in inside and part.out_features == len(order)
    ]
    ids = torch.arange(2).remainder(known_tokens(model))[None]
    with torch.no_grad(), quiet():
        before = model(input_ids=ids).logits[:, order]
        for values in heads[-1].parameters() if heads else ():
            values.copy_(values[order].clone())
        if not torch.allclose(model(input_ids=ids).logits, before, atol=1e-4):
            raise InputError(
                f"{folder}: its classes are in another order than the teacher's, and its head is not understood",
                "save it with its classes in the teacher's order",
            )


def _with_new_head(teacher: Teacher, folder: Path, base: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a classifier made of an encoder or a decoder, with a head drawn at random."""
    config = copy.deepcopy(base.config)
    _name_classes(config, teacher)
    build: Any = AutoModelForSequenceClassification
    try:
        with quiet():
            model = build.from_config(config).float()
        model.base_model.load_state_dict(base.float().state_dict(), strict=False)
    except UNREADABLE as error:
        raise unfit(folder, error) from error
    model.eval()
    return model, (f"{folder}: no head for classes in it: the student's begins at random",)


def _name_classes(config: Any, teacher: Teacher) -> None:
    config.id2label = dict(enumerate(teacher.labels))
    config.label2id = {label: at for at, label in enumerate(teacher.labels)}
    config.problem_type = teacher.model.config.problem_type


def _with_as_many_tokens(teacher: Teacher, folder: Path, model: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a language model with as many rows for tokens as the teacher: some have spare ones, of no token."""
    before = known_tokens(model)
    if before == teacher.known_tokens:
        return model, ()
    with quiet():
        model.resize_token_embeddings(teacher.known_tokens)
    model.eval()
    return model, (f"{folder}: its {before} rows for tokens are made {teacher.known_tokens}, as many as the teacher's",)


def _vocabulary(home: Path) -> dict[str, int]:
    return dict(read_tokenizer(home / "tokenizer.json").get_vocab(with_added_tokens=True))
