"""What a user asks of a comparison: the models and which of them is the base, the requests, the bounds, the time."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from llmopt.bench.callables import CallableFactory
from llmopt.errors import InputError, UsageError
from llmopt.models.cpu.record import NAME
from llmopt.models.factory import ModelFactory
from llmopt.models.folder import is_folder

Factory = CallableFactory | ModelFactory
_SETTINGS = ("config.json", "modules.json", NAME)
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_LEAST_ROUNDS, _MOST_ROUNDS = 3, 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """All of it but the models, with the defaults of the command line.

    Raises:
        UsageError: values that make no sense.
    """

    data: str | None = None
    """File of real inputs."""
    batch_sizes: tuple[int, ...] = (8,)
    seq_lens: tuple[int, ...] = ()
    """Empty: those of `data`, else 128 or what the models take."""
    price_per_month: Decimal | None = None
    """Dollars for what runs the base now."""
    min_speedup: float | None = None
    max_quality_drop: float | None = None
    """A share: 0.02 is two percent."""
    min_rounds: int = 30
    max_time_s: float = 120.0
    """For warm-ups and rounds."""
    ci: float = 0.02
    """Half of a speed-up's interval, relative to it, that is narrow enough."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        _check_counts("--batch-size", self.batch_sizes)
        _check_counts("--seq-len", self.seq_lens)
        if not self.batch_sizes:
            raise UsageError("no batch size is given", "--batch-size 8")
        if not _LEAST_ROUNDS <= self.min_rounds <= _MOST_ROUNDS:
            raise UsageError(f"--min-rounds {self.min_rounds}: {_LEAST_ROUNDS} to {_MOST_ROUNDS} are possible")
        if not 0 < self.max_time_s < math.inf:
            raise UsageError(f"--max-time is {self.max_time_s:g} s; seconds above 0 are needed")
        if not 0 <= self.ci < 1:
            raise UsageError(f"--ci {self.ci:g}: a share from 0 to 1 is needed, such as 0.02")
        _check_bounds(self)


def chosen(models: Sequence[Factory], against: Factory | None) -> tuple[Factory, ...]:
    """Return the models to run, the base first.

    Args:
        models: as named; one that is named twice runs twice.
        against: the base: one of them, else it is added; None: the first. A single model that is its own base runs
            twice.

    Raises:
        UsageError: no model.
    """
    if not models:
        raise UsageError("no model is named", "llmopt bench MODEL [MODEL...]")
    if against is None:
        return tuple(models)
    at = next((at for at, model in enumerate(models) if _same(model, against)), None)
    if at is None or len(models) == 1:
        return (against, *models)
    return (models[at], *models[:at], *models[at + 1 :])


def names_of(models: Sequence[Factory]) -> tuple[str, ...]:
    """Return what to call each: a second one of a name gets a number."""
    seen: dict[str, int] = {}
    found = []
    for model in models:
        seen[model.name] = seen.get(model.name, 0) + 1
        found.append(model.name if seen[model.name] == 1 else f"{model.name} #{seen[model.name]}")
    return tuple(found)


def check_there(models: Sequence[Factory]) -> None:
    """Refuse what can be seen to be no model without opening it, before the first of them is loaded.

    Raises:
        InputError: a file, a path to nothing, or a folder without settings of a model.
    """
    for model in models:
        if isinstance(model, CallableFactory):
            continue
        folder = Path(model.path)
        if is_folder(folder):
            if not any((folder / name).is_file() for name in _SETTINGS):
                raise InputError(f"{folder}: no config.json in it", "give the folder of a model")
        elif os.path.lexists(model.path):
            raise InputError(f"{folder}: a file; the folder of a model is needed", "give the folder that holds it")
        elif not _HUB_NAME.fullmatch(model.path):
            raise InputError(f"{model.path}: no such folder", "name the folder of a model, or module:function")


def opening_order(models: Sequence[Factory]) -> list[int]:
    """Return places in the order of opening: names in the hub's cache, which may not be there, before all folders."""
    return sorted(range(len(models)), key=lambda at: _is_there(models[at]))


def check_together(asked: Asked, models: int) -> None:
    """Refuse bounds that nothing can be held against.

    Args:
        asked: by the user.
        models: how many run.

    Raises:
        UsageError: there is only one model, or no data.
    """
    if models == 1 and asked.min_speedup is not None:
        raise UsageError("--min-speedup compares with another model", "name it with --against")
    if models == 1 and asked.max_quality_drop is not None:
        raise UsageError("--max-quality-drop compares with another model", "name it with --against")
    if models == 1 and asked.price_per_month is not None:
        raise UsageError("--price-per-month is about a speed-up over another model", "name it with --against")
    if asked.data is None and asked.max_quality_drop is not None:
        raise UsageError("--max-quality-drop needs real inputs to measure quality on", "name them with --data FILE")


def _same(one: Factory, other: Factory) -> bool:
    if isinstance(one, ModelFactory) and isinstance(other, ModelFactory):
        return _place(one) == _place(other) and one == replace(other, path=one.path)
    return one == other


def _is_there(model: Factory) -> bool:
    return isinstance(model, ModelFactory) and is_folder(Path(model.path))


def _place(model: ModelFactory) -> str:
    """Return the folder whatever way it is written; a name on a hub as it is."""
    return os.path.realpath(model.path) if is_folder(Path(model.path)) else model.path


def _check_counts(flag: str, counts: Sequence[int]) -> None:
    if counts and min(counts) < 1:
        raise UsageError(f"{flag} {min(counts)} makes no sense", "take 1 or more")


def _check_bounds(asked: Asked) -> None:
    least, most, price = asked.min_speedup, asked.max_quality_drop, asked.price_per_month
    if least is not None and not 0 < least < math.inf:
        raise UsageError(f"--min-speedup {least:g} makes no sense", "such as 1.5")
    if most is not None and not 0 <= most < math.inf:
        raise UsageError(f"--max-quality-drop {most:g} makes no sense", "such as 2%")
    if price is not None and not (price.is_finite() and price > 0):
        raise UsageError(f"--price-per-month {price} makes no sense", "dollars above 0, such as 1000")
