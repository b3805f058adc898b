"""One sweep over several GPUs of a kind: a child process for each, every one measuring its share of the shapes.

Lengths are dealt where there are enough of them, otherwise batch sizes, the largest first and back and forth, so that
no device gets all the long ones. Each device stays with one thread here, which waits for its child. What the devices
measured is merged as if one had measured all of it, so they have to be of one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from llmopt.bench.plan import Mix, longest
from llmopt.bench.result import Environment, Noise, Point, Sweep
from llmopt.bench.sweep import Sizes
from llmopt.bench.target import Target
from llmopt.core.batch import Shape
from llmopt.errors import OutOfMemory, UsageError


class StoppableTarget(Target, Protocol):
    """A target whose work can be ended from another thread."""

    def stop(self) -> None:
        """End what runs; the thread that waits for it gets an error."""
        ...


@dataclass(frozen=True, slots=True)
class Share:
    """What one device measures: every batch size at every length."""

    batch_sizes: Sizes
    seq_lens: tuple[int | Mix, ...]


Card = TypeVar("Card")
SweepOne = Callable[[Target, Share], Sweep]


def device_names(name: str, visible: Callable[[], int]) -> tuple[str, ...]:
    """Return the devices that a name means.

    Args:
        name: one device, several with commas between, or `cuda`: all GPUs that are visible.
        visible: tells how many these are; asked only where it matters.

    Raises:
        UsageError: a device is named twice or not at all, or several are named that are not GPUs of CUDA.
    """
    if name == "cuda":
        return tuple(f"cuda:{at}" for at in range(visible())) or ("cuda",)
    names = tuple(part.strip() for part in name.split(","))
    if len(names) == 1:
        return names
    for at, part in enumerate(names):
        if not (part.startswith("cuda:") and part[5:].isdecimal()):
            raise UsageError(f"{part!r} among several devices: only GPUs can be several", "such as cuda:0,cuda:1")
        if part in names[:at]:
            raise UsageError(f"the device {part} is named twice", "name each once")
    return names


def shares(batch_sizes: Sizes, seq_lens: Sequence[int | Mix], devices: int) -> tuple[Share, ...]:
    """Deal the shapes of a sweep; fewer shares than devices where there are not enough shapes.

    Args:
        batch_sizes: of the whole sweep; `auto` cannot be dealt.
        seq_lens: of the whole sweep.
        devices: how many there are.
    """
    if isinstance(batch_sizes, str) or len(seq_lens) >= devices:
        hands = _dealt(sorted(seq_lens, key=longest, reverse=True), devices)
        return tuple(Share(batch_sizes, tuple(hand)) for hand in hands)
    hands_of_sizes = _dealt(sorted(set(batch_sizes), reverse=True), devices)
    return tuple(Share(tuple(sorted(hand)), tuple(seq_lens)) for hand in hands_of_sizes)


def sweep_devices(
    targets: Sequence[StoppableTarget],
    sweep_one: SweepOne,
    *,
    batch_sizes: Sizes,
    seq_lens: Sequence[int | Mix],
) -> Sweep:
    """Sweep over several devices at once and return one result.

    Args:
        targets: one a device; none is closed.
        sweep_one: sweeps a share on a target; called in a thread of its own for each.
        batch_sizes: of the whole sweep.
        seq_lens: of the whole sweep.

    Raises:
        UsageError: the devices are of several kinds.
        OutOfMemory: nothing fits on any of them; where something does, the rest is told as points.
        LlmoptError: what the first sweep that failed otherwise raised; the others are stopped.
    """
    if len(targets) == 1:
        return sweep_one(targets[0], Share(batch_sizes, tuple(seq_lens)))
    dealt = shares(batch_sizes, seq_lens, len(targets))
    used = targets[: len(dealt)]
    with ThreadPoolExecutor(len(used), thread_name_prefix="llmopt-device") as pool:
        try:
            _check_kinds(list(pool.map(lambda target: target.facts().device_name, used)))
            running = [pool.submit(_tried, sweep_one, target, share) for target, share in zip(used, dealt, strict=True)]
            done, _ = wait(running, return_when=FIRST_EXCEPTION)
            failed = next((error for future in done if (error := future.exception()) is not None), None)
            if failed is not None:
                raise failed
        except BaseException:
            for target in used:
                target.stop()  # the threads that wait for them end, and so does the pool
            raise
    return _with_the_rest([future.result() for future in running], idle=len(targets) - len(used))


def merged(sweeps: Sequence[Sweep]) -> Sweep:
    """Return one sweep of several that ran at the same time."""
    return Sweep(
        points=_in_order(point for sweep in sweeps for point in sweep.points),
        environment=_environment([sweep.environment for sweep in sweeps]),
        elapsed_s=max(sweep.elapsed_s for sweep in sweeps),
        warnings=tuple(dict.fromkeys(warning for sweep in sweeps for warning in sweep.warnings)),
    )


@dataclass(frozen=True, slots=True)
class _TooLarge:
    """A share of which nothing fits."""

    share: Share
    error: OutOfMemory

    @property
    def points(self) -> tuple[Point, ...]:
        """What is to be said of it."""
        sizes = (1,) if isinstance(self.share.batch_sizes, str) else self.share.batch_sizes
        shapes = (Shape(size, longest(entry)) for entry in self.share.seq_lens for size in sizes)
        return tuple(Point(shape, "oom", reason=self.error.message) for shape in shapes)


def _tried(sweep_one: SweepOne, target: Target, share: Share) -> Sweep | _TooLarge:
    try:
        return sweep_one(target, share)
    except OutOfMemory as error:
        return _TooLarge(share, error)


def _with_the_rest(found: Sequence[Sweep | _TooLarge], *, idle: int) -> Sweep:
    """Return one sweep of all, with points for what did not fit and a line for devices that had nothing to do."""
    sweeps = [part for part in found if isinstance(part, Sweep)]
    too_large = [part for part in found if isinstance(part, _TooLarge)]
    if not sweeps:
        raise too_large[0].error
    whole = merged(sweeps)
    points = [*whole.points, *(point for part in too_large for point in part.points)]
    warnings = whole.warnings
    if idle:
        nothing = f"{idle} of {idle + len(found)} devices had nothing to do"
        warnings += (f"{nothing}; name more lengths (--seq-len) or the sizes (--batch-sizes)",)
    return replace(whole, points=_in_order(points), warnings=warnings)


def _in_order(points: Iterable[Point]) -> tuple[Point, ...]:
    return tuple(sorted(points, key=lambda point: (point.shape.seq_len, point.shape.batch_size)))


def _dealt(cards: Sequence[Card], players: int) -> list[list[Card]]:
    """Deal back and forth: the first gets cards 1, 2n, 2n+1; the last n, n+1; those without a card are left out."""
    hands: list[list[Card]] = [[] for _ in range(players)]
    for at, card in enumerate(cards):
        turn, place = divmod(at, players)
        hands[place if turn % 2 == 0 else players - 1 - place].append(card)
    return [hand for hand in hands if hand]


def _check_kinds(names: Sequence[str]) -> None:
    if len(set(names)) > 1:
        raise UsageError(
            f"the devices are of several kinds: {', '.join(dict.fromkeys(names))}",
            "sweep each kind by itself: their points do not make one curve",
        )


def _environment(all_of: Sequence[Environment]) -> Environment:
    first = all_of[0]
    targets = [environment.target for environment in all_of]
    state = [(f"{target.device} {name}", value) for target in targets for name, value in target.device_state]
    target = replace(first.target, device=",".join(target.device for target in targets), device_state=tuple(state))
    return replace(first, target=target, noise=_noise([environment.noise for environment in all_of]))


def _noise(all_of: Sequence[Noise]) -> Noise:
    """Return the figures of the noisiest, with the reasons of all."""
    worst = next((noise for noise in all_of if not noise.quiet), all_of[0])
    reasons = tuple(dict.fromkeys(reason for noise in all_of for reason in noise.reasons))
    return replace(worst, reasons=reasons)
