"""What one machine does at its sweet spot: read from the JSON of `llmopt bench-batch` or `llmopt quantize`.

A sweep of a model here tells the time of a batch by its size and length. For a model that embeds or classifies, the
sweet spot's rate and the length of its requests tell the time of a token. For one that generates, the time to the first
token is shared among the tokens that were read, the rest among those that were written. A load test of a server tells
its rate only: that is parted between reading and writing as the latencies at the lowest rate are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmopt.errors import InputError

_BENCH, _QUANTIZE = "llmopt.bench-batch/1", "llmopt.quantize/1"
_HINT = "make one with llmopt bench-batch --format json, or llmopt quantize --target cpu --format json"
_NEAR = 0.95
"""Share of the largest throughput that is good enough (as in `llmopt.bench.recommend`)."""
_FASTEST_S, _SLOWEST_S = 1e-11, 1e5
"""Of a token, on any machine."""
_MEASURED = ("ok", "noisy")
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of a machine that is busy."""

    call_s: float
    """For each call, whatever its tokens."""
    input_token_s: float
    output_token_s: float
    says: str
    """What was measured, in words."""
    notes: tuple[str, ...]


def measured(path: Path) -> Measured:
    """Read the result of a benchmark.

    Raises:
        InputError: it cannot be read, is no such result, or holds no sweet spot; names the file.
    """
    body = _document(path)
    read = _quantized if body.get("schema") == _QUANTIZE else _served if "prompt_tokens" in body else _swept
    try:
        return _possible(read(path, body))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        named = {KeyError: f"no {error}", ValueError: str(error)}
        said = named.get(type(error), "its figures are not as the commands write them")
        raise InputError(f"{path}: a result that lacks what is needed: {said}", _HINT) from error


def _document(path: Path) -> Body:
    try:
        body = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", _HINT) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON report", _HINT) from error
    if not isinstance(body, dict) or body.get("schema") not in (_BENCH, _QUANTIZE):
        raise InputError(f"{path} is no report of {_BENCH} or {_QUANTIZE}", _HINT)
    return body


