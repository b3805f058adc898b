"""What a user asks of `llmopt quantize`: the fields are the flags of the command."""

from __future__ import annotations

import os
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from llmopt.errors import UsageError

Scheme = Literal["int8", "w8a8", "w8a16", "w4a16", "bf16", "auto"]
Target = Literal["transformers", "vllm", "cpu"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
TARGETS: tuple[Target, ...] = get_args(Target)
MAX_MEMORY_BYTES = 512_000_000
LEAST_MEMORY_BYTES = 320_000_000
"""Below this torch itself does not fit."""


@dataclass(frozen=True, slots=True)
class QuantizeConfig:
    """How to quantize a checkpoint.

    Raises:
        UsageError: values that make no sense, or not together.
    """

    scheme: Scheme = "auto"
    """`int8`: as `w8a8`. `w8a8`: weights and activations in 8 bits; `w8a16`, `w4a16`: weights only. On a CPU `auto`
    finds the fastest variant within the quality gate; elsewhere it is `w8a8`."""
    target: Target = "transformers"
    """What will load it. `vllm` writes the same files and refuses what vLLM cannot read."""
    group_size: int = 128
    """Columns that share a scale in 4 bits (and in 8 bits weight-only)."""
    skip: tuple[str, ...] = ()
    """Patterns (fnmatch, or `re:` and a regular expression) of tensors and modules that stay as they are."""
    data: str | None = None
    """File of real inputs to measure quality on; None: only the error of the weights is told."""
    max_quality_drop: float | None = None
    """Share that may be lost; 0.02 is two percent. None: no gate (`auto` takes 0.02)."""
    min_speedup: float | None = None
    """Times faster than the strongest FP32 that was measured; None: no gate."""
    price_per_month: Decimal | None = None
    """Dollars that the machines cost now."""
    jobs: int | None = None
    """Threads; None: as many as there are CPUs for this process."""
    max_memory_bytes: int = MAX_MEMORY_BYTES
    """Of the whole process, libraries included, while a checkpoint is streamed."""
    resume: bool = False
    """Go on where a run that was killed stopped."""
    trust_pickle: bool = False
    """Convert pickled weights of a source that is known to be good."""
    batch_size: int = 8
    """Requests of a batch when speed is measured (CPU)."""
    seq_len: int = 128
    """Tokens of each."""

    def __post_init__(self) -> None:
        """Check the values that do not depend on the checkpoint."""
        if self.scheme not in SCHEMES:
            raise UsageError(f"no scheme {self.scheme!r}", f"take one of {', '.join(SCHEMES)}")
        if self.target not in TARGETS:
            raise UsageError(f"no target {self.target!r}", f"take one of {', '.join(TARGETS)}")
        for name in ("group_size", "batch_size", "seq_len"):
            if getattr(self, name) < 1:
                raise UsageError(f"--{name.replace('_', '-')} {getattr(self, name)} makes no sense", "take 1 or more")
        if self.jobs is not None and self.jobs < 1:
            raise UsageError(f"--jobs {self.jobs} makes no sense", "take 1 or more")
        if self.max_memory_bytes < LEAST_MEMORY_BYTES:
            raise UsageError(
                f"--max-memory {self.max_memory_bytes:,} bytes is less than torch alone takes",
                f"take {LEAST_MEMORY_BYTES // 1_000_000} MB or more",
            )

    @property
    def threads(self) -> int:
        """How many threads to compute with."""
        return self.jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else self.jobs or 1
