"""Measure the ways to run one loaded model: search or try each recipe, on as many texts as there is time for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from llmopt.models.auto.candidates import DEFAULT_GATE, chosen, lineages, simplest
from llmopt.models.auto.points import Family, Point
from llmopt.models.auto.progress import Steps
from llmopt.models.auto.search import search
from llmopt.models.auto.sensitivity import Alone, Sensitivity, sensitivities
from llmopt.models.auto.trial import Explored, Measured, Setting, Trials
from llmopt.models.cpu.recipe import Recipe
from llmopt.models.loaded import LoadedModel
from llmopt.models.quality.data import Sample
from llmopt.models.quality.measure import quality, reference
from llmopt.models.quality.result import Quality
from llmopt.models.quantizing.config import QuantizeConfig

MOST_TEXTS, FEWEST_TEXTS = 1_000, 200
"""That a choice is made on at most, and that are used however slow a model is."""
PASS_S = 10.0
"""For what runs today to answer them, about; of slower models fewer texts are used."""
BUDGET_S = 75.0
"""After which nothing is measured that is not needed."""
_ALONE_S = 15.0
"""For all layers alone, about: where they take longer, fewer texts are used."""
_FEW_TOKENS, _FEW_TEXTS = 512, 8
"""That each layer alone is measured on: so many tokens, and so many texts at least."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A loaded model and what to measure its variants with."""

    source: LoadedModel
    build: Callable[[Recipe], LoadedModel]
    """Makes a variant of it."""
    works: tuple[tuple[str, int], ...]
    """Linear layers and the multiplications a token of each."""
    skipped: tuple[str, ...]
    """Those that stay in floating point in any case."""
    choosing: tuple[Sample, ...]
    """Inputs that the choice is made on; none: nothing is known of quality."""
    requests: list[list[int]]
    """The batch that is timed."""


@dataclass(slots=True)
class _Budget:
    """Time that a search may take."""

    clock: Callable[[], float]
    began_s: float
    said: list[str] = field(default_factory=list)
    """Where it was used up, what that means."""

    def more(self) -> bool:
        """Return whether there is time left."""
        if self.clock() - self.began_s < BUDGET_S:
            return True
        self.said.append(f"the search was ended after {BUDGET_S:.0f} s: there may be faster variants within the gate")
        return False


def explore(
    subject: Subject,
    recipes: Sequence[Recipe],
    config: QuantizeConfig,
    steps: Steps,
    *,
    texts: int = MOST_TEXTS,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[Explored, int]:
    """Measure what there is to choose from, and choose.

    Args:
        subject: the model.
        recipes: that this machine can run, the one that runs today first.
        config: of the user.
        steps: told of progress.
        texts: to choose on at most.
        clock: seconds, monotonic.

    Returns:
        What was measured, and the place of the variant to take.
    """
    budget = _Budget(clock, clock())
    names = [name for name, _ in subject.works]
    found = lineages(recipes, config.scheme, skipped=subject.skipped, layers=names)
    steps.foresee(2 * len(found) + (len(names) if config.scheme == "auto" and subject.choosing else 0))
    trials = Trials(_setting(subject, config, steps, budget, texts), found)
    gate = DEFAULT_GATE if config.max_quality_drop is None else config.max_quality_drop
    points = [point for point in _points(trials, gate, budget) if (point.family, point.kept) in trials.measured]
    points.sort(key=lambda point: (point.family, point.kept))
    measured = tuple(trials.measured[point.family, point.kept] for point in points)
    tried = [trial.recipe for trial in measured]
    best, said = simplest(
        chosen(points, tried, config.scheme, gate),
        points,
        tried,
        config.scheme,
        gate,
        lambda one, other: trials.against(tried[one], tried[other]),
    )
    trials.release()
    sensitivity = {layer.name: layer.error for layer in trials.layers}
    told = (*trials.left_out, *budget.said, *([said] if said else []))
    return Explored(tuple(points), measured, sensitivity, told), best


def enough_texts(source: Measured, requests: list[list[int]], samples: Sequence[Sample]) -> int:
    """Return how many of the texts to compare answers on: a slow model has time for fewer.

    Args:
        source: as it runs today.
        requests: a batch to time.
        samples: that there are.
    """
    source.predict(requests)
    began_s = time.perf_counter()
    source.predict(requests)
    token_s = (time.perf_counter() - began_s) / sum(map(len, requests))
    few = source.encode([sample.text for sample in samples[:MOST_TEXTS]])
    text_s = token_s * sum(map(len, few)) / max(len(few), 1)
    return max(min(int(PASS_S / max(text_s, 1e-9)), MOST_TEXTS), FEWEST_TEXTS)


def _points(trials: Trials, gate: float, budget: _Budget) -> tuple[Point, ...]:
    found = trials.lineages
    if trials.setting.quality is None:
        return tuple(Point(at, 0, trials.speed(at, 0), None) for at in range(len(found)))
    if not any(line.layers for line in found):
        return tuple(Point(at, 0, trials.speed(at, 0), trials.drop(at, 0)) for at in range(len(found)))
    families = [Family(len(line.layers), line.always) for line in found]
    points = search(families, trials, gate, more=budget.more)
    plain = [point for point in points if found[point.family].recipe.numbers == "float32"]
    strongest = max(plain, key=lambda point: point.speed)
    if strongest.drop is not None:
        return points
    told = replace(strongest, drop=trials.drop(strongest.family, 0))
    return tuple(told if point is strongest else point for point in points)


def _setting(subject: Subject, config: QuantizeConfig, steps: Steps, budget: _Budget, texts: int) -> Setting:
    source = subject.source
    compare = None
    if subject.choosing:
        steps.tell("answers of the source")
        answers = reference(source, subject.choosing, batch_size=config.batch_size, most=texts)

        def compare(model: Measured) -> Quality:
            return quality(answers, model)

    def alone() -> tuple[Sensitivity, ...]:
        return _sensitivities(subject, config, steps, budget)

    return Setting(source, subject.build, subject.requests, compare, steps, alone)


def _sensitivities(subject: Subject, config: QuantizeConfig, steps: Steps, budget: _Budget) -> tuple[Sensitivity, ...]:
    """Measure each layer alone on a few of the texts."""
    works = [(name, work) for name, work in subject.works if name not in subject.skipped]
    few = _few(subject)
    began_s = budget.clock()
    answers = reference(subject.source, few, batch_size=config.batch_size)
    share = _ALONE_S / max((budget.clock() - began_s) * len(works), 1e-9)
    if share < 1 and len(few) > _FEW_TEXTS:
        fewer = few[: max(_FEW_TEXTS, int(share * len(few)))]
        answers = reference(subject.source, fewer, batch_size=config.batch_size)

    def one(name: str) -> Quality:
        with steps.during(f"effect of {name} alone"):
            return quality(answers, Alone(subject.source, name))

    return sensitivities(works, one, budget.more)


def _few(subject: Subject) -> list[Sample]:
    few: list[Sample] = []
    tokens = 0
    for sample in subject.choosing:
        if tokens >= _FEW_TOKENS and len(few) >= _FEW_TEXTS:
            break
        few.append(sample)
        tokens += len(subject.source.encode([sample.text])[0])
    return few
