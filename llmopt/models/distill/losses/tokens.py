"""Losses of language models: the teacher's distribution over the next or the masked token, and the text itself."""

from __future__ import annotations

from llmopt.errors import MissingExtraError, UsageError
from llmopt.models.distill.losses.terms import against, check_temperature, divergences, hard_loss, mean, wide
from llmopt.models.distill.losses.vectors import cosine_loss

try:
    import torch
    from torch.nn.functional import log_softmax
except ImportError as error:
    raise MissingExtraError("torch", "models") from error

TRIPLE_WEIGHTS = 5.0, 2.0, 1.0
"""Of DistilBERT: the teacher's tokens, the masked words, the hidden states."""


def token_kd_loss(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, *, temperature: float = 1.0
) -> torch.Tensor:
    """Return `T² · KL(teacher ‖ student)` over the whole vocabulary, mean over tokens.

    Source: Hinton, Vinyals and Dean, 2015 (arXiv 1503.02531); for each word of a text Kim and Rush, "Sequence-level
    knowledge distillation", EMNLP 2016 (arXiv 1606.07947), section 3.1.

    Args:
        student_logits: `(tokens, vocabulary)`, of real tokens only.
        teacher_logits: of the same shape.
        temperature: of both.

    Raises:
        UsageError: shapes differ, or the temperature makes no sense.
    """
    return mean(divergences(student_logits, teacher_logits, temperature))


def top_kd_loss(
    student_logits: torch.Tensor, values: torch.Tensor, ids: torch.Tensor, *, temperature: float = 1.0
) -> torch.Tensor:
    """Return the same from the teacher's `k` likeliest tokens, which is all that need be kept of its answers.

    All other tokens are one more class, with what the `k` leave of the probability. By the log-sum inequality (Cover
    and Thomas, "Elements of information theory", theorem 2.7.1) that divergence is at most the one over the whole
    vocabulary; the two are equal where `k` is the vocabulary, or where the student splits the rest as the teacher does.

    Args:
        student_logits: `(tokens, vocabulary)`.
        values: `(tokens, k)`: logarithms of the teacher's probabilities at this temperature.
        ids: `(tokens, k)`: which tokens they are of, each once.
        temperature: of both.

    Raises:
        UsageError: shapes differ, or the temperature makes no sense.
    """
    check_temperature(temperature)
    if values.shape != ids.shape or len(values) != len(student_logits):
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (student_logits, values, ids))
        raise UsageError(f"logits, values and ids of other tokens: {shapes}", "give a row of each for each token")
    found = log_softmax(wide(student_logits) / temperature, -1).gather(1, ids.long())
    wanted = wide(values).to(found.dtype).exp()
    told = against(wanted, found).sum(1)
    if values.shape[1] < student_logits.shape[1]:
        rest = (1 - wanted.sum(1)).clamp(min=0)  # half precision rounds, so the sum may be above 1
        left = (1 - found.exp().sum(1)).clamp(min=torch.finfo(found.dtype).eps)
        told = told + torch.xlogy(rest, rest) - rest * left.log()
    return temperature**2 * mean(told)


def causal_lm_loss(logits: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the cross entropy of each next token, mean over the tokens that have one before them.

    Source: Radford and others, "Language models are unsupervised multitask learners", 2019; its exponential is the
    perplexity.

    Args:
        logits: `(texts, longest, vocabulary)`.
        ids: `(texts, longest)`, int64.
        mask: `(texts, longest)`: 1 where there is a token.

    Raises:
        UsageError: shapes differ.
    """
    if not logits.shape[:2] == ids.shape == mask.shape:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (logits, ids, mask))
        raise UsageError(f"logits, ids and mask of other texts: {shapes}", "give those of the same padded batch")
    known = mask[:, 1:].bool() & mask[:, :-1].bool()
    return hard_loss(logits[:, :-1][known], ids[:, 1:][known])


def masked_lm_loss(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return the cross entropy of the tokens behind the masks, mean over them.

    Source: Devlin and others, "BERT: pre-training of deep bidirectional transformers", NAACL 2019 (arXiv 1810.04805),
    section 3.1.

    Args:
        logits: `(tokens, vocabulary)`.
        wanted: `(tokens,)`, int64: the token, -100 where nothing was masked.
    """
    return hard_loss(logits, wanted)


def hidden_cosine_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Return `1 - cosine` of the last hidden states of both models, mean over tokens.

    Source: Sanh and others, "DistilBERT, a distilled version of BERT", 2019 (arXiv 1910.01108), section 2.

    Args:
        student: `(tokens, size)`, of real tokens only.
        teacher: of the same shape.

    Raises:
        UsageError: shapes differ.
    """
    return cosine_loss(student, teacher)


def triple_loss(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    wanted: torch.Tensor,
    student_hidden: torch.Tensor,
    teacher_hidden: torch.Tensor,
    *,
    temperature: float = 2.0,
    weights: tuple[float, float, float] = TRIPLE_WEIGHTS,
) -> torch.Tensor:
    """Return DistilBERT's loss: the teacher's tokens, the masked words and the hidden states, weighted.

    Source: Sanh and others, "DistilBERT, a distilled version of BERT", 2019 (arXiv 1910.01108), section 2. Weights and
    temperature are those of its published training (`--alpha_ce 5.0 --alpha_mlm 2.0 --alpha_cos 1.0`, temperature 2),
    in which the teacher's answers count at every token and the cross entropy at masked ones.

    Args:
        student_logits: `(tokens, vocabulary)`, of real tokens only.
        teacher_logits: of the same shape.
        wanted: `(tokens,)`, int64: the token behind a mask, -100 where nothing was masked.
        student_hidden: `(tokens, size)`, of the last layer.
        teacher_hidden: of the same shape.
        temperature: of the first part.
        weights: of the three parts.

    Raises:
        UsageError: shapes differ, or the temperature makes no sense.
    """
    answers, words, states = weights
    return (
        answers * token_kd_loss(student_logits, teacher_logits, temperature=temperature)
        + words * masked_lm_loss(student_logits, wanted)
        + states * hidden_cosine_loss(student_hidden, teacher_hidden)
    )
