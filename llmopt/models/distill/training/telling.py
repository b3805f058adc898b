"""How far a training is, in words: `epoch 1.2 of 3, loss 0.081, 4 min left`."""

from __future__ import annotations

from llmopt.models.distill.training.values import Progress

_STEPS = 1000
"""Of a progress bar."""
_SOON = 0.005
"""Share of a run before which no time left is told: it would be a guess."""
_SMOOTH = 0.9


class Telling:
    """Tells how far a training is.

    Args:
        told: whom; None: nobody.
        epochs: to be done; None: as many as there is time for.
        start: share of the run that was done before this process.
    """

    def __init__(self, told: Progress | None, epochs: int | None, start: float) -> None:
        self._told, self._epochs, self._start = told, epochs, start
        self._loss: float | None = None

    def tell(self, progress: float, epoch: float, loss: float, elapsed_s: float) -> None:
        """Tell of a step.

        Args:
            progress: share of the run that is done.
            epoch: passes over the data so far.
            loss: of the last batch.
            elapsed_s: since this process began to train.
        """
        if self._told is None:
            return
        self._loss = loss if self._loss is None else _SMOOTH * self._loss + (1 - _SMOOTH) * loss
        parts = [f"epoch {epoch:.1f}" + (f" of {self._epochs}" if self._epochs else ""), f"loss {self._loss:.3g}"]
        if (done := progress - self._start) >= _SOON:
            parts.append(f"{in_words(elapsed_s / done * (1 - progress))} left")
        self._told(round(progress * _STEPS), _STEPS, ", ".join(parts))


def in_words(duration_s: float) -> str:
    """Return a duration as one would say it."""
    if duration_s < 90:
        return f"{duration_s:.0f} s"
    if duration_s < 5_400:
        return f"{duration_s / 60:.0f} min"
    return f"{duration_s / 3_600:.1f} h"
