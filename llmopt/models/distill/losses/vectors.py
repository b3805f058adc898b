"""Losses of encoders: vectors of texts, how alike texts are, who is nearest to whom, and relations between tokens."""

from __future__ import annotations

from llmopt.errors import MissingExtraError, UsageError
from llmopt.models.distill.losses.terms import check_rows, check_same, check_temperature, divergences, mean, wide

try:
    import torch
    from torch.nn.functional import cosine_similarity, normalize
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

_FAR = -1e9
"""Logit of a token that is not there: finite, so that 0 times it is 0."""


def cosine_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Return `1 - cosine` of the two vectors of each text, mean over texts.

    For vectors of length 1 it is half their squared distance, the loss of Reimers and Gurevych, "Making monolingual
    sentence embeddings multilingual using knowledge distillation", EMNLP 2020 (arXiv 2004.09813).

    Args:
        student: `(texts, size)`, of any length.
        teacher: `(texts, size)`.

    Raises:
        UsageError: shapes differ.
    """
    check_same(student, teacher)
    return mean(1 - cosine_similarity(wide(student), wide(teacher), dim=-1))


def similarity_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Return the squared difference of the cosines of two texts, mean over all pairs of the batch.

    Sizes of vectors may differ. Less than two texts have no pairs: 0.

    Source: Tung and Mori, "Similarity-preserving knowledge distillation", ICCV 2019 (arXiv 1907.09682); cosines, as in
    Park and others, "Relational knowledge distillation", CVPR 2019, in place of products whose rows are normalised.

    Args:
        student: `(texts, size)`.
        teacher: `(texts, size of the teacher)`.

    Raises:
        UsageError: not the same texts.
    """
    check_rows(student, teacher)
    return mean((_others(student) - _others(teacher)).square())


def neighbour_loss(student: torch.Tensor, teacher: torch.Tensor, *, temperature: float = 0.05) -> torch.Tensor:
    """Return how far the student is from putting the same texts near each text; mean over texts.

    The cosines of a text to all others of the batch become a distribution by a softmax, in which the nearest count
    most; the loss is `KL(teacher ‖ student)`. Sizes of vectors may differ. Of one text there are no others: 0.

    Source: Abbasi Koohpayegani and others, "CompRess: self-supervised learning by compressing representations", NeurIPS
    2020 (arXiv 2010.14713), and Fang and others, "SEED: self-supervised distillation for visual representation", ICLR
    2021 (arXiv 2101.04731); here with the batch in place of a queue of earlier vectors.

    Args:
        student: `(texts, size)`.
        teacher: `(texts, size of the teacher)`.
        temperature: of both; the lower, the more the nearest count.

    Raises:
        UsageError: not the same texts, or a temperature that makes no sense.
    """
    check_rows(student, teacher)
    check_temperature(temperature)
    mine, wanted = _others(student) / temperature, _others(teacher) / temperature
    return mean(divergences(mine, wanted, 1.0))


def relation_loss(student: torch.Tensor, teacher: torch.Tensor, mask: torch.Tensor, *, heads: int) -> torch.Tensor:
    """Return how far the relations between the tokens of a text are from the teacher's; mean over heads and tokens.

    The states of a token (queries, keys or values of one layer, all heads of it joined, or its hidden states) are cut
    into `heads` pieces. In each, how a token relates to all of the text is `softmax(x xᵀ / √piece)`; the loss is
    `KL(teacher ‖ student)`. The pieces of both may differ in size, so may widths and numbers of attention heads.

    Source: Wang and others, "MiniLMv2: multi-head self-attention relation distillation", Findings of ACL 2021 (arXiv
    2012.15828), which adds it up over queries, keys and values.

    Args:
        student: `(texts, longest, width)`.
        teacher: `(texts, longest, width of the teacher)`.
        mask: `(texts, longest)`: 1 where there is a token.
        heads: pieces; both widths are multiples of it. The more, the finer the relations.

    Raises:
        UsageError: other texts, or widths that cannot be cut so.
    """
    if student.shape[:2] != teacher.shape[:2] or mask.shape != student.shape[:2]:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (student, teacher, mask))
        raise UsageError(f"states and mask of other texts: {shapes}", "give both models the same padded batch")
    there = mask.bool()
    mine, wanted = (_relations(states, there, heads) for states in (student, teacher))
    told = divergences(mine, wanted, 1.0)
    return mean(told.transpose(1, 2)[there])


def _others(vectors: torch.Tensor) -> torch.Tensor:
    """Return the cosines of each text to all others, `(texts, texts - 1)`; without texts none."""
    texts = len(vectors)
    unit = normalize(wide(vectors), dim=1)
    other = ~torch.eye(texts, dtype=torch.bool, device=vectors.device)
    return (unit @ unit.T)[other].reshape(texts, max(0, texts - 1))


def _relations(states: torch.Tensor, there: torch.Tensor, heads: int) -> torch.Tensor:
    """Return the logits of relations, `(texts, heads, longest, longest)`."""
    texts, longest, width = states.shape
    if heads < 1 or width % heads:
        raise UsageError(f"a width of {width} cannot be cut into {heads} heads", "take a number that divides both")
    pieces = wide(states).reshape(texts, longest, heads, width // heads).transpose(1, 2)
    products = pieces @ pieces.transpose(2, 3) / (width // heads) ** 0.5
    relations: torch.Tensor = products.masked_fill(~there[:, None, None, :], _FAR)
    return relations
