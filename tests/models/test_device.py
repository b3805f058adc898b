"""Devices time a batch and say when memory ran out; a GPU is a stand-in whose names and arguments are torch's own."""

from __future__ import annotations

import gc
import importlib
import inspect
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest

from llmopt.errors import OutOfMemory, UsageError
from tests.models.extras import library

torch = library("torch", "semantic")
device: Any = importlib.import_module("llmopt.models.device")
memory: Any = importlib.import_module("llmopt.models.memory")
nvml: Any = importlib.import_module("llmopt.models.nvml")


class FakeCuda:
    """Stands for `torch.cuda`: work takes the time that a test says, and calls are written down."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.calls: list[str] = []
        self.current = 0
        self.peak = 0
        for name in ("synchronize", "reset_peak_memory_stats", "current_stream", "max_memory_allocated"):
            setattr(self, name, create_autospec(getattr(torch.cuda, name), side_effect=self._noting(name)))
        self.empty_cache = create_autospec(torch.cuda.empty_cache, side_effect=lambda: self.calls.append("empty_cache"))

    def _noting(self, name: str) -> Any:
        def note(place: Any = None) -> Any:
            assert place == torch.device("cuda", 1), "each call says which GPU it means"
            self.calls.append(name)
            if name == "reset_peak_memory_stats":
                self.peak = 0
            return {"current_stream": "stream of cuda:1", "max_memory_allocated": self.peak}.get(name)

        return note

    def get_device_properties(self, index: int) -> Any:
        return SimpleNamespace(uuid="11111111-2222-3333-4444-555555555555")

    def get_device_name(self, place: Any) -> str:
        return "NVIDIA Fake"

    def Event(self, enable_timing: bool = False) -> Any:  # noqa: N802
        assert enable_timing, "events without timing have no elapsed time"
        return FakeEvent(self)

    def device(self, place: Any) -> Any:
        return Current(self, place.index)


class FakeEvent:
    def __init__(self, cuda: FakeCuda) -> None:
        self._cuda = cuda
        self.at_ms: float | None = None

    def record(self, stream: str) -> None:
        assert stream == "stream of cuda:1"
        self._cuda.calls.append("record")
        self.at_ms = self._cuda.now_ms

    def elapsed_time(self, end: FakeEvent) -> float:
        assert self.at_ms is not None
        assert end.at_ms is not None
        return end.at_ms - self.at_ms


class Current:
    def __init__(self, cuda: FakeCuda, index: int) -> None:
        self._cuda, self._index = cuda, index

    def __enter__(self) -> None:
        self._before, self._cuda.current = self._cuda.current, self._index

    def __exit__(self, *error: object) -> None:
        self._cuda.current = self._before


@pytest.fixture
def cuda() -> FakeCuda:
    return FakeCuda()


@pytest.fixture
def gpu(cuda: FakeCuda) -> Any:
    return device.CudaDevice(1, cuda=cuda, pynvml=None)


def test_the_stand_in_has_the_names_of_torch() -> None:
    fake = FakeCuda()
    for name in vars(FakeCuda) | vars(fake):
        if not name.startswith("_") and name not in ("now_ms", "calls", "current", "peak"):
            assert hasattr(torch.cuda, name)
    event = torch.cuda.Event
    assert inspect.signature(event.__new__).bind(event, enable_timing=True).arguments
    assert inspect.signature(event.record).bind(None, "stream").arguments
    assert inspect.signature(event.elapsed_time).bind(None, "end").arguments
    assert hasattr(torch.cuda.device, "__enter__")


def test_a_batch_on_a_gpu_is_timed_by_events(cuda: FakeCuda, gpu: Any) -> None:
    cuda.peak = 999
    gpu.start()
    assert cuda.calls == ["synchronize", "reset_peak_memory_stats", "current_stream", "record"]
    cuda.now_ms, cuda.peak = 3.0, 12_345
    gpu.mark()
    gpu.mark()  # the first token is the first
    cuda.now_ms = 10.0
    gpu.mark()
    gpu.synchronize()
    assert cuda.calls[-1] == "synchronize"
    reading = gpu.read()
    assert (reading.device_s, reading.prefill_s, reading.decode_s) == pytest.approx((0.010, 0.003, 0.007))
    assert reading.peak_memory_bytes == 12_345
    assert reading.throttled == ()


def test_the_next_batch_knows_nothing_of_the_one_before(cuda: FakeCuda, gpu: Any) -> None:
    gpu.start()
    gpu.mark()
    gpu.synchronize()
    cuda.now_ms = 50.0
    gpu.start()
    cuda.now_ms = 51.0
    gpu.synchronize()
    reading = gpu.read()
    assert (reading.device_s, reading.prefill_s, reading.decode_s) == (pytest.approx(0.001), None, None)


def test_before_a_batch_there_is_nothing_to_tell(cuda: FakeCuda, gpu: Any) -> None:
    gpu.mark()
    gpu.synchronize()
    assert gpu.read().device_s is None
    assert (gpu.label, gpu.hardware, gpu.state, str(gpu.place)) == ("cuda:1", "NVIDIA Fake", (), "cuda:1")


def test_work_runs_with_its_gpu_as_the_current_one(cuda: FakeCuda, gpu: Any) -> None:
    assert gpu.compute(lambda: cuda.current) == 1
    assert cuda.current == 0


EXHAUSTED = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nmore"),
    RuntimeError("CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA`"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 400 bytes."),
    RuntimeError("MPS backend out of memory (MPS allocated: 18.00 GiB)"),
    torch.AcceleratorError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("std::bad_alloc"),
    MemoryError(),
)


@pytest.mark.parametrize("error", EXHAUSTED, ids=lambda error: f"{type(error).__name__}-{str(error)[:20]}")
def test_all_that_torch_says_of_memory_is_one_error(error: BaseException, cuda: FakeCuda, gpu: Any) -> None:
    def work() -> None:
        raise error

    for place in (gpu, device.CpuDevice()):
        with pytest.raises(OutOfMemory, match=f"out of memory on {place.label}") as caught:
            place.compute(work)
        assert "\n" not in caught.value.message
        assert caught.value.hint
        assert caught.value.__context__ is None
    beside_torch = str(error).startswith(("CUDA error", "cuDNN error"))  # these are tried again
    assert cuda.calls == ["empty_cache"] * (2 if beside_torch else 1)


def test_what_torch_kept_in_store_is_given_to_those_who_allocate_beside_it(cuda: FakeCuda, gpu: Any) -> None:
    """A new thread needs a handle of cuBLAS, while torch holds all memory."""

    def work() -> int:
        if not cuda.calls:
            raise RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`")
        return 7

    assert gpu.compute(work) == 7
    assert cuda.calls == ["empty_cache"]


def test_other_errors_stay_as_they_are(gpu: Any) -> None:
    def work() -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    with pytest.raises(RuntimeError, match="device-side"):
        gpu.compute(work)


def test_the_tensors_of_a_batch_that_did_not_fit_are_free_before_anyone_hears_of_it(cuda: FakeCuda, gpu: Any) -> None:
    seen: list[Any] = []
    free: list[bool] = []
    cuda.empty_cache.side_effect = lambda: free.append(seen[0]() is None)

    def work() -> None:
        tensor = torch.zeros(3)
        seen.append(weakref.ref(tensor))
        raise torch.OutOfMemoryError("CUDA out of memory.")

    gc.disable()
    try:
        with pytest.raises(OutOfMemory):
            gpu.compute(work)
    finally:
        gc.enable()
    assert free == [True]


def test_a_real_batch_that_does_not_fit_on_the_cpu() -> None:
    with pytest.raises(OutOfMemory, match="out of memory on cpu"):
        device.CpuDevice().compute(lambda: torch.empty(2**60, dtype=torch.uint8))


def test_the_cpu_is_timed_by_the_host() -> None:
    cpu = device.open_device("cpu")
    cpu.start()
    assert cpu.compute(lambda: 7) == 7
    cpu.mark()
    cpu.synchronize()
    reading = cpu.read()
    assert reading.device_s is None
    assert 0 <= reading.prefill_s < 10
    assert 0 <= reading.decode_s < 10
    assert (cpu.label, cpu.state, str(cpu.place)) == ("cpu", (), "cpu")
    assert cpu.hardware


def test_a_mac_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append(1))
    metal = device.MetalDevice()
    metal.start()
    metal.mark()
    metal.synchronize()
    reading = metal.read()
    assert len(waited) == 3
    assert reading.peak_memory_bytes is None
    assert reading.prefill_s >= 0


@pytest.mark.parametrize(("usable", "label"), [(False, "cpu"), (True, "cuda:0")])
def test_auto_takes_a_gpu_that_works(monkeypatch: pytest.MonkeyPatch, usable: bool, label: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
    monkeypatch.setattr(device, "usable_device", torch.device)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(uuid=""))
    opened = device.open_device("auto")
    assert opened.label == label


@pytest.mark.parametrize(("name", "label"), [("cuda", "cuda:0"), ("cuda:3", "cuda:3"), ("mps", "mps"), ("cpu", "cpu")])
def test_devices_by_name(monkeypatch: pytest.MonkeyPatch, name: str, label: str) -> None:
    monkeypatch.setattr(device, "usable_device", torch.device)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace())
    assert device.open_device(name).label == label


@pytest.mark.parametrize("name", ["", "gpu", "xpu", "meta", "cuda:99", "CPU", "cpu:1:2"])
def test_no_such_device(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        device.open_device(name)
    assert caught.value.hint


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: no kernel image is available for execution on the device\nmore"),
        torch.cuda.DeferredCudaCallError("CUDA call failed lazily at initialization with error: no\nmore"),
    ],
)
def test_a_gpu_that_holds_numbers_and_computes_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Useless:
        def __add__(self, other: int) -> int:
            raise error

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", lambda *shape, device: Useless())
    with pytest.raises(UsageError, match="the device 'cuda' cannot be used: CUDA") as caught:
        device.open_device("auto")
    assert "cpu" in caught.value.hint
    assert "\n" not in caught.value.message


def status(path: Path, kib: int) -> None:
    path.write_text(f"Name:\tpython\nVmPeak:\t  99 kB\nVmHWM:\t {kib} kB\nVmRSS:\t 5 kB\n")


def test_the_peak_is_taken_back_where_that_is_allowed(tmp_path: Path) -> None:
    marks, clear = tmp_path / "status", tmp_path / "clear_refs"
    status(marks, 100)
    peak = memory.ProcessPeak(marks, clear)
    peak.start()
    assert clear.read_text() == "5"
    assert peak.read() == 102_400


def test_where_it_is_not_only_a_batch_that_pushed_it_up_is_told_its_peak(tmp_path: Path) -> None:
    marks = tmp_path / "status"
    peak = memory.ProcessPeak(marks, tmp_path / "no" / "clear_refs")
    status(marks, 100)
    peak.start()
    assert peak.read() is None
    status(marks, 101)
    assert peak.read() == 103_424


@pytest.mark.parametrize(("system", "factor"), [("linux", 1024), ("darwin", 1)])
def test_systems_without_proc_are_asked_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, factor: int
) -> None:
    used = SimpleNamespace(ru_maxrss=50)
    monkeypatch.setattr(memory, "resource", SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: used))
    monkeypatch.setattr(memory.sys, "platform", system)
    peak = memory.ProcessPeak(tmp_path / "none", tmp_path / "no" / "clear_refs")
    peak.start()
    assert peak.read() is None
    used.ru_maxrss = 60
    assert peak.read() == 60 * factor
    monkeypatch.setattr(memory, "resource", None)
    peak.start()
    assert peak.read() is None


def test_the_real_peak_of_this_process() -> None:
    peak = memory.ProcessPeak()
    peak.start()
    before = peak.read()
    block = bytearray(b"x" * 64_000_000)
    after = peak.read()
    assert len(block) == 64_000_000
    assert after is not None
    assert before is None or after - before > 50_000_000
