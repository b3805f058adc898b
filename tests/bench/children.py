"""A model for the tests of child processes: what it does, the length of the first request says."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

from llmopt.core.target import DeviceClock, DeviceReading, Predictor, TargetFacts
from llmopt.errors import InputError, OutOfMemory

KILLED, SEGFAULT, EXIT, HANG, EXHAUSTED, CHATTY, SHORT, BROKEN, TEXT, QUIET_EXIT, FORKED, FAILED, ONCE_MORE = range(
    1001, 1014
)


class HostClock:
    """The clock of a target that is done when its function returns, and of which nothing else is known."""

    def start(self) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def read(self) -> DeviceReading:
        return DeviceReading()


@dataclass(frozen=True, slots=True)
class OddFactory:
    """Opens an `OddModel`; as `device` says, or fails as `opens` says."""

    device: str = "cpu"
    opens: str = ""
    hardware: str = "fake"
    name: str = "odd"

    def open(self) -> OddModel:
        if self.opens == "bad":
            raise InputError("odd: no such model", "try another")
        if self.opens == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.opens == "chatty":
            sys.stdout.write("opening\n")
        if self.opens == "hang":
            time.sleep(60)
        return OddModel(self.device, self.hardware)


class OddModel:
    def __init__(self, device: str, hardware: str) -> None:
        self.spent = False
        self.seen = 0
        self.facts = TargetFacts("odd", "callable", device, hardware, versions=(("pid", str(os.getpid())),))
        self.predictor = Predictor(predict=self.predict, item=lambda words: [0] * words, length=len)
        self.clock: DeviceClock = HostClock()

    def shout(self, text: str, times: int) -> str:
        return text.upper() * times

    def fail(self, said: str) -> None:
        raise RuntimeError(said)

    def refuse(self) -> None:
        raise InputError("nothing to say")

    def predict(self, requests: list[Any]) -> list[Any]:
        odd = len(requests[0])
        die(odd)
        if odd == HANG:
            time.sleep(60)
        if odd == EXHAUSTED:
            self.spent = self.facts.device_name == "frail"
            raise OutOfMemory("out of memory on odd", "smaller")
        self.seen += odd == ONCE_MORE
        if odd == ONCE_MORE and self.seen in (3, 5, 6):  # the first two are the start of the process
            raise OutOfMemory("out of memory for once")
        if odd == CHATTY:
            sys.stdout.write("from python\n")
            os.write(1, b"from below\n")
        if odd == BROKEN:
            raise ValueError("a bug")
        if odd == FAILED or (odd == 1 and self.spent):
            raise RuntimeError("CUDA error: device-side assert triggered\nmore")
        return "text" if odd == TEXT else requests[:-1] if odd == SHORT else requests  # type: ignore[return-value]


def die(odd: int) -> None:
    if odd in (KILLED, SEGFAULT):
        os.kill(os.getpid(), signal.SIGKILL if odd == KILLED else signal.SIGSEGV)
    if odd in (EXIT, QUIET_EXIT):
        os._exit(3 if odd == EXIT else 0)
    if odd == FORKED:
        if os.fork():
            os._exit(5)
        time.sleep(1)
        os._exit(0)
