"""Read what a user typed after the flags of `llmopt bench-batch`, and find what cannot go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from llmopt.cli import values
from llmopt.errors import UsageError

TASKS = ("embed", "classify", "generate")
_OF_MODELS = ("device", "dtype", "attention", "compile", "task", "new_tokens", "trust_remote_code")
_NOT_OF_URLS = (
    *("batch_sizes", "inputs", "device", "dtype", "attention", "compile", "task", "trust_remote_code"),
    *("verify", "baseline", "fail_on_regression", "resume", "save_config"),
)
_OF_URLS = ("model", "api_key_env")
_DEFAULTS = {"batch_sizes": "auto", "device": "auto"}


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
        name = self.target or ""
        return "callable" if ":" in name and not Path(name).exists() else "model"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The options that are numbers, read."""

    batch_sizes: Sequence[int] | Literal["auto"]
    seq_lens: Sequence[int]
    new_tokens: int | None
    slo_p99_s: float | None
    rate_per_s: float | None
    price_per_hour: Decimal | None
    min_samples: int
    max_time_s: float
    ci: float
    threshold: float | None
    """Slow-down that fails the run; None: no slow-down does."""


def numbers(typed: Typed) -> Numbers:
    """Read the numbers.

    Raises:
        UsageError: one is none.
    """
    threshold = values.percentage(typed.fail_on_regression, "--fail-on-regression")
    sizes = None if typed.batch_sizes.strip() == "auto" else values.wholes(typed.batch_sizes, "--batch-sizes")
    return Numbers(
        batch_sizes=sizes or "auto",
        seq_lens=values.wholes(typed.seq_len, "--seq-len") or (),
        new_tokens=values.whole(typed.new_tokens, "--new-tokens", least=1),
        slo_p99_s=values.duration_s(typed.slo_p99, "--slo-p99"),
        rate_per_s=values.rate_per_s(typed.rate, "--rate"),
        price_per_hour=values.money(typed.price_per_hour, "--price-per-hour"),
        min_samples=values.whole(typed.min_samples, "--min-samples", least=1) or 1,
        max_time_s=values.duration_s(typed.max_time, "--max-time", bare=True) or 0.0,
        ci=values.fraction(typed.ci, "--ci") or 0.0,
        threshold=None if threshold is None else float(threshold),
    )


def check(typed: Typed) -> None:
    """Find what cannot go together.

    Raises:
        UsageError: something; the first that is found.
    """
    if (typed.target is None) == (typed.url is None):
        raise UsageError("one of MODEL, MODULE:CALLABLE and --url is needed", "llmopt bench-batch --help")
    _exclude(typed, "seq_len", "lengths")
    _exclude(typed, "rate", "arrivals")
    _exclude(typed, "inputs", "seq_len")
    _exclude(typed, "inputs", "lengths")
    if typed.fail_on_regression is not None and typed.baseline is None:
        raise UsageError("--fail-on-regression compares with a baseline", "add --baseline FILE")
    values.choice(typed.task, "--task", TASKS)
    kind = typed.kind
    if kind != "url":
        _refuse(typed, _OF_URLS, "is for --url")
    if kind == "url":
        _refuse(typed, _NOT_OF_URLS, "is not for --url: the server batches by itself")
    elif kind == "callable":
        _refuse(typed, _OF_MODELS, f"is for models, and {typed.target} is a function")
    elif typed.inputs is not None:
        raise UsageError("--inputs is for functions; a model gets tokens", "--seq-len or --lengths say how many")


def flag(name: str) -> str:
    """Return an option as it is typed."""
    return f"--{name.replace('_', '-')}"


def _exclude(typed: Typed, one: str, other: str) -> None:
    if getattr(typed, one) is not None and getattr(typed, other) is not None:
        raise UsageError(f"{flag(one)} and {flag(other)} exclude each other", "name one of them")


def _refuse(typed: Typed, names: Sequence[str], why: str) -> None:
    for name in names:
        if getattr(typed, name) not in (None, False, _DEFAULTS.get(name)):
            raise UsageError(f"{flag(name)} {why}", "leave it out")
