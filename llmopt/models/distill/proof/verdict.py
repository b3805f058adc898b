"""What is said of a student in sentences: gates of the user that do not hold, and what a reader must know of its speed.

Importing this loads no heavy library.
"""

from __future__ import annotations

from llmopt.core import check
from llmopt.core.check import Check
from llmopt.models.distill.config import DistillConfig
from llmopt.models.distill.report import Kept, LatencyRatio

_STEADY = 1.15
_KEPT = {
    "accuracy": "{} of the teacher's accuracy",
    "labels": "{} of labels are the teacher's",
    "nearest neighbours": "{} of nearest neighbours are the teacher's",
    "perplexity": "the teacher's perplexity is {} of the student's",
    "bits per byte": "the teacher's bits per byte are {} of the student's",
}
"""Metric -> how a share of it is said."""
_AGAIN = "run it again where nothing else runs"


def failures(config: DistillConfig, kept: Kept, speed: LatencyRatio) -> tuple[str, ...]:
    """Return a sentence for each gate of the user that does not hold; the gates are held against the values.

    Args:
        config: of the user.
        kept: share of the teacher's quality.
        speed: of the student beside the teacher.
    """
    return check.failures(checks(config, kept, speed))


def checks(config: DistillConfig, kept: Kept, speed: LatencyRatio) -> tuple[Check, ...]:
    """Return each gate of the user with its outcome; arguments as `failures`."""
    found = []
    if config.min_quality is not None:
        said = tuple(filter(None, [_quality(config, kept)]))
        found.append(Check("--min-quality", f"{config.min_quality:.2%}", f"{kept.value:.2%}", failures=said))
    if config.min_speedup is not None:
        said = tuple(filter(None, [_speed(config, speed)]))
        found.append(Check("--min-speedup", f"{config.min_speedup:g}x", f"{speed.ratio.value:.2f}x", failures=said))
    return tuple(found)


def remarks(config: DistillConfig, kept: Kept, speed: LatencyRatio) -> tuple[str, ...]:
    """Return what to say beside the figures of speed, and where the student is the better one.

    Args:
        config: of the user.
        kept: share of the teacher's quality.
        speed: of the student beside the teacher.
    """
    said = []
    ratio, gate = speed.ratio, config.min_speedup
    between = f"the speed-up is between {ratio.low:.2f}x and {ratio.high:.2f}x"
    if gate is not None and ratio.low <= gate <= ratio.high:
        said.append(f"{between}, with --min-speedup {gate:g} in between; {_AGAIN}")
    elif ratio.high > ratio.low * _STEADY:
        said.append(f"times vary: {between}; {_AGAIN}")
    if ratio.high < 1:
        said.append(f"the student is slower than the teacher: {ratio.value:.2f}x; take fewer layers, or `static`")
    if kept.low > 1:
        said.append(f"the student is better than the teacher: {_told(kept, kept.value)}")
    return tuple(said)


def _quality(config: DistillConfig, kept: Kept) -> str:
    gate = config.min_quality
    if gate is None or kept.value >= gate:
        return ""
    value, wanted = _apart(kept.value, gate)
    return f"{_told(kept, value)} on texts that it has not seen; the gate is {wanted}"


def _speed(config: DistillConfig, speed: LatencyRatio) -> str:
    gate = config.min_speedup
    if gate is None or speed.ratio.value >= gate:
        return ""
    digits = 2 if f"{speed.ratio.value:.2f}" != f"{gate:.2f}" else 4
    return f"{speed.ratio.value:.{digits}f}x as fast as the teacher; the gate is {gate:g}x"


def _told(kept: Kept, share: float | str) -> str:
    word = share if isinstance(share, str) else f"{share:.2%}"
    return _KEPT.get(kept.metric, f"{{}} of the teacher's {kept.metric}").format(word)


def _apart(value: float, gate: float) -> tuple[str, str]:
    """Return two shares with enough digits to tell them apart."""
    for digits in (2, 4):
        told = f"{value:.{digits}%}", f"{gate:.{digits}%}"
        if told[0] != told[1]:
            break
    return told
