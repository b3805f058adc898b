"""`llmopt cost --follow`: look again and again, show each look, and end with the whole report.

Ctrl-C (and SIGTERM, which services are stopped with) ends the looking, not the command: what was seen is printed, and
the exit code is that of the report. A second Ctrl-C ends at once.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from llmopt.cli.cost_asked import Asked, Typed
from llmopt.cli.output import Destination, screen, to_stdout
from llmopt.cost.baseline import Baseline, compare
from llmopt.cost.follow.pace import Pace, Tick
from llmopt.cost.follow.stream import Stream
from llmopt.cost.follow.ticks import Follow
from llmopt.cost.gates import Limits, failed_checks
from llmopt.cost.prepared import prepare
from llmopt.cost.result import CostReport
from llmopt.errors import InputError
from llmopt.report.follow_view import json_line, line, live
from llmopt.report.text import clean

Show = Callable[[Tick], None]
_Handler = Callable[[int, FrameType | None], Any] | int | None


class Stop:
    """Whether to stop; handlers of signals may set it, since it takes no lock that who waits could hold."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self.is_set = False

    def set(self) -> None:
        """End the waiting, now and from now on."""
        self.is_set = True
        os.write(self._writer, b"\0")

    def wait(self, seconds: float) -> bool:
        """Wait for so many seconds, or until it is set; say whether it is."""
        select.select([self._reader], [], [], seconds)
        return self.is_set

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._reader)
        os.close(self._writer)


def follow(typed: Typed, read: Asked, to: Destination, earlier: Baseline | None) -> CostReport:
    """Follow what the user named until it ends, a limit is broken or the user has seen enough.

    Args:
        typed: all options.
        read: the same, read.
        to: where the report goes.
        earlier: what it is compared with; None: with nothing.

    Returns:
        the report on everything that was seen.

    Raises:
        InputError: a path does not exist, or nothing in what ended by itself could be read.
        KeyboardInterrupt: the user stopped it before there was anything to report.
    """
    paths = list(typed.logs)
    prepared = prepare(**read.options)
    stream = Stream(_stdin()) if "-" in paths else None

    def crossed(report: CostReport) -> bool:
        comparison = compare(report, earlier) if earlier else None
        return bool(failed_checks(report, _sure(read.limits, report), comparison))

    with ExitStack() as opened:
        stopped = opened.enter_context(closing(Stop()))
        following = opened.enter_context(Follow(paths, prepared, stream))
        with ExitStack() as shown, _until_stopped(stopped):
            show = _shower(read, to, shown)
            watch(following, show, stopped.wait, crossed, every_s=read.every_s)
        for note in () if to.quiet else following.notes:
            sys.stderr.write(f"llmopt: note: {clean(note)}\n")
        try:
            return following.finish()
        except InputError:
            if stopped.is_set:
                raise KeyboardInterrupt from None
            raise


def watch(
    following: Follow,
    show: Show,
    wait: Callable[[float], bool],
    crossed: Callable[[CostReport], bool],
    *,
    every_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Look, show and wait, until there is nothing more to come.

    Args:
        following: the log.
        show: is given each look.
        wait: waits for so many seconds; says whether to stop.
        crossed: says of a report whether a limit is broken.
        every_s: between two looks; there is no wait while what was there before is read.
        clock: seconds, never going back.
    """
    pace = Pace()
    while True:
        report = following.tick()
        show(pace.tick(report, clock(), behind=following.more))
        if following.ended or crossed(report) or wait(0.0 if following.more else every_s):
            return


def _sure(limits: Limits, report: CostReport) -> Limits:
    """Return the limits that can be told by now: of a month only when the log spans the hour that it takes."""
    return replace(limits, max_monthly_usd=limits.max_monthly_usd if report.monthly_usd is not None else None)


def _shower(read: Asked, to: Destination, opened: ExitStack) -> Show:
    """Return what shows a look: a live screen on a terminal, lines in a pipe, nothing beside CSV and its like."""
    terminal = screen()
    if to.quiet or (to.path is None and to.format not in ("table", "json")):
        return _unseen
    if to.path is None and to.format == "json":
        return lambda tick: to_stdout(json_line(tick, _now(), read.top) + "\n")
    if terminal is None:
        return lambda tick: to_stdout(clean(line(tick, _now())) + "\n")
    from llmopt.report.follow_screen import LiveScreen  # rich takes 50 ms to load, and a pipe does not need it

    drawn = opened.enter_context(LiveScreen(terminal))
    return lambda tick: drawn.show(live(tick, top=read.top, boxes=terminal.boxes))


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _unseen(tick: Tick) -> None:
    """Show nothing."""


@contextmanager
def _until_stopped(stopped: Stop) -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into an event; the second one does what it always does."""
    before: dict[signal.Signals, _Handler] = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)
    }

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as Python calls it
        stopped.set()
        _restore(before)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        _restore(before)


def _restore(handlers: dict[signal.Signals, _Handler]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _stdin() -> int:
    if sys.stdin is None:
        raise InputError("standard input is closed", "pipe something in, or name a file in place of -")
    return sys.stdin.fileno()
