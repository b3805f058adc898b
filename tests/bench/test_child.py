"""A model in a process of its own: it answers, it dies in every way, and the next batch finds it alive again."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from llmopt import errors
from llmopt.bench import child
from llmopt.bench.child import ChildTarget
from llmopt.bench.child_process import received, sent, serve
from llmopt.bench.spawned import Child
from llmopt.core.batch import BatchTiming
from llmopt.errors import (
    CheckFailed,
    InputError,
    LlmoptError,
    MissingExtraError,
    OutOfMemory,
    PricingError,
    UsageError,
)
from tests.bench import children
from tests.bench.children import OddFactory
from tests.conftest import ROOT


@pytest.fixture
def target() -> Iterator[ChildTarget]:
    made = ChildTarget(OddFactory())
    yield made
    made.close()


def pid(target: ChildTarget) -> int:
    return int(dict(target.facts().versions)["pid"])


def alive(number: int) -> bool:
    return Path(f"/proc/{number}").exists() if sys.platform == "linux" else False


def test_it_answers_from_another_process(target: ChildTarget) -> None:
    assert pid(target) != os.getpid()
    timing = target.run((3, 5, 4))
    assert isinstance(timing, BatchTiming)
    assert (timing.useful_tokens, timing.padded_tokens) == (12, 15)
    assert timing.wall_s > 0


def test_it_can_be_asked_for_more_than_batches(target: ChildTarget) -> None:
    assert target.pid is None
    assert target.ask("shout", "what", 3) == "WHATWHATWHAT"
    assert target.pid == pid(target)
    with pytest.raises(InputError, match=r"odd: fail failed: a shape$"):
        target.ask("fail", "a shape\nmore")
    with pytest.raises(InputError, match="nothing to say"):
        target.ask("refuse")
    assert target.ask("shout", "again", 1) == "AGAIN"
    target.close()
    assert target.pid is None
    with pytest.raises(UsageError, match="closed"):
        target.ask("shout", "late", 1)


def test_closing_ends_the_process_and_may_be_done_twice(target: ChildTarget) -> None:
    number = pid(target)
    target.close()
    assert not alive(number)
    target.close()
    with pytest.raises(UsageError, match="closed"):
        target.run((1,))
    ChildTarget(OddFactory()).close()


@pytest.mark.parametrize(
    ("odd", "kind", "message"),
    [
        (children.KILLED, OutOfMemory, "was killed"),
        (children.SEGFAULT, InputError, "SIGSEGV"),
        (children.EXIT, InputError, "exit code 3"),
        (children.QUIET_EXIT, InputError, "exit code 0"),
        (children.FORKED, InputError, "exit code 5"),
        (children.BROKEN, InputError, "exit code 1"),
    ],
)
def test_a_process_that_dies_is_told_and_replaced(
    target: ChildTarget, odd: int, kind: type[LlmoptError], message: str
) -> None:
    first = pid(target)
    with pytest.raises(kind, match=message) as caught:
        target.run((odd,))
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert type(caught.value) is kind
    assert target.run((2,)).useful_tokens == 2
    assert pid(target) != first
    assert not alive(first)


def test_a_process_that_was_killed_by_others_is_not_taken_for_one_without_memory(target: ChildTarget) -> None:
    target.run((3, 5))
    for lengths in ((5, 5), (2, 5)):
        first = pid(target)
        os.kill(first, signal.SIGKILL)
        assert target.run(lengths).padded_tokens == 10
        assert pid(target) != first
    os.kill(pid(target), signal.SIGKILL)
    with pytest.raises(OutOfMemory):
        target.run((9,))


def test_a_batch_that_fitted_before_is_tried_again(target: ChildTarget) -> None:
    target.run((children.ONCE_MORE,))
    assert target.run((children.ONCE_MORE,)).useful_tokens == children.ONCE_MORE
    with pytest.raises(OutOfMemory):
        target.run((children.ONCE_MORE,))


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (children.SHORT, "1 results for 2 requests"),
        (children.TEXT, "returned str, not a list"),
        (children.FAILED, "a batch of 2 with up to 1012 tokens failed: CUDA error: device-side assert triggered$"),
    ],
)
def test_wrong_results_are_told_by_a_process_that_lives_on(target: ChildTarget, odd: int, message: str) -> None:
    first = pid(target)
    with pytest.raises(InputError, match=message):
        target.run((odd, 1))
    assert pid(target) == first


@pytest.mark.parametrize(
    ("device", "hardware", "replaced"),
    [("cpu", "frail", False), ("cuda:0", "fake", False), ("cuda:0", "frail", True)],
)
def test_a_gpu_that_does_not_recover_from_running_out_of_memory_gets_a_new_process(
    device: str, hardware: str, replaced: bool
) -> None:
    target = ChildTarget(OddFactory(device, hardware=hardware))
    try:
        first = pid(target)
        with pytest.raises(OutOfMemory, match="out of memory on odd") as caught:
            target.run((children.EXHAUSTED,))
        assert caught.value.hint == "smaller"
        assert (pid(target) != first) is replaced
    finally:
        target.close()


def test_a_call_that_hangs_is_ended_when_the_time_is_up() -> None:
    limits = iter([60.0] * 4 + [0.01] + [60.0] * 9)
    target = ChildTarget(OddFactory(), lambda: next(limits))
    try:
        target.run((1,))
        with pytest.raises(InputError, match="before the time was up") as caught:
            target.run((children.HANG,))
        assert "--max-time" in caught.value.hint
        assert target.run((1,)).useful_tokens == 1
    finally:
        target.close()


def test_a_batch_that_takes_too_long_hangs_whatever_time_remains() -> None:
    target = ChildTarget(OddFactory(), longest_batch_s=0.01)
    assert target.facts().name == "odd"
    with pytest.raises(InputError, match="odd: no answer before the time was up"):
        target.run((children.HANG,))
    target.close()


def test_a_model_that_takes_too_long_to_open_is_told() -> None:
    target = ChildTarget(OddFactory(opens="hang"), lambda: 0.01)
    with pytest.raises(InputError, match="odd: not open yet when the time was up"):
        target.facts()
    target.close()


@pytest.mark.parametrize(("opens", "kind"), [("bad", InputError), ("killed", OutOfMemory)])
def test_a_model_that_cannot_be_opened_is_told(opens: str, kind: type[LlmoptError]) -> None:
    target = ChildTarget(OddFactory(opens=opens))
    for _ in range(2):
        with pytest.raises(kind):
            target.facts()
    target.close()


def test_a_target_that_was_stopped_is_closed_and_its_process_gone() -> None:
    target = ChildTarget(OddFactory())
    number = pid(target)
    target.stop()
    with pytest.raises(UsageError, match="closed"):
        target.run((1,))
    target.close()
    assert not alive(number)


SCRIPT = """
import sys
from llmopt.bench.child import ChildTarget
from tests.bench.children import CHATTY, OddFactory

