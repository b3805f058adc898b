"""What NVML tells of a GPU, and silence where it tells nothing; the stand-in has the names and arguments of pynvml."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest

from tests.models.extras import library

pynvml = library("pynvml", "bench")
nvml: Any = importlib.import_module("llmopt.models.nvml")

UUID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def fake() -> Any:
    """Return a stand-in for pynvml with one GPU, which the handle 7 means."""
    made: Any = create_autospec(pynvml)
    made.NVMLError = pynvml.NVMLError
    for name in ("NVML_CLOCK_SM", "NVML_CLOCK_MEM", "NVML_TEMPERATURE_GPU"):
        setattr(made, name, getattr(pynvml, name))

    def handle(uuid: str) -> int:
        if uuid != f"GPU-{UUID}":
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return 7

    def only(values: Any) -> Any:
        def ask(asked: int, *kind: int) -> Any:
            assert asked == 7
            return values[kind[0]] if kind else values

        return ask

    made.nvmlDeviceGetHandleByUUID.side_effect = handle
    made.nvmlSystemGetDriverVersion.side_effect = lambda: "580.65"
    made.nvmlDeviceGetClockInfo.side_effect = only({pynvml.NVML_CLOCK_SM: 1755, pynvml.NVML_CLOCK_MEM: 2619})
    made.nvmlDeviceGetMaxClockInfo.side_effect = only({pynvml.NVML_CLOCK_SM: 1980})
    made.nvmlDeviceGetPowerUsage.side_effect = only(412_345)
    made.nvmlDeviceGetEnforcedPowerLimit.side_effect = only(700_000)
    made.nvmlDeviceGetTemperature.side_effect = only({pynvml.NVML_TEMPERATURE_GPU: 61})
    made.nvmlDeviceGetUtilizationRates.side_effect = only(SimpleNamespace(gpu=98, memory=40))
    made.nvmlDeviceGetCurrentClocksEventReasons.side_effect = only(
        pynvml.nvmlClocksEventReasonSwPowerCap
        | pynvml.nvmlClocksEventReasonGpuIdle
        | pynvml.nvmlClocksEventReasonApplicationsClocksSetting
    )
    return made


def test_the_bits_are_those_of_nvml() -> None:
    known = {
        getattr(pynvml, f"nvmlClocksEventReason{name}")
        for name in (
            "ApplicationsClocksSetting",
            "SwPowerCap",
            "HwSlowdown",
            "SyncBoost",
            "SwThermalSlowdown",
            "HwThermalSlowdown",
            "HwPowerBrakeSlowdown",
            "DisplayClockSetting",
        )
    }
    assert set(nvml._REASONS) == known
    assert set(nvml._CHOSEN) < known


def test_a_gpu_tells_its_state(fake: Any) -> None:
    gpu = nvml.gpu(UUID, fake)
    fake.nvmlInit.assert_called_once_with()
    assert dict(gpu.state()) == {
        "driver": "580.65",
        "sm clock": "1755 MHz",
        "max sm clock": "1980 MHz",
        "memory clock": "2619 MHz",
        "power": "412 W",
        "power limit": "700 W",
        "temperature": "61 C",
        "utilization": "98 %",
        "clock held back by": "applications clocks setting, software power cap",
    }
    assert gpu.throttled() == ("software power cap",)


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        (pynvml.nvmlClocksEventReasonNone, ()),
        (pynvml.nvmlClocksEventReasonGpuIdle, ()),
        (pynvml.nvmlClocksEventReasonHwThermalSlowdown, ("hardware thermal slowdown",)),
        (0x8 | 0x80, ("hardware slowdown", "hardware power brake")),
        (1 << 40, ()),
    ],
)
def test_reasons_have_names(fake: Any, reasons: int, told: tuple[str, ...]) -> None:
    fake.nvmlDeviceGetCurrentClocksEventReasons.side_effect = lambda handle: reasons
    assert nvml.gpu(UUID, fake).throttled() == told


def test_an_older_driver_knows_an_older_name(fake: Any) -> None:
    fake.nvmlDeviceGetCurrentClocksEventReasons.side_effect = pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
    fake.nvmlDeviceGetCurrentClocksThrottleReasons.side_effect = lambda handle: 0x20
    assert nvml.gpu(UUID, fake).throttled() == ("software thermal slowdown",)
    del fake.nvmlDeviceGetCurrentClocksEventReasons
    assert nvml.gpu(UUID, fake).throttled() == ("software thermal slowdown",)


def test_what_is_refused_is_left_out(fake: Any) -> None:
    refusal = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
    for name in ("PowerUsage", "ClockInfo", "CurrentClocksEventReasons", "CurrentClocksThrottleReasons"):
        getattr(fake, f"nvmlDeviceGet{name}").side_effect = refusal
    gpu = nvml.gpu(UUID, fake)
    assert [name for name, _ in gpu.state()] == ["driver", "max sm clock", "power limit", "temperature", "utilization"]
    assert gpu.throttled() == ()


@pytest.mark.parametrize("uuid", [UUID, f"GPU-{UUID}"])
def test_a_gpu_is_found_by_its_uuid(fake: Any, uuid: str) -> None:
    assert nvml.gpu(uuid, fake).state()
    fake.nvmlDeviceGetHandleByIndex.assert_not_called()


def test_a_part_of_a_gpu_is_found_too(fake: Any) -> None:
    asked: list[str] = []

    def handle(uuid: str) -> int:
        asked.append(uuid)
        if not uuid.startswith("MIG-"):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return 7

    fake.nvmlDeviceGetHandleByUUID.side_effect = handle
    assert nvml.gpu(UUID, fake).state()
    assert asked == [f"GPU-{UUID}", f"MIG-{UUID}"]


def test_without_nvml_nothing_is_told(fake: Any) -> None:
    fake.nvmlInit.side_effect = pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    for gpu in (nvml.gpu(UUID, fake), nvml.gpu(UUID, None), nvml.gpu("", fake), nvml.gpu("other", fake)):
        assert (gpu.state(), gpu.throttled()) == ((), ())


def test_the_real_library_tells_nothing_where_there_is_no_gpu_of_that_name() -> None:
    assert nvml.gpu("00000000-0000-0000-0000-000000000000").state() == ()


def test_a_package_that_is_not_installed_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(importlib.import_module("sys").modules, "pynvml", None)
    assert nvml._module() is None


def test_the_device_asks_after_a_batch_and_not_too_often(fake: Any) -> None:
    from tests.models.test_device import FakeCuda, device

    cuda = FakeCuda()
    gpu = device.CudaDevice(1, cuda=cuda, pynvml=fake)
    for _ in range(3):
        gpu.start()
        gpu.synchronize()
        assert gpu.read().throttled == ("software power cap",)
    assert fake.nvmlDeviceGetPowerUsage.call_count == 1
    assert dict(gpu.state)["power"] == "412 W"
    assert fake.nvmlDeviceGetPowerUsage.call_count == 1
