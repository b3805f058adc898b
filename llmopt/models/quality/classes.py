"""Answers of classifiers: the labels of the inputs as classes of the model, and how alike two sets of scores are.

A label may be a name or a number. Names are compared without case, blanks and dashes. A number is that of the class,
from 0, as in `id2label`; where the names of the classes hold numbers themselves (`1 star`), it is that one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.quality.data import Sample

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

_UNNAMED = re.compile(r"label_?(\d+)")
_SUM_ERROR = 0.02
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two sets of scores are."""

    same: int
    """Texts that get the same label (the same labels, where a text may have several)."""
    score_error: float
    """Mean total variation distance; where a text may have several labels, that of each label."""
    labelled: int
    """Texts whose true class is known."""
    right_before: int
    right_after: int
    lost: int
    """Texts that the reference had right, and the other model has not."""
    gained: int


def true_classes(
    labels: Sequence[str], samples: Sequence[Sample], *, refused: Callable[[InputError], object] | None = None
) -> tuple[int | None, ...]:
    """Return the class of each input as the model numbers them; None where it has no label.

    Args:
        labels: names of the model's classes.
        samples: labelled or not.
        refused: is told of each input whose label the model does not know, and its class is None; None: the first one
            is an error.

    Raises:
        InputError: a label that the model does not know, with its line (without `refused`).
    """
    known = _known(labels)
    found: list[int | None] = []
    hint = ""
    for sample in samples:
        at = None if sample.label is None else known.get(sample.label, known.get(_plain(sample.label)))
        if at is None and sample.label is not None:
            hint = hint or _hint(labels, known)
            error = InputError(f"{sample.where}: the model knows no label {sample.label!r}", hint)
            if refused is None:
                raise error
            refused(error)
        found.append(at)
    return tuple(found)


def same_order(labels: Sequence[str], others: Sequence[str]) -> list[int] | None:
    """Return where each class of the reference is among those of another model; None where they are other classes.

    Classes without names (`LABEL_0`) are in the order of the other's.
    """
    if len(labels) != len(others):
        return None
    mine, theirs = ([_plain(label) for label in names] for names in (labels, others))
    if any(all(_UNNAMED.fullmatch(name) for name in names) for names in (mine, theirs)):
        return list(range(len(labels)))
    if sorted(mine) != sorted(theirs) or len(set(mine)) < len(mine):
        return list(range(len(labels))) if mine == theirs else None
    return [theirs.index(name) for name in mine]


def several_labels(scores: torch.Tensor) -> bool:
    """Return whether a text may have several labels: scores are probabilities, but not of classes that exclude others.

    Args:
        scores: `(texts, classes)`.
    """
    return bool(((scores.sum(1) - 1).abs() > _SUM_ERROR).any())


def agreement(
    before: torch.Tensor, after: torch.Tensor, truth: Sequence[int | None], *, several: bool = False
) -> Agreement:
    """Compare scores of the reference with those of another model, `(texts, classes)` each.

    Args:
        before: probabilities.
        after: of the same texts and classes, in the same order.
        truth: class of each text, where it is known; not used with several labels.
        several: whether a text may have several labels.
    """
    if several:
        same = ((before > 0.5) == (after > 0.5)).all(1)
        return Agreement(int(same.sum()), float((before - after).abs().double().mean()), 0, 0, 0, 0, 0)
    one, other = before.argmax(1), after.argmax(1)
    known = torch.tensor([at is not None for at in truth], dtype=torch.bool)
    wanted = torch.tensor([-1 if at is None else at for at in truth])
    right, still = (one == wanted) & known, (other == wanted) & known
    return Agreement(
        same=int((one == other).sum()),
        score_error=float(((before - after).abs().double().sum(1) / 2).mean()),
        labelled=int(known.sum()),
        right_before=int(right.sum()),
        right_after=int(still.sum()),
        lost=int((right & ~still).sum()),
        gained=int((still & ~right).sum()),
    )


def _hint(labels: Sequence[str], known: dict[str, int]) -> str:
    names = ", ".join(labels[:_SHOWN]) + (" and others" if len(labels) > _SHOWN else "")
    numbers = [int(name) for name in known if name.isdecimal()]
    return f"it knows {names}, or the numbers {min(numbers)} to {max(numbers)}"


def _known(labels: Sequence[str]) -> dict[str, int]:
    """Return the class of each label that may be meant; what a name says goes before what a number does."""
    plain = [_plain(label) for label in labels]
    known = {f"label{at}": at for at in range(len(labels))}
    known |= {number: at for at, number in enumerate(_own_numbers(plain))}
    known |= {name: at for at, name in enumerate(plain) if plain.count(name) == 1}
    return known | {label: at for at, label in enumerate(labels) if labels.count(label) == 1}


def _own_numbers(plain: Sequence[str]) -> list[str]:
    """Return the numbers that the names hold where they differ in these only; otherwise those from 0 on."""
    rests = {re.sub(r"\d+", "", name).removesuffix("s") for name in plain}
    numbers = [re.sub(r"\D+", "", name) for name in plain]
    named = len(rests) == 1 and all(numbers) and len(set(map(int, numbers))) == len(plain)
    if not named or all(map(_UNNAMED.fullmatch, plain)):
        return [str(at) for at in range(len(plain))]
    return [str(int(number)) for number in numbers]


def _plain(label: str) -> str:
    """Return a label without case, blanks, dashes and underscores; a number without leading zeros, with its sign."""
    if re.fullmatch(r"\s*-?[0-9]{1,9}\s*", label):
        return str(int(label))
    return re.sub(r"[\s_-]+", "", label.casefold()) or label
