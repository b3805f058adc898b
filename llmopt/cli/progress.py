"""One line on stderr that says how far a long run is; only on a terminal, and gone when the result is printed."""

from __future__ import annotations

import shutil
import sys
from types import TracebackType

from llmopt.report.text import clean


class ProgressLine:
    """Rewrites its line at each call and removes it at the end.

    Args:
        quiet: never show it.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.shown = not quiet and sys.stderr.isatty()
        self._used = 0

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("")

    def __call__(self, done: int, total: int, text: str) -> None:
        """Show what is done, of how much, and what is being done."""
        share = f"{100 * done // total}% " if total else ""
        self._write(clean(f"{share}{text}")[: shutil.get_terminal_size().columns - 1])

    def _write(self, text: str) -> None:
        if not self.shown or (not text and not self._used):
            return
        sys.stderr.write(f"\r{text}{' ' * (self._used - len(text))}{'' if text else chr(13)}")
        sys.stderr.flush()
        self._used = len(text)
