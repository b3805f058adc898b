"""Stores across `os.fork`: locks must not be left held, nor files shared, in the child.

An SQLite connection must not be carried into a forked process (sqlite.org/howtocorrupt.html, section 2.6), and neither
may what SQLite remembers of the locks on a file. So everything is closed before the fork, and opened again on use.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Something that has to know of forks."""

    def before_fork(self) -> None:
        """Let go of files and threads, and take the locks."""
        ...

    def after_fork(self, *, child: bool) -> None:
        """Release the locks; a child has none of the other threads."""
        ...


_LIVE: WeakSet[Forked] = WeakSet()
_PAUSED: list[Forked] = []


def watch_forks(store: Forked) -> None:
    """Tell something of every fork for as long as it lives."""
    _LIVE.add(store)


def _before() -> None:
    for store in list(_LIVE):
        store.before_fork()
        _PAUSED.append(store)


def _after(*, child: bool) -> None:
    while _PAUSED:
        _PAUSED.pop().after_fork(child=child)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=lambda: _after(child=False), after_in_child=lambda: _after(child=True)
    )
