"""Any Python callable from a list to a list as a `LocalModel`: `package.module:name` or `path/file.py:name`.

A callable knows no tokens: its requests are texts of so many words, or the values of a file that the user names, one
after the other and over again, whatever length is asked for. The length of a text is its number of words; of any other
value, the words of its JSON. The callable has to return results on the host: nothing else is waited for.

The user's code is imported from the current folder, as `python -m` does. What it prints while it is imported goes to
standard error; what it raises is told with its type and place.
"""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from llmopt.bench.imported import imported, told
from llmopt.bench.inputs import read_inputs
from llmopt.core.target import DeviceClock, DeviceReading, LocalModel, Predictor, TargetFacts
from llmopt.errors import InputError, LlmoptError, OutOfMemory
from llmopt.models.exhaustion import is_exhausted
from llmopt.models.memory import ProcessPeak
from llmopt.models.processor import processor_name

_TEXT = (
    "the report says that most of our orders arrive on time while some are late because a road was closed and no "
    "other way was open before noon which made several people call twice for news about their parcel"
)


@dataclass(frozen=True, slots=True)
class CallableFactory:
    """How to open a callable, as a value that can be sent to another process."""

    spec: str
    """`package.module:name` or `path/file.py:name`."""
    inputs: str | None = None
    """File with requests; None: texts of so many words."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.spec

    def open(self) -> LocalModel:
        """Import the callable in this process.

        Raises:
            LlmoptError: see `open_callable`.
        """
        return open_callable(self.spec, self.inputs)


class CallableModel:
    """A callable; a `llmopt.core.target.LocalModel`. Made by `open_callable`.

    Args:
        spec: what the user calls it.
        function: from a list to a list of the same length.
        values: requests to send, in turn; None: texts of so many words.
    """

    def __init__(self, spec: str, function: Callable[[list[Any]], Any], values: Sequence[Any] | None = None) -> None:
        self._spec = spec
        self._function = function
        self._random = random.Random(0)
        self._words = _TEXT.split()
        self._values = None if values is None else cycle(values)
        self._predictor = Predictor(predict=self.predict, item=self._item, length=words_of)
        self._clock = _ProcessClock()

    @property
    def facts(self) -> TargetFacts:
        """What there is to say of it."""
        return TargetFacts(name=self._spec, task="callable", device="cpu", device_name=processor_name())

    @property
    def predictor(self) -> Predictor:
        """How to call it."""
        return self._predictor

    @property
    def clock(self) -> DeviceClock:
        """The host's clock, with the peak of memory of this process."""
        return self._clock

    def predict(self, requests: list[Any]) -> list[Any]:
        """Call it; arrays and tuples become lists.

        Raises:
            InputError: it raises, or returns something without a length or what a GPU may still be at work on.
            OutOfMemory: it says that memory ran out.
        """
        try:
            results = self._function(requests)
        except LlmoptError:
            raise
        except Exception as error:  # the user's code raises what it likes
            if is_exhausted(error):
                raise OutOfMemory(f"{self._spec}: out of memory: {told(error)}", "a smaller batch") from error
            raise InputError(f"{self._spec} raised {told(error)}", "call it by itself with such a list") from error
        listed = results if isinstance(results, list) else _listed(results)
        if listed is None:
            raise InputError(
                f"{self._spec} returned {_an(results)}, not a list", "return a list with one result for each request"
            )
        place = getattr(listed[0] if listed else None, "device", None)  # of a tensor of torch
        if getattr(place, "type", "cpu") != "cpu":
            raise InputError(
                f"{self._spec} returned {_an(listed[0])} on {place}, which may still be at work", "return it .cpu()"
            )
        return listed

    def _item(self, words: int) -> Any:
        if self._values is not None:
            return next(self._values)
        return " ".join(self._random.choices(self._words, k=words))


def open_callable(spec: str, inputs: str | None = None) -> CallableModel:
    """Import a callable.

    Args:
        spec: `package.module:name` or `path/file.py:name`; the name may have dots.
        inputs: file with requests: JSON lines (`.jsonl`, `.ndjson`), a JSON list (`.json`), or else lines of text.

    Raises:
        UsageError: not a name of this form.
        InputError: no such module, file or name; its import fails; it is not callable, or a coroutine function;
            the file of requests cannot be read or is empty.
    """
    found = imported(spec)
    if not callable(found):
        raise InputError(f"{spec} is {_an(found)} and cannot be called", "name a function from a list to a list")
    if _is_async(found):
        raise InputError(
            f"{spec} is a coroutine function; a plain one is needed", "wrap it: `lambda x: asyncio.run(f(x))`"
        )
    return CallableModel(spec, found, None if inputs is None else read_inputs(inputs))


def words_of(value: Any) -> int:
    """Return the words of a text, or of the JSON of another value; at least 1."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return max(1, len(text.split()))


class _ProcessClock:
    def __init__(self) -> None:
        self._peak = ProcessPeak()

    def start(self) -> None:
        self._peak.start()

    def synchronize(self) -> None:
        """Do nothing: a callable is done when it returns."""

    def read(self) -> DeviceReading:
        return DeviceReading(peak_memory_bytes=self._peak.read())


def _listed(results: Any) -> list[Any] | None:
    """Return an array or a tuple as a list; None for what has no elements in an order."""
    if not hasattr(results, "__len__") or isinstance(results, str | bytes | dict | set):
        return None
    try:
        return list(results)
    except TypeError:  # an array of no dimension has a length and yet has none
        return None


def _is_async(found: Any) -> bool:
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    return any(kind(function) for kind in kinds for function in (found, getattr(found, "__call__", None)))  # noqa: B004


def _an(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
