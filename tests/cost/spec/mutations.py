"""Spoil log records in every way that real logs are spoiled, and some that they are not yet."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from llmopt.cost.spec.expr import Call, Const, In, Path, Step, walk
from llmopt.cost.spec.load import Spec

Json = Any
Steps = tuple[Step, ...]
MISSING = object()
"""Stands for a key that is taken away."""

NUMBERS: tuple[Json, ...] = (
    *(0, 1, 2, 5, -1, -3, 1000, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63, 2**64, 10**15, 10**16, 10**30),
    *(0.0, -0.0, 0.25, 1.5, 1024.0, 1e3, 1e15, 1e16, 1e17, 1e22),
)
DIGITS: tuple[Json, ...] = (
    *("0", "1", "5", "12", "007", "+5", "-3", " 12 ", "1_000", "1,000", "1.0", "1.5", "1e3", "1E3", "0x10"),
    *("4294967295", "4294967296", "1" * 16, "1" * 30, "1" * 41),
)
TEXTS: tuple[Json, ...] = (
    *("", " ", "abc", "true", "True", "false", "null", "None", "NaN", "inf", "-Infinity", "x'y", 'say "x"', "a\\b"),
    *("\u00e9", "\u00df", "\U0001f600", "two\nlines", "tab\there", "a\x1fb", "{", '{"a": 1}', "[1, 2]", "[]"),
)
SHAPES: tuple[Json, ...] = (True, False, None, MISSING, MISSING, [], {}, [1], [None], ["x", "y"], {"a": 1}, {"a": None})
TIERS: tuple[Json, ...] = (
    *("default", "standard", "auto", "on_demand", "ON_DEMAND", "batch", "flex", "Flex", "priority", "fast", "scale"),
    *("premium", "reserved", "provisioned_throughput"),
)
TIMES: tuple[Json, ...] = (
    *(1_741_064_767, 1_741_064_767.123456, 1_741_064_767_123, 1_741_064_767_123_456, 1_741_064_767_123_456_789),
    *("1741064767", "1741064767.5", "1741064767123", "1741064767123456789", "1741064767 ", -1, 1e11, 1e14, 1e17, 1e18),
    *("2025-03-04T05:06:07Z", "2025-03-04T05:06:07z", "2025-03-04T05:06:07.1Z", "2025-03-04T05:06:07.123456789Z"),
    *("2025-03-04T05:06:07+02:00", "2025-03-04T05:06:07+0200", "2025-03-04T05:06:07+02", "2025-03-04T05:06:07-05:30"),
    *("2025-03-04T05:06:07", "2025-03-04 05:06:07", "2025-03-04 05:06:07.25 UTC", "2025-03-04 05:06:07 +00:00"),
    *("2025-03-04T05:06Z", "2025-03-04T05:06", "2025-03-04", "2025-03", "2025", "20250304"),
    *("20250304T050607Z", "2025-063", "2025-3-4", "2025/03/04", "2025-02-30", "0001-01-01T00:00:00"),
    *("2025-13-01T00:00:00Z", "2025-03-04T05:06:60Z", "2025-03-04T05:06:07,5Z", "2025-03-04T05:06:07 Z", "05:06:07"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "10000-01-01T00:00:00Z", "1969-12-31T23:59:59.5Z"),
    *("Tue, 04 Mar 2025 05:06:07 GMT", "2025-03-04T05:06:07 Europe/Berlin", "epoch", "infinity", "-infinity", "now"),
    *(" 2025-03-04T05:06:07Z ", "2025-03-04T05:06:07Zjunk", "2025-03-04T05:06:07.000+00:00", "yesterday", "-5-3"),
)
# Not here, for the two readers differ and neither matters: "24:00", hours without minutes and ISO weeks as instants,
# digits of other scripts, numbers with a negative exponent ("15e-1" as a count, 1.5e-7 as an instant), keys twice,
# letters whose lower case is two or depends on their neighbours.
POOL = (*NUMBERS, *DIGITS, *TEXTS, *SHAPES, *TIERS, *TIMES)


def values(spec: Spec) -> st.SearchStrategy[Json]:
    """Anything that a leaf could hold; half of the time a small count or a word that the spec looks for."""
    words = sorted({word for expr in spec.expressions() for node in walk(expr) for word in _words(node)} | {"x"})
    fitting = st.sampled_from([*words, *range(4), *(str(n) for n in range(4)), MISSING, None])
    texts = st.text(alphabet="abXY 09._-:/+'\"\\{}[],\n\t\0\u00e9\U0001f600", max_size=12)
    return st.one_of(fitting, st.sampled_from(POOL), st.sampled_from(POOL), st.integers(-(2**40), 2**40), texts)


@st.composite
def spoiled(draw: st.DrawFn, spec: Spec, records: Sequence[Json], most: int = 3) -> Json:
    """One of the records with up to `most` values replaced, of those that the spec looks at."""
    record = copy.deepcopy(draw(st.sampled_from(records)))
    for _ in range(draw(st.integers(1, most))):
        places = targets(spec, record)
        place = places[draw(st.integers(0, len(places) - 1))]
        put(record, place, draw(values(spec)))
    return record


def targets(spec: Spec, record: Json) -> list[Steps]:
    """Return where in the record the spec looks, there or not, and every leaf of the lists it searches."""
    lists = [*spec.rows]
    fronts: list[list[Steps]] = [[() if spec.in_list else spec.wrapper]]
    for steps in lists:
        fronts.append([(*place, *steps, n) for place in fronts[-1] for n in range(_length(record, (*place, *steps)))])
    levels = fronts[1:] if spec.in_list else fronts
    found: dict[Steps, None] = {}
    for expr in spec.expressions():
        for node in walk(expr):
            if not isinstance(node, Path):
                continue
            starts = [()] if node.level == -2 else levels[node.level]
            for start in starts:
                place = (*start, *node.steps)
                found.update({place[:n]: None for n in range(len(start) + 1, len(place) + 1)})
                found.update({(*place, *inner): None for inner in _leaves(_get(record, place))})
    return list(found)


def put(record: Json, place: Steps, value: Json) -> None:
    """Set the value at `place`, with what is missing on the way; give up where something else is in the way."""
    for step, following in itertools.pairwise(place):
        if isinstance(record, dict):
            if record.get(str(step)) is None:
                record[str(step)] = [] if isinstance(following, int) else {}
            record = record[str(step)]
        elif isinstance(record, list) and isinstance(step, int) and step < len(record):
            record = record[step]
        else:
            return
    last = place[-1]
    if isinstance(record, dict) and isinstance(last, str):
        if value is MISSING:
            record.pop(last, None)
        else:
            record[last] = copy.deepcopy(value)
    elif isinstance(record, list) and isinstance(last, int) and value is not MISSING:
        record[last : last + 1] = [copy.deepcopy(value)]


def wrapped(record: Json, wrapper: tuple[str, ...]) -> Json:
    """Put a bare body where a variant of the spec looks for it."""
    for step in reversed(wrapper):
        record = {step.removesuffix("[]"): [record]} if step.endswith("[]") else {step: record}
    return record


def _words(node: object) -> Iterator[str]:
    match node:
        case Const(value=str(word)):
            yield word
        case In(values=words):
            yield from words
        case Call(name="attr" | "pick", args=(_, *rest)):
            yield from (str(arg.value) for arg in rest if isinstance(arg, Const))


def _get(record: Json, place: Steps) -> Json:
    for step in place:
        if isinstance(record, dict) and isinstance(step, str):
            record = record.get(step)
        elif isinstance(record, list) and isinstance(step, int) and step < len(record):
            record = record[step]
        else:
            return None
    return record


def _length(record: Json, place: Steps) -> int:
    found = _get(record, place)
    return len(found) if isinstance(found, list) else 0


def _leaves(value: Json) -> Iterator[Steps]:
    """Places below a list (attributes, details by modality); objects are reached by the spec's own paths."""
    if isinstance(value, list):
        for n, item in enumerate(value):
            yield (n,)
            yield from ((n, *inner) for inner in _below(item))


def _below(value: Json) -> Iterator[Steps]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (key,)
            yield from ((key, *inner) for inner in _below(item))
    else:
        yield from _leaves(value)
