"""What NVML tells of a GPU: clocks, power, temperature, and why it runs below its clock; nothing where NVML is absent.

A GPU is found by its UUID, never by its index: NVML counts all GPUs of the machine, CUDA only those that
`CUDA_VISIBLE_DEVICES` leaves, and in another order unless `CUDA_DEVICE_ORDER` says otherwise. Whatever NVML refuses
(a driver too old, a virtual GPU, no rights) is left out. Names and bits are those of NVML's header (`nvml.h`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def _module() -> Any:
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        return None


MODULE: Any = _module()
"""The package `nvidia-ml-py`; None where it is not installed."""

_REASONS = {
    0x2: "applications clocks setting",
    0x4: "software power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "hardware power brake",
    0x100: "display clock setting",
}
"""Bits of `nvmlDeviceGetCurrentClocksEventReasons`; 0x1 means idle, which is no reason to worry."""
_CHOSEN = (0x2, 0x100)
"""Clocks that somebody set: they belong to the state, and slow nothing down unexpectedly."""
_PREFIXES = ("GPU-", "MIG-")
"""Of a whole GPU, and of a part of one; torch leaves them out."""


class Gpu:
    """One GPU, or none: every answer is empty where NVML gives none.

    Args:
        handle: of NVML; None where there is none.
        pynvml: the module.
    """

    def __init__(self, handle: Any, pynvml: Any) -> None:
        self._handle = handle
        self._pynvml = pynvml

    def state(self) -> tuple[tuple[str, str], ...]:
        """Return what there is to tell now, each with its name and unit."""
        nv, handle = self._pynvml, self._handle
        if handle is None:
            return ()
        asked: tuple[tuple[str, Callable[[], str]], ...] = (
            ("driver", lambda: str(nv.nvmlSystemGetDriverVersion())),
            ("sm clock", lambda: f"{nv.nvmlDeviceGetClockInfo(handle, nv.NVML_CLOCK_SM)} MHz"),
            ("max sm clock", lambda: f"{nv.nvmlDeviceGetMaxClockInfo(handle, nv.NVML_CLOCK_SM)} MHz"),
            ("memory clock", lambda: f"{nv.nvmlDeviceGetClockInfo(handle, nv.NVML_CLOCK_MEM)} MHz"),
            ("power", lambda: f"{nv.nvmlDeviceGetPowerUsage(handle) / 1e3:.0f} W"),
            ("power limit", lambda: f"{nv.nvmlDeviceGetEnforcedPowerLimit(handle) / 1e3:.0f} W"),
            ("temperature", lambda: f"{nv.nvmlDeviceGetTemperature(handle, nv.NVML_TEMPERATURE_GPU)} C"),
            ("utilization", lambda: f"{nv.nvmlDeviceGetUtilizationRates(handle).gpu} %"),
            ("clock held back by", lambda: ", ".join(_named(self._bits(), _REASONS)) or "nothing"),
        )
        told = ((name, self._told(ask)) for name, ask in asked)
        return tuple((name, value) for name, value in told if value is not None)

    def throttled(self) -> tuple[str, ...]:
        """Return why the GPU runs below its clock right now, the clocks that somebody set left out."""
        if self._handle is None:
            return ()
        bits = self._told(self._bits) or 0
        return _named(bits, {bit: name for bit, name in _REASONS.items() if bit not in _CHOSEN})

    def _bits(self) -> int:
        nv = self._pynvml
        try:
            return int(nv.nvmlDeviceGetCurrentClocksEventReasons(self._handle))
        except (nv.NVMLError, AttributeError):  # drivers before 535 know the older name only
            return int(nv.nvmlDeviceGetCurrentClocksThrottleReasons(self._handle))

    def _told(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except (self._pynvml.NVMLError, AttributeError):
            return None


def gpu(uuid: str, pynvml: Any = MODULE) -> Gpu:
    """Return the GPU of a UUID as torch writes it (without its `GPU-`), with or without NVML."""
    if pynvml is None or not uuid:
        return Gpu(None, pynvml)
    names = [uuid] if uuid.startswith(_PREFIXES) else [prefix + uuid for prefix in _PREFIXES]
    for name in names:
        try:
            pynvml.nvmlInit()
            return Gpu(pynvml.nvmlDeviceGetHandleByUUID(name), pynvml)
        except (pynvml.NVMLError, AttributeError, OSError):
            continue
    return Gpu(None, pynvml)


def names(pynvml: Any = MODULE) -> tuple[str, ...]:
    """Return the names of the GPUs of this machine, each with its memory; none where NVML tells of none."""
    if pynvml is None:
        return ()
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(pynvml.nvmlDeviceGetCount())]
        return tuple(
            f"{pynvml.nvmlDeviceGetName(handle)}, {pynvml.nvmlDeviceGetMemoryInfo(handle).total / 2**30:.0f} GiB"
            for handle in handles
        )
    except (pynvml.NVMLError, AttributeError, OSError):
        return ()


def _named(bits: int, names: dict[int, str]) -> tuple[str, ...]:
    return tuple(name for bit, name in names.items() if bits & bit)
