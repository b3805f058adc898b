"""Read the texts of a distillation: labels checked, each text once, and three parts that share nothing."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt.models.distill.corpus.split import FEWEST_HELD_OUT, split
from llmopt.models.distill.corpus.texts import Data, Text, read_texts
from llmopt.models.distill.corpus.values import Corpus
from llmopt.models.distill.report import DataUse
from llmopt.models.quality.data import Sample


def read_corpus(data: Data, held_out: Data | None, *, labels: Sequence[str], supervised: bool) -> Corpus:
    """Return texts to learn from, texts that say when to stop, and texts for the proof.

    Rows that cannot be used are left out and told in the warnings with file and line.

    Args:
        data: a file (lines of text, JSON lines, a JSON list, CSV; packed or not), a quoted glob, `-`, or texts.
        held_out: the same, for the proof; None: a tenth of the data.
        labels: names of the teacher's classes; empty unless it classifies.
        supervised: whether labels are learned from. With `labels` and without this, a text may have several.

    Raises:
        InputError: data that cannot be read, no label that the teacher knows, or too few texts.
    """
    warnings: list[str] = []
    texts = read_texts(data, "the data", labels=labels, supervised=supervised, told=warnings.append)
    apart = None
    if held_out is not None:
        apart = read_texts(
            held_out, "the texts of the proof", labels=labels, supervised=supervised, told=warnings.append
        )
    parts = split(texts, apart)
    labelled = _labelled(parts.train)
    if supervised:
        warnings += _few_labels(texts.name, labelled, _labelled(parts.held_out))
    return Corpus(
        train=_samples(parts.train),
        validation=_samples(parts.validation),
        held_out=_samples(parts.held_out),
        classes_train=_classes(parts.train),
        classes_validation=_classes(parts.validation),
        classes_held_out=_classes(parts.held_out),
        use=DataUse(
            train=len(parts.train),
            validation=len(parts.validation),
            held_out=len(parts.held_out),
            labelled=labelled,
            near_duplicates=parts.near_duplicates,
            repeated=texts.repeated + (apart.repeated if apart else 0),
        ),
        warnings=tuple(warnings),
    )


def _few_labels(name: str, learned: int, proved: int) -> list[str]:
    said = []
    if not learned:
        said.append(f"{name}: no labels to learn from: the teacher's answers alone are learned")
    if not proved:
        said.append("no text of the proof has a label: the proof is how often both models agree, not who is right")
    elif proved < FEWEST_HELD_OUT:
        said.append(f"only {proved} texts of the proof have a label: little is known of accuracy")
    return said


def _labelled(texts: Sequence[Text]) -> int:
    return sum(text.at is not None for text in texts)


def _samples(texts: Sequence[Text]) -> tuple[Sample, ...]:
    return tuple(text.sample for text in texts)


def _classes(texts: Sequence[Text]) -> tuple[int | None, ...]:
    return tuple(text.at for text in texts)
