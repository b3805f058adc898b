"""What torch says when memory runs out, in several types and texts, as the one error of llmopt.

It is raised only after the frames of the failed call are gone, so that its tensors are free when the caller goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from llmopt.errors import MissingExtraError, OutOfMemory

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

Result = TypeVar("Result")
_EXHAUSTED = (
    "can't allocate memory",  # DefaultCPUAllocator on Linux and macOS
    "not enough memory",  # DefaultCPUAllocator on Windows
    "out of memory",  # of CUDA's driver, and of MPS
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
"""Parts of what torch says in a plain RuntimeError when memory runs out."""


def computed(work: Callable[[], Result], label: str, release: Callable[[], object]) -> Result:
    """Do some work.

    Args:
        work: what to do.
        label: of the device, for the message.
        release: called when memory ran out, to give back what can be given back.

    Raises:
        OutOfMemory: torch says so, in whatever way; raised after `release`.
    """
    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not is_exhausted(error):
            raise
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
    release()
    raise OutOfMemory(f"out of memory on {label}: {reason}", "a smaller batch, shorter requests, or --dtype bfloat16")


def is_exhausted(error: BaseException) -> bool:
    """Return whether an error of torch says that memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(part in str(error) for part in _EXHAUSTED)
