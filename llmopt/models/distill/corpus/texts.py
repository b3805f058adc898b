"""Each text once, with its class: what is read from the user's data before it is split."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from llmopt.errors import InputError
from llmopt.models.quality.classes import true_classes
from llmopt.models.quality.data import Sample, read_samples, text_hash

Data = str | os.PathLike[str] | Sequence[str | Sample]
"""A file of texts, or the texts themselves."""
_TOLD = 3


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is in the data once or more often."""

    hash: str
    """Equal for texts that differ in case and blanks only."""
    sample: Sample
    """The first of them, with the label that counts."""
    at: int | None
    """Class by the teacher's numbers; None without a label, or where as many say one as another."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a file, or of a list."""

    name: str
    """As errors call it."""
    found: tuple[Text, ...]
    """By their hash: a random order that does not depend on the order of the data."""
    repeated: int
    """Samples that equal one before them."""


def read_texts(
    data: Data, name: str, *, labels: Sequence[str], supervised: bool, told: Callable[[str], object]
) -> Texts:
    """Return the texts of a file or a list, each once, by their hash.

    Args:
        data: a path as `read_samples` takes it, or texts.
        name: what texts that are from no file are called.
        labels: names of the teacher's classes; empty unless it classifies.
        supervised: whether labels are learned from; otherwise none is kept.
        told: is told what could not be used.

    Raises:
        InputError: no text, or no label that the teacher knows where there are labels.
    """
    if isinstance(data, str | os.PathLike):
        name = os.fspath(data)
        samples = read_samples(name, refused=told)
    else:
        samples = _of_list(data, name)
    if supervised:
        return _once(name, *_known(samples, labels, name, told), told)
    labelled = sum(sample.label is not None for sample in samples)
    if labels and labelled:
        told(f"{name}: labels are not used: the teacher may give a text several, and its answers are learned")
    plain = [sample if sample.label is None else replace(sample, label=None) for sample in samples]
    return _once(name, plain, [None] * len(plain), told)


def _of_list(data: Iterable[object], name: str) -> tuple[Sample, ...]:
    samples = []
    for at, one in enumerate(data, 1):
        sample = Sample(one) if isinstance(one, str) else one
        if not isinstance(sample, Sample):
            raise InputError(f"{name}: number {at} is of type {type(one).__name__}", "give texts, or samples")
        if not sample.text.strip():
            raise InputError(f"{name}: number {at} is an empty text", "leave it out")
        samples.append(sample)
    if not samples:
        raise InputError(f"{name}: no text in it", "give some thousands")
    return tuple(samples)


def _known(
    samples: Sequence[Sample], labels: Sequence[str], name: str, told: Callable[[str], object]
) -> tuple[list[Sample], list[int | None]]:
    """Return the samples whose label the teacher knows, and those without one, with their classes."""
    unknown: list[InputError] = []
    classes = true_classes(labels, samples, refused=unknown.append)
    pairs = list(zip(samples, classes, strict=True))
    kept = [(sample, at) for sample, at in pairs if at is not None or sample.label is None]
    if unknown and all(at is None for at in classes):
        raise InputError(f"{unknown[0].message}, nor any other in {name}", unknown[0].hint)
    for error in unknown[:_TOLD]:
        told(f"{error.message}: left out; {error.hint}")
    if len(unknown) > _TOLD:
        more = len(unknown) - _TOLD
        told(f"{name}: {more:,} more {'label that it does' if more == 1 else 'labels that it does'} not know: left out")
    return [sample for sample, _ in kept], [at for _, at in kept]


def _once(name: str, samples: Sequence[Sample], classes: Sequence[int | None], told: Callable[[str], object]) -> Texts:
    """Return each text once; the label that most of its samples have counts."""
    groups: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        groups.setdefault(text_hash(sample.text), []).append(place)
    found, disputed = [], []
    for key in sorted(groups):
        places = groups[key]
        votes = Counter(at for at in (classes[place] for place in places) if at is not None)
        if len(votes) > 1:
            disputed.append(places[0])
        at = _majority(votes)
        label = next((samples[place].label for place in places if at is not None and classes[place] == at), None)
        first = samples[places[0]]
        found.append(Text(key, first if first.label == label else replace(first, label=label), at))
    if disputed:
        one = len(disputed) == 1
        told(
            f"{name}: {len(disputed):,} {'text has' if one else 'texts have'} more than one label, such as "
            f"{samples[min(disputed)].where}: the most frequent one counts, and none where two are as frequent"
        )
    return Texts(name, tuple(found), len(samples) - len(found))


def _majority(votes: Counter[int]) -> int | None:
    """Return the class with most votes; None where there is none, or two have as many."""
    ranked = votes.most_common(2)
    tied = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
    return ranked[0][0] if ranked and not tied else None
