"""Read what a user typed after the flags of `llmopt quantize`, and find what cannot be, before torch is loaded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

from llmopt.cli import values
from llmopt.cli.model_gates import check_data, quality_drop, times_faster
from llmopt.errors import InputError, UsageError
from llmopt.models.quantizing.config import SCHEMES, TARGETS, QuantizeConfig, Scheme, Target
from llmopt.models.quantizing.destination import checked_place
from llmopt.models.stored.hub import found

_MEASURED = ("min_speedup", "price_per_month", "batch_size", "seq_len")
"""Options of a speed that is measured here."""
_ON_CPU = ("auto", "int8", "w8a8", "bf16")


@dataclass(frozen=True, slots=True)
class Typed:
    """What the user typed, an option a field; None, False and the defaults where nothing was."""

    src: str = ""
    dst: str = ""
    scheme: str = "auto"
    target: str = "transformers"
    group_size: str = "128"
    skip: tuple[str, ...] = ()
    data: str | None = None
    max_quality_drop: str | None = None
    min_speedup: str | None = None
    price_per_month: str | None = None
    batch_size: str = "8"
    seq_len: str = "128"
    jobs: str | None = None
    max_memory: str = "512MB"
    resume: bool = False
    trust_pickle: bool = False


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Typed)}


def settled(typed: Typed, from_settings: Collection[str]) -> Typed:
    """Return what was typed without those settings that do not go with it; settings are for many runs.

    Args:
        typed: all options.
        from_settings: names of those that a file of settings or a variable gave.
    """
    dropped = set() if typed.target == "cpu" else set(_MEASURED)
    dropped |= {"max_quality_drop"} if typed.data is None else set()
    dropped |= {name for name in ("batch_size", "seq_len") if "," in getattr(typed, name)}  # those of a sweep
    return replace(typed, **{name: _DEFAULTS[name] for name in dropped & set(from_settings)})


def config_of(typed: Typed) -> QuantizeConfig:
    """Read the options.

    Raises:
        UsageError: one makes no sense, or some do not together.
    """
    values.choice(typed.scheme, "--scheme", SCHEMES)
    values.choice(typed.target, "--target", TARGETS)
    for name in _MEASURED if typed.target != "cpu" else ():
        if getattr(typed, name) != _DEFAULTS[name]:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{flag} is for --target cpu: the speed for {typed.target} is not measured",
                f"leave it out; llmopt bench {typed.src} {typed.dst} compares speeds",
            )
    if typed.target == "cpu" and typed.scheme not in _ON_CPU:
        raise UsageError(f"--scheme {typed.scheme} is not made for --target cpu", f"take one of {', '.join(_ON_CPU)}")
    return QuantizeConfig(
        scheme=cast(Scheme, typed.scheme),
        target=cast(Target, typed.target),
        group_size=values.whole(typed.group_size, "--group-size", least=1) or 1,
        skip=typed.skip,
        data=typed.data,
        max_quality_drop=quality_drop(typed.max_quality_drop),
        min_speedup=times_faster(typed.min_speedup),
        price_per_month=values.money(typed.price_per_month, "--price-per-month"),
        jobs=values.whole(typed.jobs, "--jobs", least=1),
        max_memory_bytes=values.size_bytes(typed.max_memory, "--max-memory") or 0,
        resume=typed.resume,
        trust_pickle=typed.trust_pickle,
        batch_size=values.whole(typed.batch_size, "--batch-size", least=1) or 1,
        seq_len=values.whole(typed.seq_len, "--seq-len", least=1) or 1,
    )


def check(typed: Typed) -> None:
    """Find what is wrong with the places: nothing is read yet.

    Raises:
        UsageError: a gate without data.
        InputError: no source, no data, or a destination that exists or is part of the source.
    """
    check_data(typed.data, typed.max_quality_drop)
    if not typed.src:
        raise InputError("an empty name: no such file or folder", "name the folder of a checkpoint")
    if not typed.dst:
        raise InputError("an empty name: no name for a folder", "name a folder that is to be made")
    checked_place(Path(typed.dst), found(typed.src))