target = ChildTarget(OddFactory(opens="chatty"))
target.run((CHATTY,))
{end}
print("result")
"""


@pytest.mark.parametrize("end", ["target.close()", "del target", ""])
def test_nothing_of_the_child_reaches_standard_output_nor_is_left_behind(end: str) -> None:
    """The script has no main guard and comes from standard input."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-"], input=SCRIPT.format(end=end), capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, "result\n")
    assert sorted(done.stderr.splitlines()) == ["from below"] * 2 + ["from python"] * 2 + ["opening"]


INTERRUPTED = """
import os, signal, sys, threading
from llmopt.bench.child import ChildTarget
from tests.bench.children import HANG, OddFactory

target = ChildTarget(OddFactory())
number = dict(target.facts().versions)["pid"]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    target.run((HANG,))
except KeyboardInterrupt:
    print("interrupted", os.path.exists(f"/proc/{number}"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_an_interrupt_ends_the_child_quietly() -> None:
    done = subprocess.run([sys.executable, "-"], input=INTERRUPTED, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted False\n", "")


ABANDONED = """
import os, signal, threading
from llmopt.bench.child import ChildTarget
from tests.bench.children import HANG, OddFactory

target = ChildTarget(OddFactory())
target.run((1,))
threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGKILL)).start()
target.run((HANG,))
"""


def test_a_child_whose_parent_was_killed_ends_in_the_middle_of_a_batch() -> None:
    # the child holds standard error open: this returns when it is gone, and fails where that is only after the batch
    done = subprocess.run([sys.executable, "-"], input=ABANDONED, capture_output=True, text=True, cwd=ROOT, timeout=30)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")


def test_a_target_that_is_stopped_while_its_process_starts_stays_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    class Stopping(Child):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)
            stopped.stop()

    monkeypatch.setattr(child, "Child", Stopping)
    stopped = ChildTarget(OddFactory())
    with pytest.raises(UsageError, match="closed"):
        stopped.run((1,))
    assert started[0]._process.poll() is not None


@pytest.mark.parametrize(
    "error",
    [
        InputError("what", "next"),
        OutOfMemory("what"),
        MissingExtraError("torch", "semantic"),
        CheckFailed("what", "next"),
        PricingError("x", "y"),
    ],
)
def test_errors_travel_whole(error: LlmoptError) -> None:
    back = received(pickle.loads(pickle.dumps(sent(error))))
    assert (type(back), back.message, back.hint, str(back)) == (type(error), error.message, error.hint, str(error))


def test_an_error_of_another_layer_arrives_as_its_ancestor() -> None:
    class FullError(UsageError):
        pass

    back = received(sent(FullError("what", "next")))
    assert type(back) is UsageError
    assert isinstance(back, errors.LlmoptError)


def test_the_other_side_of_the_pipe() -> None:
    """What the child does, in a thread of this process."""
    ours, theirs = Pipe()
    frozen = gc.get_freeze_count()
    thread = threading.Thread(target=serve, args=(theirs,))
    thread.start()
    try:
        assert asked(ours, OddFactory()) == (None, None)
        timing, error = asked(ours, ("run", ((3, 5),)))
        assert (timing.padded_tokens, error) == (10, None)
        assert asked(ours, ("run", ((children.EXHAUSTED,),)))[1][0] == "OutOfMemory"
        assert asked(ours, ("facts", ()))[0].name == "odd"
    finally:
        ours.close()
        thread.join(30)
        theirs.close()
    assert not thread.is_alive()
    assert gc.get_freeze_count() > frozen


def test_the_other_side_gives_up_where_nothing_can_be_opened() -> None:
    ours, theirs = Pipe()
    ours.send(OddFactory(opens="bad"))
    serve(theirs)
    assert received(ours.recv()[1]).message == "odd: no such model"
    for pipe in (ours, theirs):
        pipe.close()


def asked(pipe: Any, message: Any) -> Any:
    pipe.send(message)
    assert pipe.poll(10)
    return pipe.recv()
