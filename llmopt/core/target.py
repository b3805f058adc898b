"""What can be batched, as the layers above and below see it: facts, a predict function, and the clock of its device.

`llmopt.models` makes these from checkpoints, `llmopt.bench` measures them, `llmopt.serving` serves them; none of the
three needs to know the others for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """What a target says of itself, for the environment of a result."""

    name: str
    """As the user wrote it."""
    task: str
    """`embed`, `classify`, `generate`, `callable` or `url`."""
    device: str
    """Such as `cpu` or `cuda:0`."""
    device_name: str
    """Name of the processor or the GPU."""
    dtype: str = ""
    """Such as `float32`; empty where it makes no sense."""
    attention: str = ""
    """Such as `sdpa`; empty where it makes no sense."""
    compiled: bool = False
    """Whether the model went through `torch.compile`."""
    threads: int | None = None
    """CPU threads that the model computes with; None where it cannot be told."""
    parameters: int | None = None
    """Weights of the model; None where it cannot be told."""
    max_tokens: int | None = None
    """Longest request that the target takes; None where there is no limit."""
    new_tokens: int | None = None
    """Tokens that each request generates; None unless tokens are generated."""
    versions: tuple[tuple[str, str], ...] = ()
    """Libraries that matter and their versions."""
    device_state: tuple[tuple[str, str], ...] = ()
    """Clocks, power and throttle reasons of a GPU, as NVML tells them; empty on a CPU."""


@dataclass(frozen=True, slots=True)
class Predictor:
    """A target as a batcher sees it."""

    predict: Callable[[list[Any]], list[Any]]
    """From requests to as many results."""
    item: Callable[[int], Any]
    """Make a request of so many tokens."""
    length: Callable[[Any], int]
    """Tokens of a request."""


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """What a device tells of one batch after it is done."""

    device_s: float | None = None
    """Between events on the device's own clock; None where it has none."""
    peak_memory_bytes: int | None = None
    """Most memory that it held (on a CPU: the process); None where it cannot be told."""
    prefill_s: float | None = None
    """Until the first new token; None unless tokens are generated."""
    decode_s: float | None = None
    """From the first new token to the last; None unless tokens are generated."""
    throttled: tuple[str, ...] = ()
    """Why a GPU ran below its clock during the batch, as NVML names it; empty where it did not."""


class DeviceClock(Protocol):
    """Times one batch on a device."""

    def start(self) -> None:
        """Wait until the device is idle, forget its peak of memory, and start its clock."""
        ...

    def synchronize(self) -> None:
        """Wait until the device has done what was asked of it."""
        ...

    def read(self) -> DeviceReading:
        """Return what there is to tell of the work since `start`; call `synchronize` first."""
        ...


class LocalModel(Protocol):
    """Something in this process that can be measured and served."""

    @property
    def facts(self) -> TargetFacts:
        """What it says of itself."""
        ...

    @property
    def predictor(self) -> Predictor:
        """How to call it."""
        ...

    @property
    def clock(self) -> DeviceClock:
        """How to time it."""
        ...
