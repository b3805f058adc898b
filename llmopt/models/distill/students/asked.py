"""Read what `--student` asks for; no heavy library is loaded, so a typo is told at once.

    layers=3        so many of the teacher's layers, evenly spaced, the first and the last among them
    layers=0,2,5    these of the teacher's layers, counted from 0 (`layers=4,` is layer 4 alone)
    layers=half     half of the teacher's layers
    static          a table of token vectors
    small.json      the `config.json` of a narrower model of the teacher's kind
    anything else   the folder of a checkpoint, or its name in the hub's local cache

Evenly spaced layers are those of DistilBERT (Sanh et al. 2019, https://arxiv.org/abs/1910.01108), whose script takes
0, 2, 4, 7, 9 and 11 of 12.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from llmopt.errors import UsageError
from llmopt.models.folder import is_folder

_HALF = "half"
_STATIC = "static"
_LAYERS = "layers"
_KNOWN = "layers=3, layers=0,2,5, layers=half, static, a config.json, or the folder of a checkpoint"
_NUMBER = re.compile(r"[0-9]{1,6}")
_MISTYPED = re.compile(r"layers?\s*[:=\s]?\s*([0-9]{1,6}(?:,[0-9]{1,6})*,?|half)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layers:
    """Some layers of the teacher."""

    count: int | None = None
    """How many; None: half of them, unless `places` says which."""
    places: tuple[int, ...] | None = None
    """Which, counted from 0."""


@dataclass(frozen=True, slots=True)
class Static:
    """A table of token vectors."""


@dataclass(frozen=True, slots=True)
class Config:
    """A narrower model of the teacher's kind."""

    path: Path
    """Of its `config.json`."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model that is there."""

    name: str
    """Its folder, or its name in the hub's local cache."""


Asked = Layers | Static | Config | Checkpoint


def read_student(asked: str) -> Asked:
    """Return what a user asks for.

    Raises:
        UsageError: it is nothing that a student can be made of.
    """
    text = asked.strip()
    if not text:
        raise UsageError("--student is empty", f"take {_KNOWN}")
    name, equals, value = text.partition("=")
    if equals and name.strip() == _LAYERS:
        return _layers(value.strip())
    if text == _STATIC:
        return Static()
    if text.endswith(".json"):
        return Config(Path(text))
    _refuse_typos(text)
    return Checkpoint(text)


def chosen(asked: Layers, teacher_layers: int) -> tuple[int, ...]:
    """Return which layers of a teacher are meant, in order.

    Args:
        asked: by the user.
        teacher_layers: how many the teacher has, 1 or more.

    Raises:
        UsageError: the teacher has fewer.
    """
    plural = "layer" if teacher_layers == 1 else "layers"
    if asked.places is not None:
        if asked.places[-1] >= teacher_layers:
            raise UsageError(
                f"--student layers={','.join(map(str, asked.places))}: the teacher has {teacher_layers} {plural}",
                f"its layers are 0 to {teacher_layers - 1}",
            )
        return asked.places
    count = (teacher_layers + 1) // 2 if asked.count is None else asked.count
    if count > teacher_layers:
        raise UsageError(
            f"--student layers={count}: the teacher has {teacher_layers} {plural}",
            f"take fewer, such as layers={max(1, teacher_layers // 2)}",
        )
    return evenly(count, teacher_layers)


def evenly(count: int, of: int) -> tuple[int, ...]:
    """Return `count` of the whole numbers below `of`, evenly spaced, with the first and the last; 0 where it is one.

    Args:
        count: from 1 to `of`.
        of: how many there are to choose from.
    """
    if count == 1:
        return (0,)
    gaps = count - 1
    # the nearest whole number to at * (of - 1) / gaps; a half goes down
    return tuple((2 * at * (of - 1) + gaps - 1) // (2 * gaps) for at in range(count))


def _layers(value: str) -> Layers:
    """Return the layers that stand behind `layers=`."""
    if value == _HALF:
        return Layers()
    parts = [part.strip() for part in value.split(",")]
    listed = len(parts) > 1
    if listed and not parts[-1]:
        parts.pop()
    if not all(_NUMBER.fullmatch(part) for part in parts):
        raise UsageError(f"--student layers={value} makes no sense", "such as layers=3, layers=0,2,5 or layers=half")
    numbers = tuple(map(int, parts))
    if not listed:
        if not numbers[0]:
            raise UsageError("--student layers=0: a student without layers", "take 1 or more, or --student static")
        return Layers(count=numbers[0])
    if any(one >= other for one, other in pairwise(numbers)):
        raise UsageError(
            f"--student layers={value}: not in order, or twice the same",
            f"such as layers={','.join(map(str, sorted(set(numbers))))}",
        )
    return Layers(places=numbers)


def _refuse_typos(text: str) -> None:
    """Refuse what is likelier a mistyped word than the name of a folder."""
    if "/" in text or is_folder(Path(text)):
        return
    meant = _MISTYPED.fullmatch(text)
    if meant is not None:
        raise UsageError(f"--student {text} makes no sense", f"did you mean layers={meant[1].lower()}?")
    name, equals, value = text.partition("=")
    close = difflib.get_close_matches(name.strip().lower(), [_LAYERS, _STATIC], n=1, cutoff=0.75)
    if close and (equals or close[0] == _STATIC or name.lower() in (_LAYERS, "layer")):
        value = value if equals or close[0] == _STATIC else "3"
        raise UsageError(f"--student {text} makes no sense", f"did you mean {close[0]}{'=' + value if value else ''}?")
    if equals:
        raise UsageError(f"--student {text} makes no sense", f"take {_KNOWN}")
