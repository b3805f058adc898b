"""Where and with what a run takes place."""

from __future__ import annotations

import os
import platform

import llmopt
from llmopt.bench.result import Environment, Noise
from llmopt.core.target import TargetFacts


def environment(target: TargetFacts, noise: Noise) -> Environment:
    """Return the environment of this process.

    Args:
        target: what it says of itself.
        noise: how quiet the machine was.
    """
    return Environment(
        target=target,
        noise=noise,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        cpu_count=cpu_count(),
        llmopt=llmopt.__version__,
    )


def cpu_count() -> int:
    """Return how many CPUs this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
