"""Read what a user typed after the flags of `llmopt bench-batch`, and find what cannot go together."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from llmopt.bench.imported import is_callable
from llmopt.cli import values
from llmopt.errors import UsageError

if TYPE_CHECKING:
    from llmopt.cost.traffic import Traffic

TASKS = ("embed", "classify", "generate")
_OF_MODELS = ("device", "dtype", "attention", "compile", "task", "new_tokens", "trust_remote_code")
_NOT_OF_URLS = (
    *("batch_sizes", "inputs", "device", "ray", "dtype", "attention", "compile", "task", "trust_remote_code"),
    *("verify", "baseline", "fail_on_regression", "resume", "save_config"),
)
_OF_URLS = ("model", "api_key_env")
_EXCLUDING = (("seq_len", "lengths"), ("rate", "arrivals"), ("inputs", "seq_len"), ("inputs", "lengths"))
_COMMA = re.compile(r"(?<!\d),|,(?!\d{3}(?!\d))")
"""Between two rates."""
MOST_SAMPLES = 2000
"""Of one shape; a p99 needs 299."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What the user typed, an option a field; None, False and the defaults where nothing was."""

    target: str | None = None
    url: str | None = None
    model: str | None = None
    api_key_env: str | None = None
    batch_sizes: str = "auto"
    seq_len: str | None = None
    lengths: Path | None = None
    inputs: Path | None = None
    device: str = "auto"
    ray: str | None = None
    dtype: str | None = None
    attention: str | None = None
    compile: bool = False
    task: str | None = None
    new_tokens: str | None = None
    trust_remote_code: bool = False
    slo_p99: str | None = None
    rate: str | None = None
    arrivals: Path | None = None
    price_per_hour: str | None = None
    verify: bool = False
    min_samples: str = "30"
    max_time: str = "60s"
    ci: str = "0.02"
    baseline: Path | None = None
    fail_on_regression: str | None = None
    resume: Path | None = None
    allow_noisy: bool = False
    save_config: Path | None = None

    @property
    def kind(self) -> Literal["model", "callable", "url"]:
        """What is to be measured: `module:name` is a callable unless there is such a folder."""
        if self.url is not None:
            return "url"
        return "callable" if is_callable(self.target or "") else "model"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The options that are numbers, read."""

    batch_sizes: Sequence[int] | Literal["auto"]
    seq_lens: Sequence[int]
    new_tokens: int | None
    slo_p99_s: float | None
    rates_per_s: Sequence[float]
    """Those of --rate; several only for a server."""
    price_per_hour: Decimal | None
    min_samples: int
    max_time_s: float
    ci: float
    threshold: float | None
    """Slow-down that fails the run; None: no slow-down does."""

    @property
    def rate_per_s(self) -> float | None:
        """The user's own rate; None where there is none, or several."""
        return self.rates_per_s[0] if len(self.rates_per_s) == 1 else None


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Typed)}


def settled(typed: Typed, from_settings: Collection[str]) -> Typed:
    """Return what was typed without those settings that do not go with it.

    Settings are for many runs: a device for models is no fault of a run on a function, and a flag goes before what
    a setting says instead.

    Args:
        typed: all options.
        from_settings: names of those that a file of settings or a variable gave.
    """
    dropped = {"url"} if typed.target is not None else set()
    dropped |= {"fail_on_regression"} if typed.baseline is None else set()
    for one, other in _EXCLUDING:
        if _given(typed, one) and _given(typed, other) and (one in from_settings) != (other in from_settings):
            dropped.add(one if one in from_settings else other)
    fits = replace(typed, url=None) if {"url"} & dropped & set(from_settings) else typed
    dropped |= {name for name, _ in _misfits(fits)}
    return replace(fits, **{name: _DEFAULTS[name] for name in dropped & set(from_settings)})


