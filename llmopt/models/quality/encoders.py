"""Quality of an encoder: whether its vectors put the same texts near each other as those of the reference do."""

from __future__ import annotations

from dataclasses import replace

from llmopt.errors import InputError
from llmopt.models.quality.answering import Answering, answers
from llmopt.models.quality.intervals import share
from llmopt.models.quality.reference import Reference
from llmopt.models.quality.remarks import too_few
from llmopt.models.quality.result import Quality
from llmopt.models.quality.vectors import FEWEST, Alike, alike

DROP = "nearest neighbours changed"
_UNDECIDED = 0.02
_CROWDED = 0.9
"""Of mean cosines: random weights give about 0.94, trained encoders of sentences 0.05 to 0.8."""


def prepared(model: Answering, base: Reference) -> Reference:
    """Return a reference with its vectors.

    Raises:
        InputError: too few different texts, or a vector that is not finite.
    """
    check_enough(len(base.samples))
    return replace(base, answers=answers(model, base.requests, base.samples, base.batch_size))


def check_enough(texts: int) -> None:
    """Refuse too few different texts.

    Raises:
        InputError: so few that neighbours cannot change.
    """
    if texts < FEWEST:
        raise InputError(
            f"only {texts} different text{'' if texts == 1 else 's'}: who is nearest to whom cannot change",
            f"give {FEWEST} at least, better some hundreds",
        )


def compared(reference: Reference, model: Answering, gate: float | None) -> Quality:
    """Compare the vectors of a model with the reference.

    Raises:
        InputError: a vector that is not finite.
    """
    requests = model.encode([sample.text for sample in reference.samples])
    found = alike(reference.answers, answers(model, requests, reference.samples, reference.batch_size))
    drop = share(found.texts - found.unchanged, found.texts)
    warnings = (*reference.warnings, *too_few(drop, gate), *_remarks(found))
    return Quality(
        task="embed",
        inputs=found.texts,
        tokens=sum(map(len, reference.requests)),
        drop=drop.value,
        drop_low=drop.low,
        drop_high=drop.high,
        drop_metric=DROP,
        cosine=found.cosine,
        cosine_p5=found.cosine_p5,
        rank_correlation=found.rank_correlation,
        top1_agreement=found.unchanged / found.texts,
        topk_agreement=found.topk,
        k=found.k,
        warnings=warnings,
    )


def _remarks(found: Alike) -> list[str]:
    """Return what makes the figures mean less than they seem to."""
    said = []
    if found.crowding > _CROWDED:
        said.append(
            f"the reference puts all texts near each other (mean cosine {found.crowding:.2f}), as random weights do: "
            "any recipe looks good on them"
        )
    if found.undecided > _UNDECIDED * found.texts:
        told = f"{found.undecided:,} of {found.texts:,}"
        said.append(f"the reference itself has several nearest texts for {told}: these count as kept with any of them")
    return said
