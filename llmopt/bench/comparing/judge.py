"""How close the answers of each model are to those of the base, each computed in the process that has the model.

Answers of encoders and classifiers are small: those of the base are made once and sent to the others. Those of a
language model are a number for each word it knows at each place, so both models run side by side in one process, and
that of the base is ended before. A process ends as soon as nothing more is asked of it: memory is free for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmopt.bench.comparing.asked import Factory
from llmopt.bench.comparing.opened import Asking
from llmopt.errors import LlmoptError

if TYPE_CHECKING:
    from llmopt.models.quality.data import Sample
    from llmopt.models.quality.result import Quality

_GENERATE = "generate"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The quality of one model."""

    quality: Quality | None
    reason: str = ""
    """Why there is none."""


def judged(
    targets: Sequence[Asking],
    base: Factory,
    samples: Sequence[Sample],
    batch_size: int,
    gate: float | None,
    say: Callable[[int], object],
) -> list[Verdict]:
    """Return a verdict on each model but the first, which is the base; all processes are ended meanwhile.

    Args:
        targets: the models; the base first.
        base: how to open it once more.
        samples: real inputs.
        batch_size: texts of a batch: where a batch shares a scale of activations, answers depend on it.
        gate: most drop that the user lets pass.
        say: is told the place of the model that is looked at.
    """
    say(0)
    try:
        packed = None if targets[0].facts().task == _GENERATE else targets[0].ask("reference", samples, batch_size)
    except LlmoptError as error:
        return [Verdict(None, error.message) for _ in targets[1:]]
    finally:
        targets[0].close()
    verdicts = []
    for at, target in enumerate(targets[1:], 1):
        say(at)
        try:
            if packed is None:
                quality: Quality = target.ask("quality_beside", base, samples, batch_size, gate)
            else:
                quality = target.ask("quality", packed, gate)
            verdicts.append(Verdict(quality))
        except LlmoptError as error:
            verdicts.append(Verdict(None, error.message))
        finally:
            target.close()
    return verdicts
