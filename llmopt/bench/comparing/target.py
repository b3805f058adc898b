"""A model that takes part in a comparison, as the steps see it: `llmopt.bench.child.ChildTarget` is the real one."""

from __future__ import annotations

from typing import Any, Protocol

from llmopt.bench.target import Target


class Asking(Target, Protocol):
    """Runs batches, and can be asked for what `llmopt.bench.comparing.opened.Opened` tells."""

    @property
    def pid(self) -> int | None:
        """Number of its process; None where it has none of its own."""
        ...

    def ask(self, name: str, *arguments: Any) -> Any:
        """Call a method of `Opened` and return its result."""
        ...
