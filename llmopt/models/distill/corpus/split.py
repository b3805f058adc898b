"""Which texts are learned from, which say when to stop, and which are kept for the proof.

The hash of a text decides, so a text stays where it is when the file is sorted in another way. Where enough texts have
labels, texts of the proof are taken from these: accuracy is measured on labels, and texts without are there to learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt.errors import InputError
from llmopt.models.distill.corpus.near import near_any
from llmopt.models.distill.corpus.texts import Text, Texts

FEWEST_TRAIN = 30
FEWEST_HELD_OUT = 20
FEWEST_VALIDATION = 10
MOST_HELD_OUT = 2_000
MOST_VALIDATION = 500
HELD_OUT_SHARE = 0.1
VALIDATION_SHARE = 0.05
_MORE = "give more texts: they need no labels"


@dataclass(frozen=True, slots=True)
class Split:
    """Texts in three parts, each in the order of the hash."""

    train: tuple[Text, ...]
    validation: tuple[Text, ...]
    held_out: tuple[Text, ...]
    near_duplicates: int
    """Left out because they nearly equal one of `held_out`, or of `validation`."""


def split(texts: Texts, apart: Texts | None) -> Split:
    """Split texts into three parts.

    Args:
        texts: of the data.
        apart: for the proof; None: a tenth of the data.

    Raises:
        InputError: too few of them.
    """
    if apart is None:
        held_out = _tenth(texts)
        rest = _without(texts.found, held_out)
    else:
        _check_apart(texts, apart)
        held_out, rest = apart.found, texts.found
    far = _far(rest, held_out)
    validation = _share(_pool(far), VALIDATION_SHARE, FEWEST_VALIDATION, MOST_VALIDATION)
    left = _without(far, validation)
    train = _far(left, validation)
    near = len(rest) - len(far) + len(left) - len(train)
    if len(train) < FEWEST_TRAIN:
        raise InputError(
            f"{texts.name}: {len(train):,} of {len(texts.found):,} different texts are left to learn from, after "
            f"{len(validation):,} to say when to stop and {near:,} that nearly equal texts of the proof or of these",
            f"{FEWEST_TRAIN} are the least; {_MORE}",
        )
    return Split(train, validation, held_out, near)


def _check_apart(texts: Texts, apart: Texts) -> None:
    if len(apart.found) < FEWEST_HELD_OUT:
        raise InputError(
            f"{apart.name}: {_different(len(apart.found))}", f"a proof needs {FEWEST_HELD_OUT} at least, better 1,000"
        )
    known = {text.hash for text in apart.found}
    if all(text.hash in known for text in texts.found):
        raise InputError(
            f"{texts.name}: each text is in {apart.name} too, so the proof would be on texts of the training",
            "give other texts, or leave --eval away: a part of the data is held out by itself",
        )


def _tenth(texts: Texts) -> tuple[Text, ...]:
    least = FEWEST_HELD_OUT + FEWEST_VALIDATION + FEWEST_TRAIN
    found = texts.found
    if len(found) < least:
        raise InputError(f"{texts.name}: {_different(len(found))}", f"{least} are the least; {_MORE}")
    return _share(_pool(found), HELD_OUT_SHARE, FEWEST_HELD_OUT, MOST_HELD_OUT)


def _share(texts: tuple[Text, ...], share: float, fewest: int, most: int) -> tuple[Text, ...]:
    return texts[: min(most, max(fewest, round(share * len(texts))))]


def _pool(texts: Sequence[Text]) -> tuple[Text, ...]:
    """Return the labelled texts where a tenth of them is enough; all otherwise."""
    labelled = tuple(text for text in texts if text.at is not None)
    return labelled if HELD_OUT_SHARE * len(labelled) >= FEWEST_HELD_OUT else tuple(texts)


def _without(texts: Sequence[Text], others: Sequence[Text]) -> tuple[Text, ...]:
    known = {text.hash for text in others}
    return tuple(text for text in texts if text.hash not in known)


def _far(texts: Sequence[Text], others: Sequence[Text]) -> tuple[Text, ...]:
    near = near_any([text.sample.text for text in texts], [text.sample.text for text in others])
    return tuple(text for text, one in zip(texts, near, strict=True) if not one)


def _different(count: int) -> str:
    return f"{count:,} different {'text' if count == 1 else 'texts'}"
