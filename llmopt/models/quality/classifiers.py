"""Quality of a classifier: accuracy lost where the labels are known, otherwise labels that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmopt.errors import InputError, MissingExtraError
from llmopt.models.quality.answering import Answering, answers
from llmopt.models.quality.classes import Agreement, agreement, same_order, several_labels, true_classes
from llmopt.models.quality.data import Sample
from llmopt.models.quality.intervals import share, share_lost
from llmopt.models.quality.reference import Reference
from llmopt.models.quality.remarks import too_few
from llmopt.models.quality.result import Quality

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

LABELLED_DROP, DROP = "accuracy lost", "labels changed"
_FEW_RIGHT = 0.5
_ENOUGH = 20
_FEW = 4
_ROUNDING = 1e-3


def prepared(model: Answering, base: Reference) -> Reference:
    """Return a reference with its scores and the true classes.

    Raises:
        InputError: the model gives plain numbers, a label is unknown to it, or a score is not finite.
    """
    if len(model.labels) < 2:
        raise _plain_numbers(base.name)
    scores = answers(model, base.requests, base.samples, base.batch_size)
    if _is_plain(scores):
        raise _plain_numbers(base.name)
    truth = (None,) * len(base.samples) if several_labels(scores) else true_classes(model.labels, base.samples)
    return replace(base, labels=model.labels, truth=truth, answers=scores)


def check_labels(model: Answering, samples: Sequence[Sample]) -> None:
    """Refuse labels that the model does not know, if it is one that labels are used with: a few answers tell.

    Raises:
        InputError: a label is unknown to it, or a score is not finite.
    """
    few = samples[:_FEW]
    if len(model.labels) < 2 or all(sample.label is None for sample in samples):
        return
    scores = answers(model, model.encode([sample.text for sample in few]), few, 1)
    if not _is_plain(scores) and not several_labels(scores):
        true_classes(model.labels, samples)


def compared(reference: Reference, model: Answering, gate: float | None) -> Quality:
    """Compare the classes of a model with the reference.

    Raises:
        InputError: other classes, or a score that is not finite.
    """
    return told(reference, agreed(reference, model), gate)


def agreed(reference: Reference, model: Answering) -> Agreement:
    """Return how alike the scores of a model are to those of the reference.

    Raises:
        InputError: other classes, or a score that is not finite.
    """
    order = same_order(reference.labels, model.labels)
    if order is None:
        raise InputError(
            f"{model.facts.name} and {reference.name} tell other classes apart: "
            f"{', '.join(model.labels[:4])} and {', '.join(reference.labels[:4])}",
            "compare models for the same classes",
        )
    requests = model.encode([sample.text for sample in reference.samples])
    scores = answers(model, requests, reference.samples, reference.batch_size)[:, order]
    return agreement(reference.answers, scores, reference.truth, several=several_labels(reference.answers))


def told(reference: Reference, found: Agreement, gate: float | None) -> Quality:
    """Return the quality that scores show.

    Args:
        reference: that they were compared with.
        found: how alike they are.
        gate: most drop that is wanted, or None.
    """
    texts = len(reference.samples)
    drop = share_lost(found.lost, found.gained, found.labelled) if found.labelled else share(texts - found.same, texts)
    warnings = [*reference.warnings, *_remarks(reference, found), *too_few(drop, gate)]
    return Quality(
        task="classify",
        inputs=texts,
        tokens=sum(map(len, reference.requests)),
        drop=drop.value,
        drop_low=drop.low,
        drop_high=drop.high,
        drop_metric=LABELLED_DROP if found.labelled else DROP,
        agreement=found.same / texts,
        accuracy_before=found.right_before / found.labelled if found.labelled else None,
        accuracy_after=found.right_after / found.labelled if found.labelled else None,
        score_error=found.score_error,
        warnings=tuple(warnings),
    )


def _is_plain(scores: torch.Tensor) -> bool:
    return bool(((scores < -_ROUNDING) | (scores > 1 + _ROUNDING)).any())


def _plain_numbers(name: str) -> InputError:
    return InputError(
        f"{name}: gives plain numbers, no classes: what a difference between two of them means, only you know",
        "give a classifier (id2label with two classes or more)",
    )


def _remarks(reference: Reference, found: Agreement) -> list[str]:
    """Return what makes the figures mean less than they seem to."""
    texts, classes = len(reference.samples), len(reference.labels)
    if several_labels(reference.answers):
        unused = any(sample.label is not None for sample in reference.samples)
        return ["the model may give a text several labels: the labels of the inputs were not used"] if unused else []
    labelled = sum(at is not None for at in reference.truth)
    said = []
    if 0 < labelled < texts:
        said.append(f"only {labelled:,} of {texts:,} texts have a label: the drop is of these")
    if labelled >= _ENOUGH and found.right_before < _FEW_RIGHT * labelled / classes:
        share_right = 100 * found.right_before / labelled
        said.append(
            f"the reference has only {share_right:.0f} % right, less than by chance: look how classes are numbered"
        )
    if texts > 1 and len(set(reference.answers.argmax(1).tolist())) == 1:
        said.append("the reference gives every text the same label: these inputs cannot show what is lost")
    return said
