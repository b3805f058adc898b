"""Ctrl-C and SIGTERM while a student trains: heard at once, heeded when the step is done.

An interruption in the middle of an update would leave half of the weights as they were before it.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_HEARD = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """A context manager that notes the first signal; a second one interrupts at once.

    Elsewhere than in the main thread no signal arrives, and nothing is done. Nor is it with a signal that a program
    around Python handles: its handler could not be put back.

    Attributes:
        heard: whether there was one.
    """

    def __init__(self) -> None:
        self.heard = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            own = [number for number in _HEARD if signal.getsignal(number) is not None]
            self._before = {number: signal.signal(number, self._hear) for number in own}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.heard:
            raise KeyboardInterrupt
        self.heard = True
