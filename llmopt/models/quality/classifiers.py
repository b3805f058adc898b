"""Quality of a classifier: accuracy lost where the labels are known, otherwise labels that changed."""

from __future__ import annotations

from dataclasses import replace

from llmopt.errors import InputError
from llmopt.models.quality.answering import Answering, answers
from llmopt.models.quality.classes import Agreement, agreement, same_order, several_labels, true_classes
from llmopt.models.quality.intervals import share, share_lost
from llmopt.models.quality.reference import Reference
from llmopt.models.quality.remarks import too_few
from llmopt.models.quality.result import Quality

LABELLED_DROP, DROP = "accuracy lost", "labels changed"
_FEW_RIGHT = 0.5
_ENOUGH = 20
_ROUNDING = 1e-3


def prepared(model: Answering, base: Reference) -> Reference:
    """Return a reference with its scores and the true classes.

    Raises:
        InputError: the model gives plain numbers, a label is unknown to it, or a score is not finite.
    """
    plain = InputError(
        f"{base.name}: gives plain numbers, no classes: what a difference between two of them means, only you know",
        "give a classifier (id2label with two classes or more)",
    )
    if len(model.labels) < 2:
        raise plain
    truth = true_classes(model.labels, base.samples)
    scores = answers(model, base.requests, base.samples, base.batch_size)
    if bool(((scores < -_ROUNDING) | (scores > 1 + _ROUNDING)).any()):
        raise plain
    return replace(base, labels=model.labels, truth=truth, answers=scores)


def compared(reference: Reference, model: Answering, gate: float | None) -> Quality:
    """Compare the classes of a model with the reference.

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
    several = several_labels(reference.answers)
    found = agreement(reference.answers, scores, reference.truth, several=several)
    texts = len(reference.samples)
    drop = share_lost(found.lost, found.gained, found.labelled) if found.labelled else share(texts - found.same, texts)
    warnings = [*reference.warnings, *_remarks(reference, found, several), *too_few(drop, gate)]
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


def _remarks(reference: Reference, found: Agreement, several: bool) -> list[str]:
    """Return what makes the figures mean less than they seem to."""
    texts, classes = len(reference.samples), len(reference.labels)
    labelled = sum(at is not None for at in reference.truth)
    if several:
        return ["the model may give a text several labels: the labels of the inputs were not used"] if labelled else []
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