def _above_zero(value: object, name: str) -> float:
    """Return a figure.

    Raises:
        ValueError: it is no number above 0.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ValueError(f"{name} is {value!r}, not a number above 0")
    return float(value)


def _possible(found: Measured) -> Measured:
    """Return what was read.

    Raises:
        ValueError: no machine is so fast or so slow; as whole picoseconds, its tokens would be free.
    """
    for name, token_s in (("reading", found.input_token_s), ("writing", found.output_token_s)):
        if not _FASTEST_S <= token_s <= _SLOWEST_S:
            raise ValueError(f"{name} a token takes {token_s:.3g} s")
    return found


def _quantized(path: Path, body: Body) -> Measured:
    """Read the speed of a quantized model: a batch of one length."""
    speed = body.get("speedup")
    if not isinstance(speed, dict):
        raise InputError(
            f"{path}: the speed of the quantized model was not measured",
            "measure it with llmopt bench-batch, and give its JSON instead",
        )
    size, length = (_above_zero(speed.get(name), name) for name in ("batch_size", "seq_len"))
    batch_s = _above_zero(speed.get("latency_p50_s"), "latency_p50_s")
    says = f"{size / batch_s:,.4g} requests/s of {length:g} tokens (batches of {size:g})"
    return _alike(batch_s / (size * length), says, list(_failed(body)))


def _swept(path: Path, body: Body) -> Measured:
    """Read a sweep of batch sizes."""
    points = [point for point in body["points"] if point.get("status") in _MEASURED and point.get("throughput_per_s")]
    best = body.get("recommended")
    if not points:
        raise InputError(f"{path}: no batch could be measured, so it has no sweet spot", _HINT)
    if best is None and body.get("unmet") is not None:
        raise InputError(
            f"{path}: no setting meets the bound of its p99, so it has no sweet spot",
            "run llmopt bench-batch again without that bound",
        )
    notes = list(_failed(body))
    if any(point["status"] == "noisy" for point in points):
        notes.append("it was measured while the machine was not quiet")
    point = _sweet_spot(points, best)
    size, length = _above_zero(point["batch_size"], "batch_size"), _above_zero(point["seq_len"], "seq_len")
    rate = _above_zero(point["throughput_per_s"], "throughput_per_s")
    if best is not None:
        rate = _scaled(points, best, rate)
    says = f"{rate:,.4g} requests/s of {length:g} tokens (batches of {size:g})"
    if point.get("prefill_p50_s") is None or point.get("decode_p50_s") is None:
        return _alike(1 / (rate * length), says, notes)
    return _generated(point, rate, says, tuple(notes))


def _sweet_spot(points: Sequence[Body], best: Body | None) -> Body:
    """Return the point to go by: of the median length, at the recommended size, or the smallest near the best."""
    lengths = sorted({int(point["seq_len"]) for point in points})
    length = lengths[len(lengths) // 2]
    own = sorted((point for point in points if int(point["seq_len"]) == length), key=lambda one: int(one["batch_size"]))
    if best is not None:
        wanted = int(best["max_batch_size"])
        return min(own, key=lambda one: (abs(int(one["batch_size"]) - wanted), int(one["batch_size"])))
    most = max(float(point["throughput_per_s"]) for point in own)
    return next(point for point in own if float(point["throughput_per_s"]) >= _NEAR * most)


def _scaled(points: Sequence[Body], best: Body, rate: float) -> float:
    """Return the rate at the point's length: the recommended one where all requests are of one length.

    With several lengths the recommended rate is of their mix, which the report does not hold; then what the recommended
    setting reaches of a full batch (its load) is what is taken of the point's own rate.
    """
    if len({int(point["seq_len"]) for point in points}) == 1:
        return _above_zero(best["rate_per_s"], "rate_per_s")
    return rate * min(1.0, _above_zero(best["utilization"], "utilization"))


def _generated(point: Body, rate: float, says: str, notes: tuple[str, ...]) -> Measured:
    """Part a machine's time between the tokens that it read and those that it wrote."""
    size, length = int(point["batch_size"]), int(point["seq_len"])
    prefill_s = _above_zero(point["prefill_p50_s"], "prefill_p50_s")
    decode_s = _above_zero(point["decode_p50_s"], "decode_p50_s")
    slower = float(point["throughput_per_s"]) / rate
    return Measured(0.0, slower * prefill_s / (size * length), slower * decode_s / size, says, notes)


def _served(path: Path, body: Body) -> Measured:
    """Read a load test of a server."""
    best = body.get("recommended")
    if best is None:
        raise InputError(
            f"{path}: no rate of requests was shown to work, so it has no sweet spot",
            "run llmopt bench-batch --url again without a bound of the p99, or for longer",
        )
    rate = _above_zero(best["rate_per_s"], "rate_per_s")
    lengths = [_above_zero(tokens, "prompt_tokens") for tokens in body["prompt_tokens"]]
    read, wrote = sum(lengths) / len(lengths), _above_zero(body["new_tokens"], "new_tokens")
    share, notes = _reading_share(body["points"], wrote), list(_failed(body))
    if share is None:
        share = read / (read + wrote)
        notes.append("it has no times of tokens, so reading and writing one are taken to cost the same")
    says = f"{rate:,.4g} requests/s of {read:g} tokens that write {wrote:g}"
    return Measured(0.0, share / (rate * read), (1 - share) / (rate * wrote), says, tuple(notes))


def _reading_share(points: Sequence[Body], wrote: float) -> float | None:
    """Return the share of an answer's time until its first token, at the lowest rate: there, nothing waits."""
    for point in sorted(points, key=lambda one: float(one["rate_per_s"])):
        first_s, each_s = point.get("ttft_p50_s"), point.get("tpot_p50_s")
        if first_s and each_s:
            return float(first_s) / (float(first_s) + float(each_s) * max(wrote - 1, 0))
    return None


def _failed(body: Body) -> tuple[str, ...]:
    checks = body.get("failed_checks") or ()
    return tuple(f"a check of the benchmark failed: {check}" for check in checks)


def _alike(token_s: float, says: str, notes: Sequence[str]) -> Measured:
    """Return the figures of a model that writes nothing: nobody knows what writing would cost, so it is not free."""
    wrote = "its model writes no text: tokens that calls write are taken to cost what those cost that they read"
    return Measured(0.0, token_s, token_s, says, (*notes, wrote))
