"""The arithmetic of quantizing: rows of floating-point numbers to integers with a scale, in buffers used again.

Rounding is to nearest with symmetric scales: `q = clamp(round(w / s), -2^(b-1), 2^(b-1) - 1)`, `w' = q s`. In 8 bits
`s = max|w| / 127.5`, in 4 bits `max|w| / d` with the `d` out of a few that makes the squared error of the group least:
cutting off the largest number a little costs less there than coarser steps for all others. The scale is rounded to the
type it is stored in before it is used, so the error is that of what a reader gets. Signal and noise are summed on the
way: `sum w^2` and `sum (w - w')^2`.

The largest magnitude of 16-bit numbers is found on their bits as integers: without the sign these are in the same
order, and a NaN is above infinity.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from llmopt.errors import MissingExtraError
from llmopt.models.quantizing.numbers import Numbers

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

TYPES: dict[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}
"""Types of numbers that can be computed with."""
BUFFER_BYTES_PER_CHUNK_BYTE = 8
"""Memory of one `Arithmetic` for each byte of the largest chunk, temporaries included."""
_DIVISORS: dict[int, tuple[float, ...]] = {8: (127.5,), 4: (7.75, 8.5, 9.25)}
"""Scales that are tried: the largest magnitude by these."""
_INFINITY_BITS = {torch.bfloat16: 0x7F80, torch.float16: 0x7C00}
_ORDINARY = (1e-12, 1e12)
"""Magnitudes whose squares can be summed in 32 bits."""


@dataclass(frozen=True, slots=True)
class Made:
    """A chunk in its new form; the bytes lie in buffers that the next chunk overwrites."""

    parts: tuple[memoryview, ...]
    """Numbers, then scales."""
    signal: float
    noise: float
    finite: bool
    """False: there are infinities or NaNs, and the rest means nothing."""


class Arithmetic:
    """Computes chunk after chunk in buffers of its own; one for each thread.

    Args:
        chunk_bytes: of the source at once, at most.
    """

    def __init__(self, chunk_bytes: int) -> None:
        self.raw = bytearray(chunk_bytes)
        """Where the chunk is read to."""
        most = chunk_bytes // 2
        self._bytes = torch.frombuffer(self.raw, dtype=torch.uint8)
        self._values, self._scaled, self._error = (torch.empty(most) for _ in range(3))
        self._integer_bytes, self._half_bytes = bytearray(most), bytearray(2 * most)
        self._integers = torch.frombuffer(self._integer_bytes, dtype=torch.int8)
        self._halves = torch.frombuffer(self._half_bytes, dtype=torch.int16)

    def quantized(self, dtype: str, rows: int, columns: int, numbers: Numbers) -> Made:
        """Quantize what was read.

        Args:
            dtype: of the source, a 16- or 32-bit key of `TYPES`.
            rows: whole ones.
            columns: of a row; a multiple of the group, which is one of what fills a byte.
            numbers: how to store it.
        """
        kind = TYPES[dtype]
        width = numbers.group_size or columns
        count = rows * columns
        raw = self._bytes[: count * kind.itemsize].view(kind).view(-1, width)
        peaks = self._peaks(raw)
        values = raw if kind == torch.float32 else self._values[:count].view(-1, width).copy_(raw)
        high = float(peaks.max())
        if not _finite(high):
            return Made((), 0.0, 0.0, finite=False)
        signal = _square_sum(values, high)
        scales, noise = self._rounded(values, peaks, kind, numbers, high)
        return Made((self._stored(count, numbers), _bytes_of(scales, kind)), signal, noise, finite=True)

    def cast(self, dtype: str, count: int) -> Made:
        """Turn what was read into bfloat16."""
        kind = TYPES[dtype]
        values = self._bytes[: count * kind.itemsize].view(kind)
        low, high = (float(end) for end in torch.aminmax(values))
        if not _finite(low) or not _finite(high):
            return Made((), 0.0, 0.0, finite=False)
        result = self._halves[:count].view(torch.bfloat16).copy_(values)
        largest = max(-low, high)
        error = torch.sub(values, result, out=self._error[:count]) if kind != torch.float64 else values - result
        made = memoryview(self._half_bytes)[: 2 * count]
        return Made((made,), _square_sum(values, largest), _square_sum(error, largest), finite=_all(result))

    def has_nan(self, dtype: str, size_bytes: int) -> bool:
        """Return whether there are NaNs in what was read."""
        kind = TYPES[dtype]
        values = self._bytes[:size_bytes].view(kind)
        if kind not in _INFINITY_BITS:
            return bool(values.amax().isnan())
        bits = torch.bitwise_and(values.view(torch.int16), 0x7FFF, out=self._halves[: values.numel()])
        return int(bits.amax()) > _INFINITY_BITS[kind]

    def _peaks(self, raw: Tensor) -> Tensor:
        """Return the largest magnitude of each row, `(rows, 1)` in 32 bits; NaN where there is one."""
        if raw.dtype == torch.float32:
            return torch.maximum(raw.amax(1, keepdim=True), -raw.amin(1, keepdim=True))
        bits = torch.bitwise_and(raw.view(torch.int16), 0x7FFF, out=self._halves[: raw.numel()].view(raw.shape))
        return bits.amax(1, keepdim=True).view(raw.dtype).float()

    def _rounded(
        self, values: Tensor, peaks: Tensor, kind: torch.dtype, numbers: Numbers, high: float
    ) -> tuple[Tensor, float]:
        """Put the rounded numbers into the buffer; return the scales and the noise."""
        tried = [_scales(peaks, divisor, kind) for divisor in _DIVISORS[numbers.bits]]
        if len(tried) == 1:
            self._round(values, tried[0], numbers.bits)
            return tried[0], _square_sum(self._missed(values, tried[0]), high)
        errors = []
        for scales in tried:
            self._round(values, scales, numbers.bits)
            missed = self._missed(values, scales)
            errors.append(_row_squares(missed, high))
        least, chosen = torch.stack(errors).min(0)
        scales = torch.stack(tried).gather(0, chosen.view(1, -1, 1)).squeeze(0)
        self._round(values, scales, numbers.bits)
        return scales, float(least.sum(dtype=torch.float64))

    def _round(self, values: Tensor, scales: Tensor, bits: int) -> None:
        """Put `round(values / scales)` into the buffer, within what so many bits can hold."""
        half = 1 << (bits - 1)
        scaled = torch.mul(values, scales.reciprocal(), out=self._scaled[: values.numel()].view(values.shape))
        scaled.round_().clamp_(-half, half - 1)

    def _missed(self, values: Tensor, scales: Tensor) -> Tensor:
        """Return `values - q scales` for the `q` in the buffer."""
        count = values.numel()
        whole = self._scaled[:count].view(values.shape)
        return torch.addcmul(values, whole, scales, value=-1, out=self._error[:count].view(values.shape))

    def _stored(self, count: int, numbers: Numbers) -> memoryview:
        """Return the numbers of the buffer as they are stored."""
        integers = self._integers[:count].copy_(self._scaled[:count])
        if numbers.layout == "int8":
            return memoryview(self._integer_bytes)[:count]
        if numbers.bits == 8:
            integers.bitwise_xor_(-128)
            return memoryview(self._integer_bytes)[:count]
        pairs = integers.bitwise_and_(15).bitwise_xor_(8).view(torch.int16)
        shifted = torch.bitwise_right_shift(pairs, 4, out=self._halves[: count // 2]).bitwise_or_(pairs)
        self._integers.view(torch.uint8)[: count // 2].copy_(shifted)
        return memoryview(self._integer_bytes)[: count // 2]


@contextmanager
def computing_threads(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Yield threads that compute with one thread of torch's each; what is not begun when an error comes is left."""
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "llmopt-quantize", initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)


