"""When requests come and how long they are: at random at some rate, or as a log has them.

Requests of many users who do not know of each other come as a Poisson process: the gaps between them are exponential.
A log says better how they come in bunches; its pattern is replayed at any rate by stretching time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt.cost.traffic import Traffic
from llmopt.errors import InputError, MissingExtraError, UsageError

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError as error:
    raise MissingExtraError(error.name or "numpy", "bench") from error

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Workload:
    """The requests to expect, at any rate."""

    lengths: tuple[int, ...]
    """Tokens of requests, to draw from; with `paired`, those of the requests of the pattern, in its order."""
    rate_per_s: float | None = None
    """The user's own rate of requests; None: not known."""
    pattern_s: tuple[float, ...] = ()
    """When the requests of a log came, in seconds from its first, ascending; empty: a Poisson process."""
    paired: bool = False
    notes: tuple[str, ...] = ()
    """What of the logs is not in it, a sentence each."""

    @property
    def same_length(self) -> bool:
        """Whether all requests have one length."""
        return len(set(self.lengths)) == 1

    @property
    def mean_tokens(self) -> float:
        """Tokens of a request."""
        return sum(self.lengths) / len(self.lengths)

    def drawn(self, count: int, seed: int = 0) -> tuple[Floats, Ints]:
        """Return arrival times for a rate of 1 a second (divide by the rate for any other) and lengths.

        A log shorter than `count` is repeated end to end; of a longer one, the requests from a random place on.
        """
        if not self.pattern_s:
            return poisson(1.0, count, seed), self._lengths(count, seed)
        times = replayed(self.pattern_s, 1.0)
        start = int(np.random.default_rng((seed, 3)).integers(0, len(times))) if seed else 0
        period = float(times[-1]) + 1.0
        places = start + np.arange(count)
        arrivals = times[places % len(times)] + period * (places // len(times))
        lengths = np.array(self.lengths)[places % len(times)] if self.paired else self._lengths(count, seed)
        since: Floats = arrivals - arrivals[0]
        return since, lengths

    def _lengths(self, count: int, seed: int) -> Ints:
        drawn: Ints = np.random.default_rng((seed, 2)).choice(np.array(self.lengths, dtype=np.int64), count)
        return drawn


def poisson(rate_per_s: float, count: int, seed: int = 0) -> Floats:
    """Return the arrival times of a Poisson process, ascending, in seconds."""
    gaps = np.random.default_rng((seed, 1)).exponential(1.0 / rate_per_s, count)
    times: Floats = np.cumsum(gaps)
    return times


def replayed(arrivals_s: Sequence[float], rate_per_s: float | None = None) -> Floats:
    """Return the arrival times of a log from its first request on, scaled to a mean rate if one is given."""
    times: Floats = np.sort(np.asarray(arrivals_s, dtype=np.float64))
    times = times - times[0]
    if rate_per_s is None or times[-1] == 0:
        return times
    scaled: Floats = times * ((len(times) - 1) / times[-1] / rate_per_s)
    return scaled


def workload(
    *,
    seq_len: int = 0,
    lengths: Traffic | None = None,
    arrivals: Traffic | None = None,
    rate_per_s: float | None = None,
    max_tokens: int | None = None,
) -> Workload:
    """Return what to expect, from logs or without.

    Args:
        seq_len: tokens of each request where no log says.
        lengths: the log that requests have their lengths from.
        arrivals: the log that requests come like; its lengths are taken too where no other log gives them.
        rate_per_s: the user's rate; None: that of `arrivals`, if given.
        max_tokens: what the model takes; longer requests are cut to it.

    Raises:
        InputError: no request of `arrivals` has a time, or none of `lengths` has tokens or a text to count them in.
        UsageError: a rate that is not above 0.
    """
    if rate_per_s is not None and not 0 < rate_per_s < float("inf"):
        raise UsageError(f"the rate is {rate_per_s} requests a second; more than 0 is needed")
    notes: list[str] = []
    pattern = _instants(arrivals, notes) if arrivals else ()
    if pattern and rate_per_s is None and pattern[-1] > 0:
        rate_per_s = (len(pattern) - 1) / pattern[-1]
    tokens: tuple[int, ...] = (seq_len,)
    paired = False
    if lengths is not None:
        tokens = _tokens(lengths, notes)
    elif arrivals is not None and (own := _own_lengths(arrivals)):
        tokens, paired = own, True
    return Workload(_cut(tokens, max_tokens, notes), rate_per_s, pattern, paired, tuple(notes))


def _instants(log: Traffic, notes: list[str]) -> tuple[float, ...]:
    """Return when each request came, in seconds from the first."""
    times = [request.at.timestamp() for request in log.requests if request.at is not None]
    where = ", ".join(log.files)
    if len(times) < 2:
        found = "one of its requests has a time" if times else "none of its requests has a time"
        raise InputError(f"{where}: {found}", "--arrivals needs a log with times")
    _note(notes, log.untimed, f"{where}: without a time, left out")
    _left_out(notes, log, where)
    if times[0] == times[-1]:
        raise InputError(f"{where}: all of its requests have the same time", "--arrivals needs a log over some time")
    if all(time.is_integer() for time in times):
        notes.append(f"the times of {where} are whole seconds; requests are spread at random within each")
        times = np.sort(np.array(times) + np.random.default_rng(0).random(len(times))).tolist()
    return tuple(time - times[0] for time in times)


def _own_lengths(log: Traffic) -> tuple[int, ...]:
    """Return the tokens of each request with a time, in order; empty where one of them has none."""
    found = [request.input_tokens for request in log.requests if request.at is not None]
    return tuple(tokens for tokens in found if tokens) if all(found) else ()


def _tokens(log: Traffic, notes: list[str]) -> tuple[int, ...]:
    found = tuple(request.input_tokens for request in log.requests if request.input_tokens)
    where = ", ".join(log.files)
    if not found:
        raise InputError(
            f"{where}: no request has a count of input tokens or a text to count", "--lengths needs a log with either"
        )
    _note(notes, len(log.requests) - len(found), f"{where}: without input tokens, left out")
    _left_out(notes, log, where)
    return found


def _cut(lengths: tuple[int, ...], max_tokens: int | None, notes: list[str]) -> tuple[int, ...]:
    if max_tokens is None:
        return lengths
    longer = sum(length > max_tokens for length in lengths)
    _note(notes, longer, f"longer than the {max_tokens:,} tokens that the model takes, cut to them")
    return tuple(min(length, max_tokens) for length in lengths)


def _left_out(notes: list[str], log: Traffic, where: str) -> None:
    _note(notes, log.aggregated, f"{where}: sums of many, left out")
    _note(notes, sum(item.count for item in log.rejected), f"{where}: not readable, left out", "line")


def _note(notes: list[str], count: int, text: str, what: str = "request") -> None:
    note = f"{text}: {count:,} {what}{'' if count == 1 else 's'}"
    if count and note not in notes:
        notes.append(note)
