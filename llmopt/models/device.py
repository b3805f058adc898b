"""One adapter for the devices of torch: time a batch there, read its memory, and tell when it was too much.

On a GPU calls return before the work is done, so a batch is timed by events in the stream of the device and by the
host's clock after `synchronize`; its peak of memory is what torch's allocator had handed out at most. On a CPU a call
is done when it returns, and the peak is that of the whole process (`memory`).
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from llmopt.core.target import DeviceClock, DeviceReading
from llmopt.errors import MissingExtraError, UsageError
from llmopt.models import nvml
from llmopt.models.exhaustion import computed
from llmopt.models.loading import usable_device
from llmopt.models.memory import ProcessPeak
from llmopt.models.processor import processor_name

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

Result = TypeVar("Result")
_STATE_S = 1.0
"""How often to ask NVML for the state of a GPU: an idle one would tell other clocks than one at work."""
_KINDS = ("cpu", "cuda", "mps")


class Device(DeviceClock, Protocol):
    """A device of torch that times what runs on it."""

    @property
    def place(self) -> torch.device:
        """Where tensors go."""
        ...

    @property
    def label(self) -> str:
        """Such as `cpu` or `cuda:0`."""
        ...

    @property
    def hardware(self) -> str:
        """Name of the processor or the GPU."""
        ...

    @property
    def state(self) -> tuple[tuple[str, str], ...]:
        """Clocks, power and the like, where there is a way to tell."""
        ...

    def compute(self, work: Callable[[], Result]) -> Result:
        """Do some work, in whatever thread this is.

        Raises:
            OutOfMemory: it does not fit.
        """
        ...

    def mark(self) -> None:
        """Note that the first token is done, on the clock that `start` started."""
        ...


def open_device(name: str = "auto") -> Device:
    """Return the adapter of a device.

    Args:
        name: `cpu`, `cuda`, `cuda:N`, `mps`, or `auto`: a GPU of CUDA where one works, otherwise the CPU.

    Raises:
        UsageError: there is none of that name, or it does not work.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.partition(":")[0] not in _KINDS:
        raise UsageError(f"the device {name!r} is not known", "auto, cpu, cuda, cuda:N or mps")
    place = usable_device(name)
    if place.type == "cuda":
        return CudaDevice(place.index or 0)
    return MetalDevice() if place.type == "mps" else CpuDevice()


def visible_gpus() -> int:
    """Return how many GPUs of CUDA this process can use."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


class CpuDevice:
    """The CPU: done when a call returns; the clock is the host's, the memory that of the process."""

    place = torch.device("cpu")
    label = "cpu"
    state: tuple[tuple[str, str], ...] = ()

    def __init__(self) -> None:
        self._peak = ProcessPeak()
        self._started_ns = self._done_ns = 0
        self._marked_ns: int | None = None

    @property
    def hardware(self) -> str:
        """Name of the processor."""
        return processor_name()

    def start(self) -> None:
        """Forget the peak of memory as far as the system lets us, and start the clock."""
        self._marked_ns = None
        self._peak.start()
        self._started_ns = self._done_ns = time.perf_counter_ns()

    def synchronize(self) -> None:
        """Note the time: the work is done already."""
        self._done_ns = time.perf_counter_ns()

    def read(self) -> DeviceReading:
        """Return the peak of the process and when the first token was there; the device has no clock of its own."""
        marked = self._marked_ns
        return DeviceReading(
            peak_memory_bytes=self._peak.read(),
            prefill_s=None if marked is None else (marked - self._started_ns) / 1e9,
            decode_s=None if marked is None else (self._done_ns - marked) / 1e9,
        )

    def compute(self, work: Callable[[], Result]) -> Result:
        """Do some work."""
        return computed(work, self.label, gc.collect)

    def mark(self) -> None:
        """Note that the first token is done."""
        if self._marked_ns is None:
            self._marked_ns = time.perf_counter_ns()


