"""Read what a user typed after the flags of `llmopt bench`, and find what cannot be, before a model is opened."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmopt.bench.imported import is_callable
from llmopt.cli import values
from llmopt.cli.bench_batch_asked import TASKS
from llmopt.cli.model_gates import check_data, quality_drop, times_faster
from llmopt.errors import InputError, UsageError

_OF_TWO = ("min_speedup", "max_quality_drop", "price_per_month")
"""Options that compare a model with another."""
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True, slots=True)
class Typed:
    """What the user typed, an option a field; None, False and the defaults where nothing was."""

    models: tuple[str, ...] = ()
    data: str | None = None
    against: str | None = None
    batch_size: str = "8"
    seq_len: str | None = None
    device: str = "auto"
    dtype: str | None = None
    attention: str | None = None
    compile: bool = False
    task: str | None = None
    new_tokens: str | None = None
    trust_remote_code: bool = False
    min_speedup: str | None = None
    max_quality_drop: str | None = None
    price_per_month: str | None = None
    min_rounds: str = "30"
    max_time: str = "120s"
    ci: str = "0.02"
    allow_noisy: bool = False

    @property
    def compares(self) -> bool:
        """Whether a model is compared with another, or with itself."""
        return len(self.models) > 1 or self.against is not None


@dataclass(frozen=True, slots=True)
class Numbers:
    """The options that are numbers, read."""

    batch_sizes: Sequence[int]
    seq_lens: Sequence[int] | None
    new_tokens: int | None
    min_speedup: float | None
    max_quality_drop: float | None
    price_per_month: Decimal | None
    min_rounds: int
    max_time_s: float
    ci: float


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Typed)}


def settled(typed: Typed, from_settings: Collection[str]) -> Typed:
    """Return what was typed without those settings that do not go with it; settings are for many runs.

    Args:
        typed: all options.
        from_settings: names of those that a file of settings or a variable gave.
    """
    dropped = set() if typed.compares else set(_OF_TWO)
    dropped |= {"max_quality_drop"} if typed.data is None else set()
    return replace(typed, **{name: _DEFAULTS[name] for name in dropped & set(from_settings)})


def numbers(typed: Typed) -> Numbers:
    """Read the numbers.

    Raises:
        UsageError: one is none.
    """
    return Numbers(
        batch_sizes=values.wholes(typed.batch_size, "--batch-size") or (8,),
        seq_lens=values.wholes(typed.seq_len, "--seq-len"),
        new_tokens=values.whole(typed.new_tokens, "--new-tokens", least=1),
        min_speedup=times_faster(typed.min_speedup),
        max_quality_drop=quality_drop(typed.max_quality_drop),
        price_per_month=values.money(typed.price_per_month, "--price-per-month"),
        min_rounds=values.whole(typed.min_rounds, "--min-rounds", least=3, most=1000) or 3,
        max_time_s=values.duration_s(typed.max_time, "--max-time", bare=True) or 0.0,
        ci=values.fraction(typed.ci, "--ci") or 0.0,
    )


def check(typed: Typed) -> None:
    """Find what cannot go together, and names that no model can have.

    Raises:
        UsageError: options that do not go together.
        InputError: no such folder or file.
    """
    values.choice(typed.task, "--task", TASKS)
    for name in _OF_TWO if not typed.compares else ():
        if getattr(typed, name) is not None:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} compares a model with another", "name a second model, or --against BASE")
    check_data(typed.data, typed.max_quality_drop)
    for model in (*typed.models, *((typed.against,) if typed.against is not None else ())):
        if not is_callable(model) and not _HUB_NAME.fullmatch(model) and not _exists(model):
            shown = model or "an empty name"
            raise InputError(f"{shown}: no such folder", "name the folder of a model, or module:function")


def _exists(name: str) -> bool:
    try:
        return bool(name) and Path(name).exists()
    except (OSError, ValueError):
        return False
