"""A screen that is drawn over and over while a log is followed; gone when the report is printed."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from llmopt.report import as_screen
from llmopt.report.render import Screen
from llmopt.report.table import Report


class LiveScreen:
    """Shows one report after the other at the same place of the terminal.

    Args:
        screen: the terminal.
        console: where rich writes; None: stdout.
    """

    def __init__(self, screen: Screen, console: Console | None = None) -> None:
        self._screen = screen
        self._live = Live(
            console=console or Console(width=screen.width, no_color=not screen.color, highlight=False),
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
        )

    def __enter__(self) -> LiveScreen:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, report: Report) -> None:
        """Draw a report over the one before."""
        screen = self._screen
        drawn = as_screen.render(report, screen.width, color=screen.color, boxes=screen.boxes)
        self._live.update(Text.from_ansi(drawn.rstrip("\n")), refresh=True)
