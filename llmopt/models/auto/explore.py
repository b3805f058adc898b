"""Measure the ways to run one loaded model: order its layers by their effect, then search or try each recipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmopt.models.auto.alone import Alone
from llmopt.models.auto.candidates import DEFAULT_GATE, lineages
from llmopt.models.auto.explored import Explored
from llmopt.models.auto.points import Family, Point
from llmopt.models.auto.search import search
from llmopt.models.auto.sensitivity import Sensitivity, order, remaining, sensitivities
from llmopt.models.auto.steps import Steps
from llmopt.models.auto.trial import Lineage, Measured, Setting, Trials
from llmopt.models.cpu.build import build
from llmopt.models.cpu.recipe import TUTORIAL, Recipe
from llmopt.models.loaded import LoadedModel
from llmopt.models.quality.data import Sample
from llmopt.models.quality.measure import quality, reference
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.config import QuantizeConfig

MOST_TEXTS = 1_000
"""That a choice is made on, at most."""
BUDGET_S = 120.0
"""After which nothing is measured that is not needed."""
_ALONE_S = 20.0
"""For all layers alone, about: where they take longer, fewer texts are used."""
_FEW_TOKENS, _FEW_TEXTS = 1_024, 8
"""That each layer alone is measured on: so many tokens, and so many texts at least."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A loaded model and what to measure its variants with."""

    source: LoadedModel
    works: tuple[tuple[str, int], ...]
    """Linear layers and the multiplications a token of each."""
    skipped: tuple[str, ...]
    """Those that stay in floating point in any case."""
    choosing: tuple[Sample, ...]
    """Inputs that the choice is made on; none: nothing is known of quality."""
    requests: list[list[int]]
    """The batch that is timed."""


def explore(
    subject: Subject,
    recipes: Sequence[Recipe],
    config: QuantizeConfig,
    steps: Steps,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Explored:
    """Measure what there is to choose from.

    Args:
        subject: the model.
        recipes: that this machine can run, the one that runs today first.
        config: of the user.
        steps: told of progress.
        clock: seconds, monotonic.
    """
    began_s = clock()
    left_out: list[str] = []

    def more() -> bool:
        if clock() - began_s < BUDGET_S:
            return True
        left_out.append(f"the search was ended after {BUDGET_S:.0f} s: there may be faster variants within the gate")
        return False

    layers = _sensitivities(subject, steps, clock) if config.scheme == "auto" and subject.choosing else ()
    found = lineages(recipes, config.scheme, skipped=subject.skipped, order=order(layers))
    steps.foresee(2 * len(found))
    trials = Trials(_setting(subject, config, steps), found)
    points = _points(trials, found, layers, config, more)
    trials.release()
    measured = (point for point in points if (point.family, point.kept) in trials.measured)
    kept = sorted(measured, key=lambda point: (point.family, point.kept))
    return Explored(
        tuple(kept),
        tuple(trials.measured[point.family, point.kept] for point in kept),
        {layer.name: layer.error for layer in layers},
        (*trials.left_out, *left_out),
    )


def _points(
    trials: Trials,
    found: Sequence[Lineage],
    layers: Sequence[Sensitivity],
    config: QuantizeConfig,
    more: Callable[[], bool],
) -> tuple[Point, ...]:
    if trials.setting.quality is None:
        return tuple(Point(at, 0, trials.speed(at, 0), None) for at in range(len(found)))
    if not layers:
        return tuple(Point(at, 0, trials.speed(at, 0), trials.drop(at, 0)) for at in range(len(found)))
    left = remaining(layers)
    families = [_family(line, left) for line in found]
    gate = DEFAULT_GATE if config.max_quality_drop is None else config.max_quality_drop
    return search(families, trials, gate, more=more)


def _family(line: Lineage, left: tuple[float, ...]) -> Family:
    """Baselines and the tutorial's recipe are always told."""
    always = line.recipe.numbers == "float32" or line.recipe.name == TUTORIAL.name
    return Family(left if line.order else (1.0,), always)


def _setting(subject: Subject, config: QuantizeConfig, steps: Steps) -> Setting:
    source = subject.source
    compare = None
    if subject.choosing:
        answers = reference(source, subject.choosing, batch_size=config.batch_size, most=MOST_TEXTS)

        def compare(model: Measured) -> Quality:
            return quality(answers, model)

    return Setting(source, lambda recipe: build(source, recipe), subject.requests, compare, steps.step)


def _sensitivities(subject: Subject, steps: Steps, clock: Callable[[], float]) -> tuple[Sensitivity, ...]:
    """Measure each layer alone on a few of the texts."""
    works = [(name, work) for name, work in subject.works if name not in subject.skipped]
    steps.foresee(len(works))
    few = _few(subject)
    answers = reference(subject.source, few)
    began_s = clock()
    answers = reference(subject.source, few)
    share = _ALONE_S / max((clock() - began_s) * len(works), 1e-9)
    if share < 1 and len(few) > _FEW_TEXTS:
        answers = reference(subject.source, few[: max(_FEW_TEXTS, int(share * len(few)))])
    return sensitivities(works, lambda name: quality(answers, Alone(subject.source, name)), steps.step)


def _few(subject: Subject) -> list[Sample]:
    few: list[Sample] = []
    tokens = 0
    for sample in subject.choosing:
        if tokens >= _FEW_TOKENS and len(few) >= _FEW_TEXTS:
            break
        few.append(sample)
        tokens += len(subject.source.encode([sample.text])[0])
    return few
