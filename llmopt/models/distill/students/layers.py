"""A student with some of the teacher's layers, and all else of the teacher: embeddings, head, pooler.

It works with every model whose layers stand in a list, and with those that run one layer again and again (ALBERT). See
Sanh et al. 2019 (https://arxiv.org/abs/1910.01108) for taking every other layer.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmopt.errors import UsageError
from llmopt.models.distill.students.fresh import fresh_model, layer_count, set_layers, stacks, unfit
from llmopt.models.loading import UNREADABLE

_ANOTHER = "take a config.json or the folder of a smaller model as --student"


def count_layers(teacher: Any) -> int:
    """Return how many layers a teacher has.

    Raises:
        UsageError: its settings do not say.
    """
    count = layer_count(teacher)
    if count is None:
        raise UsageError("the teacher's settings do not say how many layers it has", _ANOTHER)
    return count


def layer_student(teacher: Any, places: Sequence[int], *, name: str, seed: int) -> tuple[Any, tuple[str, ...]]:
    """Return a student with some of a teacher's layers, on the CPU, and warnings.

    Args:
        teacher: of transformers.
        places: of the layers, in order, from 0.
        name: of the teacher, for messages.
        seed: of weights that the teacher does not have.

    Raises:
        UsageError: its layers cannot be told apart.
        InputError: transformers cannot build it.
    """
    count = count_layers(teacher)
    lists = [path for path, parts in stacks(teacher).items() if parts == count]
    config = copy.deepcopy(teacher.config)
    try:
        set_layers(config, places, count)
        student = fresh_model(teacher, config, seed)
    except UNREADABLE as error:
        raise unfit(name, error) from error
    weights = _renumbered(teacher.state_dict(), lists, places)
    wanted = student.state_dict()
    if not lists and weights.keys() != wanted.keys():
        raise UsageError(f"{name}: its layers cannot be told apart", _ANOTHER)
    fitting = {key: value for key, value in weights.items() if key in wanted and value.shape == wanted[key].shape}
    student.load_state_dict(fitting, strict=False)
    return student, _told(sorted(wanted.keys() - fitting.keys()), sorted(weights.keys() - fitting.keys()))


def layers_told(places: Sequence[int], teacher: Any) -> str:
    """Return which layers of a teacher a student has, in words."""
    if not [1 for parts in stacks(teacher).values() if parts == layer_count(teacher)]:
        return f"the teacher's shared layer, run {len(places)} times"
    return f"layer{'s' * (len(places) > 1)} {', '.join(map(str, places))} of the teacher"


def _renumbered(weights: Mapping[str, Any], lists: Sequence[str], places: Sequence[int]) -> dict[str, Any]:
    """Return the weights of the layers that stay under their new numbers, and all that are of no layer."""
    if not lists:
        return dict(weights)
    numbers = {place: at for at, place in enumerate(places)}
    layer = re.compile(rf"({'|'.join(map(re.escape, lists))})\.(\d+)\.(.*)")
    kept: dict[str, Any] = {}
    for key, value in weights.items():
        found = layer.fullmatch(key)
        if found is None:
            kept[key] = value
        elif int(found[2]) in numbers:
            kept[f"{found[1]}.{numbers[int(found[2])]}.{found[3]}"] = value
    return kept


def _told(missing: Sequence[str], dropped: Sequence[str]) -> tuple[str, ...]:
    """Return warnings of weights that do not fit the place their layer has now."""
    told = []
    if missing:
        begin = "begins" if len(missing) == 1 else "begin"
        told.append(f"of the student, {len(missing)} of the weights {begin} at random, such as {missing[0]}")
    if dropped:
        have = "has" if len(dropped) == 1 else "have"
        told.append(f"of the layers taken, {len(dropped)} of the weights {have} no place, such as {dropped[0]}")
    return tuple(told)
