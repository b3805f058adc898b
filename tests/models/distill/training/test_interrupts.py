from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from tests.conftest import ROOT
from tests.models.extras import library

library("torch", "models")
from llmopt.models.distill.training.interrupts import Interrupts  # noqa: E402


def heard_and_interrupted(number: signal.Signals) -> None:
    """Check that the first signal is noted and the second interrupts; in a process of its own, which gets signals."""
    before = signal.getsignal(number)
    with Interrupts() as interrupts:
        assert not interrupts.heard
        signal.raise_signal(number)
        assert interrupts.heard
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_noted_and_the_second_interrupts(number: signal.Signals) -> None:
    code = (
        "import sys; from signal import Signals; "
        "from tests.models.distill.training.test_interrupts import heard_and_interrupted; "
        "heard_and_interrupted(Signals(int(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(int(number))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_handlers_are_put_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyError), Interrupts():
        raise KeyError
    assert signal.getsignal(signal.SIGINT) == before


def test_in_another_thread_signals_are_left_alone() -> None:
    found = []

    def work() -> None:
        with Interrupts():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]


def test_a_handler_outside_of_python_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = signal.getsignal
    before = asked(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(signal, "getsignal", lambda number: None)
        with Interrupts():
            assert asked(signal.SIGINT) == before
    assert signal.getsignal(signal.SIGINT) == before