def _scales(peaks: Tensor, divisor: float, kind: torch.dtype) -> Tensor:
    """Return scales as they are after they were stored, in 32 bits; never zero, and none whose inverse is not finite.

    Below its normal range fp16 rounds so coarsely that the largest number could be cut off by far; the scale is one
    step larger there.
    """
    least = 2.0**-24 if kind == torch.float16 else torch.finfo(torch.float32).tiny
    scales = (peaks / divisor).to(kind).float().clamp_(min=least)
    if kind == torch.float16:
        scales += (peaks > scales * (divisor + 0.5)) * least
    return torch.where(peaks == 0, 1.0, scales)


def _square_sum(values: Tensor, high: float) -> float:
    """Return the sum of squares; in 64 bits where those of the largest magnitude `high` do not suit 32."""
    flat = values.reshape(-1)
    if flat.dtype != torch.float32 or not _ORDINARY[0] < high < _ORDINARY[1]:
        flat = flat.double()
    return float(torch.dot(flat, flat))


def _row_squares(values: Tensor, high: float) -> Tensor:
    """Return the sum of squares of each row."""
    if not _ORDINARY[0] < high < _ORDINARY[1]:
        values = values.double()
    norms: Tensor = torch.linalg.vector_norm(values, dim=1)
    return norms.square()


def _finite(value: float) -> bool:
    return value - value == 0.0


def _all(values: Tensor) -> bool:
    return _finite(float(values.amax())) and _finite(float(values.amin()))


def _bytes_of(scales: Tensor, kind: torch.dtype) -> memoryview:
    """Return scales in the type they are stored in; few, so these are copied."""
    made = bytearray(scales.numel() * kind.itemsize)
    torch.frombuffer(made, dtype=kind).copy_(scales.view(-1))
    return memoryview(made)
