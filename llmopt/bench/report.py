"""All that one run of `llmopt bench-batch` found, from the points to the verification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmopt.bench.result import Comparison, Curve, Recommendation, Sweep, Verification

if TYPE_CHECKING:
    from llmopt.bench.recommend import Unmet


@dataclass(frozen=True, slots=True)
class BenchReport:
    """A sweep and what follows from it."""

    sweep: Sweep
    curve: Curve | None = None
    """None where nothing could be measured."""
    recommended: Recommendation | None = None
    """None where no setting meets the SLO; `unmet` says more then."""
    unmet: Unmet | None = None
    """The setting that comes nearest to an SLO that none meets; None where one does, or without an SLO."""
    verified: Verification | None = None
    """None unless asked for."""
    unverified: str = ""
    """Why a verification that was asked for came to nothing; empty where it did not."""
    comparison: Comparison | None = None
    """With a baseline; None without one."""
    uncompared: str = ""
    """Why the baseline cannot be compared with; empty where it can."""
    max_queue: int | None = None
    """How many requests may wait where the recommendation runs; None without one."""
    batcher: str = ""
    """The recommendation as a line of Python; empty without one."""
    config: str = ""
    """The recommendation as a TOML file for `llmopt serve --config`; empty without one."""
    slo_p99_s: float | None = None
    """What was asked for; None: nothing."""
    warnings: tuple[str, ...] = ()
    """What the steps after the sweep have to say, one line each."""
    elapsed_s: float = 0.0
    """The whole run."""

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """Those of the sweep and of the steps after it, each once."""
        return tuple(dict.fromkeys((*self.sweep.warnings, *self.warnings)))
