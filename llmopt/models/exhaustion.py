"""What libraries say, in one line; and when memory runs out, in several types and texts, as the one error of llmopt.

No library is loaded here. OutOfMemory is raised only after the frames of the failed call are gone, so that its tensors
are free when the caller goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from llmopt.errors import OutOfMemory

Result = TypeVar("Result")
_NAME = "OutOfMemoryError"
"""What torch and CuPy call it."""
_EXHAUSTED = (
    "allocate memory",  # torch's CPU allocator, ONNX Runtime, and the system itself
    "not enough memory",  # torch's CPU allocator on Windows
    "out of memory",  # drivers of GPUs, and MPS
    "bad_alloc",  # C++
    "resource_exhausted",  # JAX and TensorFlow
    "status_alloc_failed",  # cuBLAS, cuDNN and cuSOLVER, and what ROCm has for them
    "allocation_failed",  # cuDNN 9
    "cublas_status_not_initialized",  # no room for the handle that each thread gets
)
"""Parts of what they say in a plain RuntimeError, in lower case."""
_BESIDE_TORCH = ("cublas_", "cudnn_", "cusolver_", "cuda error")
"""Those who allocate by themselves: they do not know what torch keeps in store."""


def computed(work: Callable[[], Result], label: str, release: Callable[[], object]) -> Result:
    """Do some work; a second time where it failed because torch kept memory in store.

    Args:
        work: what to do.
        label: of the device, for the message.
        release: called when memory ran out, to give back what can be given back.

    Raises:
        OutOfMemory: memory ran out, in whatever way that is said; raised after `release`.
    """
    reason = ""
    for _ in range(2):
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not is_exhausted(error):
                raise
            reason = first_line(error)
        release()
        if not any(part in reason.lower() for part in _BESIDE_TORCH):
            break
    raise OutOfMemory(f"out of memory on {label}: {reason}", "a smaller batch, shorter requests, or --dtype bfloat16")


def is_exhausted(error: BaseException) -> bool:
    """Return whether an error says that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == _NAME:
        return True
    said = str(error).lower()
    return any(part in said for part in _EXHAUSTED)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, with the second where the first only announces it; never empty."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1]) or type(error).__name__
