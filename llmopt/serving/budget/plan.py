"""The graph of stages: which waits for which, what inputs a run needs, and how much time each must leave to others."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmopt.errors import UsageError
from llmopt.serving.budget.deadline import TICK_S
from llmopt.serving.budget.stage import Stage

_SLACK = 0.02
"""Of the budget: what the event loop may be late for each stage that has a minimum."""
_MOST_SLACK_S = 0.01


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages in the order of definition, each after those it waits for; replaced by a longer one, never changed."""

    total_s: float
    grace_s: float
    """The part of it that is kept for stages that clean up in the end."""
    inputs: frozenset[str] | None
    """Names of inputs that were declared; None: every parameter that is no stage is one."""
    stages: Mapping[str, Stage] = field(default_factory=dict)
    reserves_s: Mapping[str, float] = field(default_factory=dict)
    """Stage -> time that it leaves to those after it."""

    def with_stage(self, stage: Stage) -> Plan:
        """Return the plan with one stage more.

        Raises:
            UsageError: its name is taken, it takes what nobody gives, an earlier stage takes it (a cycle where it also
                waits for that one), or the stages need more time than there is.
        """
        self._check_name(stage)
        self._check_parameters(stage)
        stages = {**self.stages, stage.name: stage}
        late_s = min(self.slack_s, self._room_s(stages) / len(stages))
        least = _chain(stages, _least, late_s)
        likely = _chain(stages, lambda each: max(each.min_s, each.expected_s or 0.0) + each.fallback_s, late_s)
        reserves = {name: (likely if each.optional else least)[name] for name, each in stages.items()}
        return Plan(self.total_s, self.grace_s, self.inputs, stages, reserves)

    @property
    def slack_s(self) -> float:
        """How much later than planned the event loop may stop one stage and start the next."""
        return min(_SLACK * self.total_s, _MOST_SLACK_S)

    def _room_s(self, stages: Mapping[str, Stage]) -> float:
        """Return the time that the longest chain of what stages cannot do without leaves.

        Raises:
            UsageError: it needs more than there is.
        """
        after = _chain(stages, _least)
        whole = {name: after[name] + _own(each, _least) for name, each in stages.items()}
        name = max(whole, key=lambda each: whole[each])
        room_s = self.total_s - self.grace_s - whole[name]
        if room_s < -TICK_S:
            grace = f" less {self.grace_s:g} s of grace" if self.grace_s else ""
            needed = f"the stages from '{name}' on need at least {whole[name]:g} s"
            raise UsageError(
                f"{needed}, the budget has {self.total_s:g} s{grace}", "lower their min_s, or give the budget more"
            )
        return max(0.0, room_s)

    def waits_for(self, stage: Stage) -> list[str]:
        """Return the stages whose values it takes."""
        return [name for name in stage.call.names if name in self.stages]

    def check_inputs(self, given: Mapping[str, Any]) -> None:
        """Check what a run is given.

        Raises:
            UsageError: an input is missing, or nobody takes it.
        """
        if not self.stages:
            raise UsageError("the budget has no stages", "define them with @budget.stage")
        taken = [name for stage in self.stages.values() for name in _needs(stage) if name not in self.stages]
        missing = [name for name in dict.fromkeys(taken) if name not in given]
        if missing:
            takers = [stage.name for stage in self.stages.values() if missing[0] in _needs(stage)]
            raise UsageError(
                f"stage '{takers[0]}' takes '{missing[0]}', which is neither an earlier stage nor an input of this run",
                _near(missing[0], [*self.stages, *given]) or f"run({missing[0]}=...)",
            )
        known = {name for stage in self.stages.values() for name in _names(stage)} - set(self.stages)
        unknown = [name for name in given if name not in known | (self.inputs or frozenset())]
        if unknown:
            what = "is a stage, not an input" if unknown[0] in self.stages else "is taken by no stage"
            raise UsageError(f"the input '{unknown[0]}' {what}", _near(unknown[0], sorted(known)))

    def _check_name(self, stage: Stage) -> None:
        if stage.name in self.stages:
            raise UsageError(f"there are two stages named '{stage.name}'", "name one of them otherwise (name=...)")
        if stage.name in (self.inputs or ()):
            raise UsageError(f"'{stage.name}' is an input and a stage", "name the stage otherwise (name=...)")
        takers = [each.name for each in self.stages.values() if stage.name in _names(each)]
        if not takers and stage.name not in stage.call.names:
            return
        path = _path(self.stages, takers, stage)
        if path:
            raise UsageError(f"stages wait for each other in a circle: {' -> '.join(path)}", "break it at one of them")
        raise UsageError(
            f"stage '{takers[0]}' takes '{stage.name}', which is defined after it", f"define '{stage.name}' first"
        )

    def _check_parameters(self, stage: Stage) -> None:
        before = _ancestors(self.stages, stage)
        if stage.fallback_call is not None:
            for name in stage.fallback_call.names:
                if name in self.stages and name not in before:
                    raise UsageError(
                        f"the fallback of stage '{stage.name}' takes '{name}', which '{stage.name}' does not wait for",
                        f"let '{stage.name}' take '{name}' too",
                    )
        if self.inputs is None:
            return
        unknown = [name for name in _needs(stage) if name not in self.stages and name not in self.inputs]
        if unknown:
            raise UsageError(
                f"stage '{stage.name}' takes '{unknown[0]}', which is neither an earlier stage nor an input",
                _near(unknown[0], [*self.stages, *sorted(self.inputs)]),
            )


def _needs(stage: Stage) -> tuple[str, ...]:
    return stage.call.needs + (stage.fallback_call.needs if stage.fallback_call else ())


def _names(stage: Stage) -> tuple[str, ...]:
    return stage.call.names + (stage.fallback_call.names if stage.fallback_call else ())


def _ancestors(stages: Mapping[str, Stage], stage: Stage) -> set[str]:
    """Return the stages that a stage waits for, directly or not."""
    found: set[str] = set()
    ahead = [stage]
    while ahead:
        for name in ahead.pop().call.names:
            if name in stages and name not in found:
                found.add(name)
                ahead.append(stages[name])
    return found


def _path(stages: Mapping[str, Stage], takers: Iterable[str], stage: Stage) -> list[str]:
    """Return the circle that a new stage closes, by name; empty where it closes none."""
    if stage.name in stage.call.names:
        return [stage.name, stage.name]
    before = _ancestors(stages, stage)
    for taker in takers:
        if taker in before:
            between = [name for name in stages if name in before and taker in _ancestors(stages, stages[name])]
            return [stage.name, taker, *between, stage.name]
    return []


def _chain(stages: Mapping[str, Stage], need: Callable[[Stage], float], late_s: float = 0.0) -> dict[str, float]:
    """Return for each stage the longest chain of time that those after it need, each of them started so late."""
    found = dict.fromkeys(stages, 0.0)
    for name in reversed(list(stages)):
        own = _own(stages[name], need)
        own += late_s if own else 0.0
        for before in stages[name].call.names:
            if before in stages:
                found[before] = max(found[before], found[name] + own)
    return found


def _own(stage: Stage, need: Callable[[Stage], float]) -> float:
    """Return what a stage needs; of an optional one only its fallback does."""
    return stage.fallback_s if stage.optional else need(stage)


def _least(stage: Stage) -> float:
    return stage.min_s + stage.fallback_s


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean '{close[0]}'?" if close else ""
