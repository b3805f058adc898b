"""Quality of a model against a reference, by what the two are for; docs/quality.md says what each figure means.

The reference answers once, and any number of models are compared with it. Language models are asked side by side: what
they say of a text is too much to keep.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.errors import InputError, UsageError
from llmopt.models.quality import classifiers, encoders, generators
from llmopt.models.quality.answering import Answering as Answering
from llmopt.models.quality.data import Sample
from llmopt.models.quality.reference import Reference as Reference
from llmopt.models.quality.reference import distinct, drawn, first_of_each
from llmopt.models.quality.remarks import cut, unused
from llmopt.models.quality.result import Quality

MOST_TEXTS = 5_000
"""Each is compared with all others: time grows with the square."""
BATCH_SIZE = 32
_PREPARED = {"embed": encoders.prepared, "classify": classifiers.prepared, "generate": generators.prepared}


def reference(
    model: Answering, samples: Sequence[Sample], *, batch_size: int = BATCH_SIZE, most: int = MOST_TEXTS
) -> Reference:
    """Answer each input once, with the model that others shall stand for.

    Args:
        model: to compare with. A language model is called again by each `quality`: keep it open.
        samples: real inputs, labelled or not.
        batch_size: texts of a batch at most; what a batch-mate changes (a scale of activations) depends on it.
        most: texts to use at most; of more, a part is drawn by the hash of the text, and a warning says so.

    Raises:
        InputError: too few different texts, a label that the model does not know, an answer that is not finite, or a
            model that gives plain numbers and no classes.
        UsageError: a model that neither embeds, nor classifies, nor generates.
    """
    task = model.facts.task
    if task not in _PREPARED:
        raise UsageError(f"{model.facts.name}: nobody knows what its answers mean", f"for {', '.join(_PREPARED)} only")
    different = distinct(samples, labelled=task == "classify")
    if not different:
        raise InputError("no text to compare answers to", "give some hundreds")
    used = drawn(different, most)
    asked = len(used)
    requests = model.encode([sample.text for sample in used])
    if task == "embed":
        used, requests = first_of_each(used, requests)
    equal = len(samples) - len(different) + asked - len(used)
    warnings = (*unused(len(samples), equal, len(used)), *cut(model, used, requests))
    base = Reference(model.facts.name, task, tuple(used), tuple(requests), batch_size, warnings=warnings)
    return _PREPARED[task](model, base)


def check_inputs(model: Answering, samples: Sequence[Sample]) -> None:
    """Refuse inputs that `reference` would refuse, as far as it shows without an answer to all of them.

    Args:
        model: that others will be compared with.
        samples: real inputs.

    Raises:
        InputError: too few different texts, or a label that the model does not know.
    """
    if model.facts.task == "embed":
        encoders.check_enough(len(distinct(samples, labelled=False)))
    if model.facts.task == "classify":
        classifiers.check_labels(model, samples)


def quality(reference: Reference, model: Answering, *, gate: float | None = None) -> Quality:
    """Return how close the answers of a model are to the reference.

    Args:
        reference: of the model to compare with.
        model: for the same task.
        gate: most `drop` that is wanted: a warning says where the inputs are too few to tell.

    Raises:
        InputError: another task, other classes, or an answer that is not finite.
    """
    if model.facts.task != reference.task:
        raise InputError(
            f"{model.facts.name} is for {model.facts.task}, {reference.name} for {reference.task}",
            "compare models for the same task, or name it (--task)",
        )
    if reference.model is not None:
        return generators.compared(reference, reference.model, model, gate)
    if reference.task == "embed":
        return encoders.compared(reference, model, gate)
    return classifiers.compared(reference, model, gate)
