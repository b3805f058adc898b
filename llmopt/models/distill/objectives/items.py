"""Texts as token ids, with what each is to teach: its class, or the words behind its masks.

Masks are drawn once, from the seed and the text, since the teacher answers once: 15 % of the tokens, of which 80 % are
masked, 10 % become another token and 10 % stay (Devlin and others, "BERT", NAACL 2019, section 3.1).
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence

from llmopt.models.distill.objectives.classes import SEVERAL
from llmopt.models.distill.objectives.masked import NOTHING
from llmopt.models.distill.values import Item, Student, Teacher
from llmopt.models.quality.data import Sample, text_hash
from llmopt.models.vocabulary import Vocabulary

COVERED = 0.15
"""Share of the tokens of a text that is to be filled in; one at least."""
_MASKED, _OTHER = 0.8, 0.9
_PIECE = 1_024
"""Texts that are cut together: lists of ids take many times what is kept of them."""


def items_of(
    teacher: Teacher, student: Student, samples: Sequence[Sample], classes: Sequence[int | None], *, seed: int
) -> tuple[Item, ...]:
    """Return texts as both models read them.

    A student that continues or fills in text reads the teacher's tokens, and both are cut to what the student reads.

    Args:
        teacher: that answers.
        student: that learns.
        samples: the texts.
        classes: of each text, by the teacher's numbers; not used where a text may have several.
        seed: of the masks.
    """
    shared = teacher.task in ("generate", "fill")
    apart = not shared and _reads_otherwise(teacher, student)
    several = getattr(teacher.model.config, "problem_type", None) == SEVERAL
    read = student.vocabulary if shared else teacher.vocabulary
    items: list[Item] = []
    for start in range(0, len(samples), _PIECE):
        texts = [sample.text for sample in samples[start : start + _PIECE]]
        others = _encoded(student.vocabulary, texts) if apart else [None] * len(texts)
        for text, ids, own in zip(texts, _encoded(read, texts), others, strict=True):
            if teacher.task == "fill":
                items.append(_covered(teacher, text, ids, seed))
            else:
                items.append(Item(ids, ids if own is None else own, None if several else classes[len(items)]))
    return tuple(items)


def cut_texts(items: Sequence[Item], student: Student) -> tuple[str, ...]:
    """Return a warning where texts fill all that a student reads: what is behind that is not learned from."""
    count = sum(len(item.student_ids) >= student.max_tokens for item in items)
    if not count:
        return ()
    return (f"{count:,} of {len(items):,} texts have {student.max_tokens:,} tokens or more: the first count",)


def _reads_otherwise(teacher: Teacher, student: Student) -> bool:
    lower = student.layout.lower != teacher.layout.lower
    return student.own_tokens or student.max_tokens != teacher.max_tokens or lower


def _encoded(vocabulary: Vocabulary, texts: Sequence[str]) -> Iterator[array[int]]:
    return (array("i", ids) for ids in vocabulary.encode(texts))


def _covered(teacher: Teacher, text: str, ids: array[int], seed: int) -> Item:
    """Return a text with masks in it; without any where it has no token that could be masked."""
    draw = random.Random(f"{seed}/{text_hash(text)}")
    special = teacher.vocabulary.special
    open_to = [place for place, token in enumerate(ids) if token not in special]
    count = min(len(open_to), max(1, round(COVERED * len(open_to))))
    read, wanted = array("i", ids), array("i", [NOTHING]) * len(ids)
    for place in draw.sample(open_to, count):
        wanted[place] = ids[place]
        fate = draw.random()
        if fate < _MASKED:
            read[place] = ids[place] if teacher.mask is None else teacher.mask
        elif fate < _OTHER:
            read[place] = draw.choice(teacher.vocabulary.ordinary)
    return Item(read, read, None, wanted)
