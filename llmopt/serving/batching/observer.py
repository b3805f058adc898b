"""Tells the hooks, and keeps the mean time of a request."""

from __future__ import annotations

from logging import getLogger

from llmopt.serving.batching.hooks import BatchDone, Hooks, Reason
from llmopt.serving.batching.waiting import Pending

LOG = getLogger("llmopt.serving.batching")
NEWEST = 0.2
"""Weight of the newest batch in the mean time of a request."""


class Observer:
    """Passes on what happens; a hook that raises is logged once and harms nothing.

    Args:
        hooks: told of batches and dropped requests; None: nobody is.
        measured: whether the tokens of requests are known.
    """

    def __init__(self, hooks: Hooks | None, measured: bool) -> None:
        self.seconds_each = 0.0
        """Mean time of a request in a batch, newer ones weighing more; 0 before any has run."""
        self._hooks = hooks
        self._measured = measured
        self._logged = False

    def batch(
        self, batch: list[Pending], *, waited_s: float, service_s: float, queued: int, calls: int, failed: int
    ) -> None:
        """Take note of a batch that has run."""
        each = service_s / len(batch)
        self.seconds_each += (each - self.seconds_each) * (NEWEST if self.seconds_each else 1.0)
        if self._hooks is None:
            return
        lengths = [pending[2] for pending in batch] if self._measured else [0]
        done = BatchDone(
            size=len(batch),
            useful_tokens=sum(lengths),
            padded_tokens=len(batch) * max(lengths),
            waited_s=waited_s,
            service_s=service_s,
            queued=queued,
            calls=calls,
            failed=failed,
        )
        try:
            self._hooks.batch_done(done)
        except Exception:  # noqa: BLE001 - it is the user's, and requests must not suffer from it
            self._log()

    def dropped(self, reason: Reason) -> None:
        """Take note of a request that was refused or given up."""
        if self._hooks is None:
            return
        try:
            self._hooks.dropped(reason)
        except Exception:  # noqa: BLE001 - it is the user's, and requests must not suffer from it
            self._log()

    def _log(self) -> None:
        if not self._logged:
            self._logged = True
            LOG.exception("a hook of a batcher failed; further failures are not logged")
