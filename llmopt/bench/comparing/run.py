"""The steps of a comparison: read the inputs, open all models, run them in turn, compare their answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from llmopt.bench.comparing import figures
from llmopt.bench.comparing.asked import Asked, Factory, check_together, names_of, opening_order
from llmopt.bench.comparing.judge import Verdict, judged
from llmopt.bench.comparing.opened import Asking, Details
from llmopt.bench.comparing.requests import Requests, requests_of, some
from llmopt.bench.comparing.result import BenchResult
from llmopt.bench.comparing.rounds import Enough, Progress, Rounds
from llmopt.bench.comparing.turns import Turns
from llmopt.bench.guard import Guard
from llmopt.bench.result import Noise
from llmopt.bench.series import Series
from llmopt.core.target import TargetFacts
from llmopt.errors import OutOfMemory, UsageError
from llmopt.models.quality.data import Sample, read_samples

_CALLABLE = "callable"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a test has its own of."""

    target: Callable[[Factory], Asking]
    """Makes what runs a model."""
    settle: Callable[[Sequence[int]], bool]
    """Waits until nothing of these processes runs; says whether that came true."""
    guard: Callable[[], Guard] = Guard
    clock: Callable[[], float] = time.perf_counter


@dataclass(slots=True)
class _Run:
    """A comparison while it runs."""

    models: Sequence[Factory]
    """The base first."""
    asked: Asked
    around: Surroundings
    progress: Progress | None
    warnings: list[str] = field(default_factory=list)
    names: tuple[str, ...] = ()

    def say(self, text: str) -> None:
        """Tell what is being done, where somebody looks."""
        if self.progress:
            self.progress(0, 0, text)


def run(models: Sequence[Factory], asked: Asked, around: Surroundings, progress: Progress | None = None) -> BenchResult:
    """Compare models.

    Args:
        models: how to open them, the base first; a single one is only measured.
        asked: what the user wants.
        around: processes, guard and clock.
        progress: is told how far it is.

    Raises:
        LlmoptError: a model cannot be opened or fails, the models do not go together, or the data cannot be read.
        OutOfMemory: no model can run such batches.
    """
    check_together(asked, len(models))
    began_s = around.clock()
    one = _Run(models, asked, around, progress, names=names_of(models))
    samples = () if asked.data is None else read_samples(asked.data, refused=one.warnings.append)
    with ExitStack() as opened:
        targets = [opened.enter_context(closing(around.target(model))) for model in models]
        details, facts = _opened(one, targets)
        _check_inputs(one, targets, facts, samples)
        requests = requests_of(asked.batch_sizes, asked.seq_lens, _counted(one, targets, samples), facts)
        rounds, noise = _measured(one, targets, requests)
        states = [figures.state(*each) for each in zip(targets, rounds.models, details, facts, strict=True)]
        verdicts = _verdicts(one, targets, facts, samples)
    parts = figures.Parts(one.names, states, verdicts, rounds, noise, requests, one.warnings)
    return figures.result(parts, asked, around.clock() - began_s)


def _opened(one: _Run, targets: Sequence[Asking]) -> tuple[list[Details], list[TargetFacts]]:
    """Open all models before any is measured.

    Raises:
        UsageError: they are not for the same task.
    """
    told = {}
    for at in opening_order(one.models):
        one.say(f"loading {one.names[at]}")
        told[at] = targets[at].facts(), targets[at].ask("details")
    facts, details = [told[at][0] for at in range(len(told))], [told[at][1] for at in range(len(told))]
    differing = [(name, fact.task) for name, fact in zip(one.names, facts, strict=True) if fact.task != facts[0].task]
    if differing:
        name, task = differing[0]
        raise UsageError(
            f"{one.names[0]} is to {_doing(facts[0].task)} and {name} to {_doing(task)}: they cannot be compared",
            "name models for the same task, or say with --task what all of them are to do",
        )
    return details, facts


def _doing(task: str) -> str:
    return "be called" if task == _CALLABLE else task


def _check_inputs(
    one: _Run, targets: Sequence[Asking], facts: Sequence[TargetFacts], samples: Sequence[Sample]
) -> None:
    """Refuse inputs that no answers can be compared on, before the rounds are made.

    Raises:
        InputError: too few different texts, or a label that the base does not know.
    """
    if samples and len(targets) > 1 and facts[0].task != _CALLABLE:
        one.say("looking at the inputs")
        targets[0].ask("check", samples)


def _counted(one: _Run, targets: Sequence[Asking], samples: Sequence[Sample]) -> list[list[int]]:
    """Return the tokens of the texts for each model; none where there are no texts or lengths are given."""
    if not samples or one.asked.seq_lens:
        return []
    one.say("counting tokens")
    texts = some([sample.text for sample in samples])
    return [target.ask("lengths", texts) for target in targets]


def _measured(one: _Run, targets: Sequence[Asking], requests: Sequence[Requests]) -> tuple[Rounds, Noise]:
    """Run all models in turn.

    Raises:
        OutOfMemory: none of them fits at any shape.
    """
    asked, around = one.asked, one.around
    turns = [
        [Turns(target, at, each, Series(each.shape, each.shape.seq_len)) for each in requests]
        for at, target in enumerate(targets)
    ]

    def settle() -> bool:
        return around.settle([target.pid for target in targets if target.pid is not None])

    with closing(around.guard()) as guard:
        enough = Enough(asked.min_rounds, asked.ci, asked.max_time_s)
        rounds = Rounds(turns, enough, guard, settle, around.clock, asked.seed, one.progress)
        rounds.run()
        noise = guard.noise()
    if not any(each.open for model in turns for each in model):
        raise OutOfMemory(f"{one.names[0]}: {turns[0][0].series.reason}", "a smaller --batch-size or --seq-len")
    return rounds, noise


def _verdicts(
    one: _Run, targets: Sequence[Asking], facts: Sequence[TargetFacts], samples: Sequence[Sample]
) -> list[Verdict]:
    """Return what there is to say of the quality of each model but the base."""
    if not samples or len(targets) == 1:
        return [Verdict(None) for _ in targets[1:]]
    if facts[0].task == _CALLABLE:
        return [Verdict(None, "the answers of functions are not compared") for _ in targets[1:]]
    asked = one.asked

    def say(at: int) -> None:
        one.say(f"comparing answers: {one.names[at]}")

    return judged(targets, one.models[0], samples, asked.batch_sizes[0], asked.max_quality_drop, say)
