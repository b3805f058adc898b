"""What runs in the process of one model: opens it, says what that took, counts tokens, and answers real inputs.

Memory is read before the model is opened, with the libraries loaded, so that a figure says what of it is the model's.
Answers of a base model travel to the other processes as bytes: the process between them needs no torch to pass them on.
"""

from __future__ import annotations

import gc
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from llmopt.bench.callables import CallableFactory, words_of
from llmopt.bench.comparing.disk import size_on_disk
from llmopt.bench.target import Target
from llmopt.core.target import DeviceClock, LocalModel, Predictor, TargetFacts
from llmopt.errors import LlmoptError
from llmopt.models.factory import ModelFactory
from llmopt.models.memory import ProcessPeak

if TYPE_CHECKING:
    from llmopt.models.quality.data import Sample
    from llmopt.models.quality.result import Quality

Factory = CallableFactory | ModelFactory
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Details:
    """What opening a model took."""

    libraries_bytes: int | None
    """Held before it was opened. None where the system does not tell; so are the next two."""
    loaded_bytes: int | None
    """Held afterwards."""
    loading_peak_bytes: int | None
    """The most in between."""
    size_bytes: int | None
    """Of its weights on disk; None for a function."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How to open a model and take note of what that takes; can be sent to another process."""

    factory: Factory

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.factory.name

    def open(self) -> Opened:
        """Open the model in this process.

        Raises:
            LlmoptError: it cannot be opened.
        """
        _import_libraries(self.factory)
        gc.collect()
        libraries, peak = resident_bytes(), ProcessPeak()
        peak.start()
        model = self.factory.open()
        most = peak.read()
        gc.collect()
        return Opened(model, Details(libraries, resident_bytes(), most, _size_bytes(self.factory)))


class Opened:
    """An open model; a `llmopt.core.target.LocalModel` that can be asked for more.

    Args:
        model: it.
        details: what opening it took.
    """

    def __init__(self, model: LocalModel, details: Details) -> None:
        self._model: Any = model
        self._details = details

    @property
    def facts(self) -> TargetFacts:
        """What it says of itself."""
        facts: TargetFacts = self._model.facts
        return facts

    @property
    def predictor(self) -> Predictor:
        """How to call it."""
        predictor: Predictor = self._model.predictor
        return predictor

    @property
    def clock(self) -> DeviceClock:
        """How to time it."""
        clock: DeviceClock = self._model.clock
        return clock

    def details(self) -> Details:
        """Return what opening it took."""
        return self._details

    def peak_bytes(self) -> int | None:
        """Return the process's own mark of the most memory held."""
        return ProcessPeak().read()

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of texts, cut to what it reads; words for a function."""
        if not hasattr(self._model, "encode"):
            return [words_of(text) for text in texts]
        limit = self.facts.max_tokens
        return [len(ids) if limit is None else min(len(ids), limit) for ids in self._model.encode(texts)]

    def check(self, samples: Sequence[Sample]) -> None:
        """Refuse inputs that no answers can be compared on, before time is spent on speed.

        Raises:
            InputError: too few different texts, or a label that the model does not know.
        """
        from llmopt.models.quality.measure import check_inputs

        check_inputs(self._model, samples)

    def reference(self, samples: Sequence[Sample], batch_size: int) -> bytes | None:
        """Return its answers in batches of a size, packed for `quality`; None where they are too large to travel."""
        from llmopt.models.quality.measure import reference

        made = reference(self._model, samples, batch_size=batch_size)
        return None if made.holds_model else pickle.dumps(made)

    def quality(self, packed: bytes, gate: float | None) -> Quality:
        """Return how close its answers are to those of another model, which `reference` packed."""
        from llmopt.models.quality.measure import quality

        return quality(pickle.loads(packed), self._model, gate=gate)

    def quality_beside(self, base: Factory, samples: Sequence[Sample], batch_size: int, gate: float | None) -> Quality:
        """Return how close its answers are to those of another model, which is opened here beside it."""
        from llmopt.models.quality.measure import quality, reference

        other: Any = base.open()
        return quality(reference(other, samples, batch_size=batch_size), self._model, gate=gate)


class Asking(Target, Protocol):
    """A model as the steps see it: runs batches, and can be asked for what `Opened` tells; mostly a `ChildTarget`."""

    @property
    def pid(self) -> int | None:
        """Number of its process; None where it has none of its own."""
        ...

    def ask(self, name: str, *arguments: Any) -> Any:
        """Call a method of `Opened` and return its result."""
        ...


def resident_bytes() -> int | None:
    """Return what this process holds in memory now; None where the system does not tell."""
    try:
        lines = _STATUS.read_bytes().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(b"VmRSS:")]
    return int(found[0]) * 1024 if found else None


def _import_libraries(factory: Factory) -> None:
    """Load what opening the model will load; what is missing, opening tells."""
    if isinstance(factory, CallableFactory):
        return
    try:
        factory.import_libraries()
        from llmopt.models.imports import import_modelling
        from llmopt.models.located import located

        import_modelling(located(factory.path))
    except LlmoptError:
        return


def _size_bytes(factory: Factory) -> int | None:
    if isinstance(factory, CallableFactory):
        return None
    from llmopt.models.located import located

    return size_on_disk(located(factory.path))
