"""A student by a `config.json`: of the teacher's kind, with other sizes.

What the file does not say is as in the teacher, so `{"hidden_size": 192, "num_attention_heads": 6}` is enough. Words
and classes are the teacher's in any case: they are what both models talk about.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from llmopt.errors import InputError, UsageError
from llmopt.models.distill.students.asked import evenly
from llmopt.models.distill.students.fresh import fresh_model, set_layers, unfit
from llmopt.models.distill.students.layers import count_layers
from llmopt.models.distill.students.slicing import fill
from llmopt.models.distill.values import Teacher
from llmopt.models.folder import fields
from llmopt.models.loading import UNREADABLE, quiet
from llmopt.models.quality.classes import same_order

_TEACHERS = frozenset(
    {
        *("architectures", "model_type", "transformers_version", "_name_or_path", "dtype", "torch_dtype"),
        *("id2label", "label2id", "num_labels", "problem_type", "vocab_size", "quantization_config", "auto_map"),
        *("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id", "mask_token_id"),
    }
)
"""Fields that are checked here, or are the teacher's whatever the file says."""
_REST = "leave it out of the file: what is not in it is as in the teacher"
_LAYERS = "num_hidden_layers"
_AS_WIDE = "pooler_hidden_size", "word_embed_proj_dim", "embedding_size"
"""Settings that follow the width where they are the width in the teacher."""
_LITTLE = 0.5
"""Share of weights from the teacher below which the user is told."""


class _Config(msgspec.Struct):
    """What is checked before transformers sees the file."""

    model_type: str | None = None
    vocab_size: int | None = None
    num_labels: int | None = None
    id2label: dict[str, str] | None = None
    quantization_config: dict[str, Any] | None = None
    auto_map: dict[str, Any] | None = None


def narrow_student(teacher: Teacher, path: Path, *, seed: int) -> tuple[Any, str, tuple[str, ...]]:
    """Return a student by a `config.json`, on the CPU, where it is from in words, and warnings.

    Args:
        teacher: whose weights fill it where they fit.
        path: of the file.
        seed: of the weights that come from nowhere.

    Raises:
        InputError: the file cannot be read, or is of a model with other words, classes or code of its own.
        UsageError: it has more layers than the teacher, or none.
    """
    said = _said(teacher, path)
    before = count_layers(teacher.model)
    config, ignored = _config(teacher.model.config, said, path, before)
    places = evenly(config.num_hidden_layers, before)
    try:
        student = fresh_model(teacher.model, config, seed)
        share = fill(teacher.model, student, places)
    except UNREADABLE as error:
        raise unfit(path, error) from error
    warnings = [f"{path}: {name} is no setting of {config.model_type}: left out" for name in ignored]
    if share < _LITTLE:
        warnings.append(
            f"only {_floored(share)} of the student's weights are from the teacher: its sizes do not let more fit, "
            "and the rest begins at random"
        )
    return student, f"{path.name}, {_floored(share)} of its weights cut from the teacher's", tuple(warnings)


def _floored(share: float) -> str:
    """Return a share in percent, 100 only where it is all."""
    return f"{int(100 * share + 1e-9)} %"


def _said(teacher: Teacher, path: Path) -> dict[str, Any]:
    """Return the fields of the file after a look at those that must agree with the teacher."""
    said, config = fields(path, dict[str, Any]), fields(path, _Config)
    if said is None or config is None:
        raise InputError(f"{path}: no such file", "give the config.json of a narrower model of the teacher's kind")
    kind = teacher.model.config.model_type
    if config.model_type not in (None, kind):
        raise InputError(
            f"{path}: a {config.model_type}, where the teacher is a {kind}",
            "a config.json must be of the teacher's kind; a checkpoint of another kind can be a student too",
        )
    if config.auto_map or config.quantization_config:
        what = "code of its own (auto_map)" if config.auto_map else "packed weights (quantization_config)"
        raise InputError(f"{path}: it asks for {what}", "take a config.json of a model without")
    if config.vocab_size not in (None, teacher.model.config.get_text_config().vocab_size):
        raise InputError(
            f"{path}: vocab_size {config.vocab_size}, where the teacher knows {teacher.known_tokens} tokens", _REST
        )
    if teacher.task == "classify":
        _check_classes(teacher, config, path)
    return said


def _check_classes(teacher: Teacher, config: _Config, path: Path) -> None:
    count = config.num_labels if config.id2label is None else len(config.id2label)
    if count not in (None, len(teacher.labels)):
        raise InputError(f"{path}: {count} classes, where the teacher has {len(teacher.labels)}", _REST)
    if config.id2label is not None and same_order(teacher.labels, tuple(config.id2label.values())) is None:
        raise InputError(
            f"{path}: its classes are {', '.join(config.id2label.values())}, the teacher's {', '.join(teacher.labels)}",
            _REST,
        )


def _config(teacher: Any, said: Mapping[str, Any], path: Path, before: int) -> tuple[Any, list[str]]:
    """Return the teacher's settings with those of the file put in, and names that are no settings."""
    config = copy.deepcopy(teacher)
    other_names = config.attribute_map
    ours = {other_names.get(name, name): value for name, value in said.items() if name not in _TEACHERS}
    known = config.to_dict().keys()
    after = ours.pop(other_names.get(_LAYERS, _LAYERS), before)
    if type(after) is not int or not 1 <= after <= before:
        raise UsageError(
            f"{path}: {_LAYERS} is {after}, where the teacher has {before}", f"take a whole number from 1 to {before}"
        )
    try:
        with quiet():
            set_layers(config, evenly(after, before), before)
            for name in ours.keys() & known:
                setattr(config, name, ours[name])
            for name in _AS_WIDE:
                if name not in ours and getattr(teacher, name, None) == teacher.hidden_size:
                    setattr(config, name, config.hidden_size)
            _fit_heads(config, teacher, set(ours))
    except UNREADABLE as error:
        raise unfit(path, error) from error
    return config, sorted(ours.keys() - known)


def _fit_heads(config: Any, teacher: Any, ours: set[str]) -> None:
    """Let what follows from the number of heads and the width follow, unless the file says otherwise."""
    heads, hidden = getattr(config, "num_attention_heads", None), config.hidden_size
    if heads is None:  # some models mix tokens without attention
        return
    size = None if "head_dim" in ours else teacher.to_dict().get("head_dim")  # of some models it is worked out
    if size is not None and size * teacher.num_attention_heads == teacher.hidden_size and hidden % heads == 0:
        config.head_dim = hidden // heads
    groups = getattr(teacher, "num_key_value_heads", None)
    if groups is None or "num_key_value_heads" in ours:
        return
    if groups == teacher.num_attention_heads:
        config.num_key_value_heads = heads
    elif heads % groups:
        shared = teacher.num_attention_heads // groups
        config.num_key_value_heads = heads // shared if heads % shared == 0 else heads