def numbers(typed: Typed) -> Numbers:
    """Read the numbers.

    Raises:
        UsageError: one is none.
    """
    threshold = values.percentage(typed.fail_on_regression, "--fail-on-regression")
    auto = typed.batch_sizes.strip().lower() == "auto"
    return Numbers(
        batch_sizes="auto" if auto else values.wholes(typed.batch_sizes, "--batch-sizes") or "auto",
        seq_lens=values.wholes(typed.seq_len, "--seq-len") or (),
        new_tokens=values.whole(typed.new_tokens, "--new-tokens", least=1),
        slo_p99_s=values.duration_s(typed.slo_p99, "--slo-p99"),
        rates_per_s=_rates(typed),
        price_per_hour=values.money(typed.price_per_hour, "--price-per-hour"),
        min_samples=values.whole(typed.min_samples, "--min-samples", least=1, most=MOST_SAMPLES) or 1,
        max_time_s=values.duration_s(typed.max_time, "--max-time", bare=True) or 0.0,
        ci=values.fraction(typed.ci, "--ci") or 0.0,
        threshold=None if threshold is None else float(threshold),
    )


def check(typed: Typed) -> None:
    """Find what cannot go together.

    Raises:
        UsageError: something; the first that is found.
    """
    if bool(typed.target) == (typed.url is not None):
        raise UsageError("one of MODEL, MODULE:CALLABLE and --url is needed", "llmopt bench-batch --help")
    for one, other in _EXCLUDING:
        if _given(typed, one) and _given(typed, other):
            raise UsageError(f"{flag(one)} and {flag(other)} exclude each other", "name one of them")
    if typed.fail_on_regression is not None and typed.baseline is None:
        raise UsageError("--fail-on-regression compares with a baseline", "add --baseline FILE")
    values.choice(typed.task, "--task", TASKS)
    for name, why in _misfits(typed):
        raise UsageError(f"{flag(name)} {why}", "leave it out")


def logs(typed: Typed) -> tuple[Traffic | None, Traffic | None]:
    """Read the logs of --lengths and of --arrivals; one file for both is read once, as standard input can only be.

    Raises:
        LlmoptError: one cannot be read.
    """
    from llmopt.cost.traffic import requests  # the readers of logs take long to load, and most runs have none

    lengths = None if typed.lengths is None else requests(typed.lengths)
    if typed.arrivals is None or typed.arrivals == typed.lengths:
        return lengths, lengths if typed.arrivals is not None else None
    return lengths, requests(typed.arrivals)


def flag(name: str) -> str:
    """Return an option as it is typed."""
    return f"--{name.replace('_', '-')}"


def _rates(typed: Typed) -> tuple[float, ...]:
    """Return the rates in `1/s, 2/s`; a comma between digits groups them, as in `6,000/min`."""
    parts = _COMMA.split(typed.rate) if typed.rate else []
    found = [values.rate_per_s(part, "--rate") for part in parts]
    if len(found) > 1 and typed.kind != "url":
        raise UsageError(f"--rate {typed.rate!r}: one rate is needed", "several are for --url")
    return tuple(sorted({rate for rate in found if rate is not None}))


def _given(typed: Typed, name: str) -> bool:
    return bool(getattr(typed, name) != _DEFAULTS[name])


def _misfits(typed: Typed) -> list[tuple[str, str]]:
    """Return the options that say nothing of such a target, and why."""
    if typed.kind == "url":
        unfit = [(name, "is not for --url: the server batches by itself") for name in _NOT_OF_URLS]
    elif typed.kind == "callable":
        unfit = [(name, f"is for models, and {typed.target} is a function") for name in _OF_MODELS]
    else:
        unfit = [("inputs", "is for functions; a model gets tokens (--seq-len, --lengths)")]
    if typed.kind != "url":
        unfit = [*((name, "is for --url") for name in _OF_URLS), *unfit]
    return [(name, why) for name, why in unfit if _given(typed, name)]