class MetalDevice(CpuDevice):
    """The GPU of a Mac: it is waited for, but tells neither its own time nor its peak of memory."""

    place = torch.device("mps")
    label = "mps"

    def start(self) -> None:
        """Wait until the device is idle and start the clock."""
        torch.mps.synchronize()
        super().start()

    def synchronize(self) -> None:
        """Wait until the device is done."""
        torch.mps.synchronize()
        super().synchronize()

    def mark(self) -> None:
        """Wait for the first token and note the time."""
        torch.mps.synchronize()
        super().mark()

    def read(self) -> DeviceReading:
        """Return when the first token was there; the memory of the process is not that of the device."""
        reading = super().read()
        return DeviceReading(prefill_s=reading.prefill_s, decode_s=reading.decode_s)


class CudaDevice:
    """A GPU of CUDA (or ROCm, which torch gives the same names).

    Args:
        index: of the GPU among those that the process sees.
        cuda: `torch.cuda`, or what stands for it in a test.
        pynvml: the module, or what stands for it; None where it is not installed.
    """

    def __init__(self, index: int = 0, *, cuda: Any = torch.cuda, pynvml: Any = nvml.MODULE) -> None:
        self.place = torch.device("cuda", index)
        self.label = f"cuda:{index}"
        self._cuda = cuda
        self._gpu = nvml.gpu(str(getattr(cuda.get_device_properties(index), "uuid", "")), pynvml)
        self._events: tuple[Any, Any, Any] | None = None
        self._marked = False
        self._state: tuple[tuple[str, str], ...] = ()
        self._looked_s = -math.inf

    @property
    def hardware(self) -> str:
        """Name of the GPU."""
        return str(self._cuda.get_device_name(self.place))

    @property
    def state(self) -> tuple[tuple[str, str], ...]:
        """What NVML told right after a batch, at most a second before the last one: clocks, power, temperature.

        Empty without NVML.
        """
        return self._state or self._gpu.state()

    def start(self) -> None:
        """Wait until the GPU is idle, forget its peak of memory, and put an event in its stream."""
        first, token, last = (self._cuda.Event(enable_timing=True) for _ in range(3))
        self._events, self._marked = (first, token, last), False
        self._cuda.synchronize(self.place)
        self._cuda.reset_peak_memory_stats(self.place)
        first.record(self._cuda.current_stream(self.place))

    def synchronize(self) -> None:
        """Put the last event in the stream and wait until the GPU is done with all of it."""
        if self._events is not None:
            self._events[2].record(self._cuda.current_stream(self.place))
        self._cuda.synchronize(self.place)

    def read(self) -> DeviceReading:
        """Return the time between the events, the peak of torch's allocator, and what slowed the GPU down."""
        if self._events is None:
            return DeviceReading()
        first, token, last = self._events
        if (now := time.monotonic()) - self._looked_s >= _STATE_S:
            self._looked_s, self._state = now, self._gpu.state()
        return DeviceReading(
            device_s=first.elapsed_time(last) / 1e3,
            peak_memory_bytes=int(self._cuda.max_memory_allocated(self.place)),
            prefill_s=first.elapsed_time(token) / 1e3 if self._marked else None,
            decode_s=token.elapsed_time(last) / 1e3 if self._marked else None,
            throttled=self._gpu.throttled(),
        )

    def compute(self, work: Callable[[], Result]) -> Result:
        """Do some work with this GPU as the current one (each thread starts with the first)."""

        def here() -> Result:
            with self._cuda.device(self.place):
                return work()

        return computed(here, self.label, self._release)

    def mark(self) -> None:
        """Put an event behind the first token; nothing waits for it here."""
        if self._events is not None and not self._marked:
            self._events[1].record(self._cuda.current_stream(self.place))
            self._marked = True

    def _release(self) -> None:
        gc.collect()
        self._cuda.empty_cache()
