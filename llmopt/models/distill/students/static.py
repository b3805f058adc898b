"""A student that is nothing but a table: a vector for each token, and a text is the mean of its tokens' vectors.

It is an ordinary BERT without layers, so whatever reads an encoder reads it too. Positions and kinds of segments are
zeros, and the one normalisation that is left does nothing but take the mean of each vector away: with an epsilon that
dwarfs the variance, `(x - mean) / √(variance + ε) · √ε` is `x - mean`.

A token's row is what the teacher makes of a text of that token alone, less what all rows have in common (a mean of many
tokens would be little else), times a weight that is small for frequent tokens: `a / (a + p)`. Vocabularies are written
by frequency, so `p` follows from the rank by Zipf's law. Tokens of one character stand in front whatever their
frequency: they are no part of the ranks, those of ASCII count as frequent, the others as rare. On sentences of English
documentation these ranks began better than frequencies that were counted in it (`a` from 1e-2 to 1e-4 for both).

Sources: Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence embeddings", ICLR 2017 (weight, and
taking away what is common); Tulkens and van Dongen, "Model2Vec", 2024 (rows from the teacher, ranks for frequencies).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmopt.errors import InputError, MissingExtraError, UsageError
from llmopt.models.distill.values import Teacher
from llmopt.models.encoder import sentence_vectors
from llmopt.models.loading import quiet, unwarned
from llmopt.models.positions import longest_input
from llmopt.models.vocabulary import read_tokenizer

try:
    import torch
    from tokenizers import Tokenizer

    with quiet():  # libraries that come with it tell what they cannot load
        from transformers import BertConfig, BertModel
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "models") from error

ORIGIN = "a static table of the teacher's tokens"
FROZEN = (
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    "pooler.dense.weight",
    "pooler.dense.bias",
)
"""Parameters that make a table of a BERT; not to be trained."""
_RARITY = 1e-4
"""`a` of the weights; the paper takes 1e-3 to 1e-4."""
_LETTER_RANK = 100
"""How frequent letters, digits and punctuation count as: a weight of a tenth."""
_JOINERS = "#Ġ▁"
"""Marks of tokens that begin or go on with a word."""
_SCALE = 1024.0
"""Weight of the normalisation, the root of its epsilon: a power of two, so that half precision has it exactly."""
_LONGEST = 8_192
"""Positions at most: each costs a row of zeros."""
_BATCH = 1_024
_ANY_TEXT = "a"
_MADE_UP = re.compile(r"\[[^\]]+\]|<[^>]+>")
"""Tokens that stand for no text, such as `[unused7]` and `<s>`."""


def static_student(teacher: Teacher) -> tuple[Any, str]:
    """Return a static table of a teacher's tokens, and in words where it is from; texts are pooled by the mean.

    Args:
        teacher: to embed; its pooling may be another.

    Raises:
        UsageError: the teacher does not embed.
        InputError: what it makes of its tokens is not finite.
    """
    if teacher.task != "embed":
        raise UsageError(
            f"{teacher.name}: made to {teacher.task}; a static student embeds",
            "take --student layers=1, which is fast too",
        )
    tokenizer = read_tokenizer(teacher.home / "tokenizer.json")
    before, behind = _around(tokenizer)
    rows = teacher.device.compute(lambda: _rows(teacher, before, behind))
    if not rows.isfinite().all():
        raise InputError(f"{teacher.name}: the vectors of its tokens are not finite", "fetch the weights again")
    # those around every text say nothing of it: zeros leave its direction as it is
    silent = torch.tensor(sorted({*before, *behind, teacher.fill}))
    spoken = torch.ones(len(rows), dtype=torch.bool).index_fill_(0, silent, False)
    rows -= rows[spoken].mean(0)
    rows *= _weights(tokenizer.get_vocab(with_added_tokens=True), len(rows))[:, None]
    rows[silent] = 0
    return _table(teacher, rows).to(teacher.device.place), ORIGIN


def _around(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the token ids that the tokenizer puts before and behind each text."""
    encoding = tokenizer.encode(_ANY_TEXT)
    own = [at for at, special in enumerate(encoding.special_tokens_mask) if not special]
    if not own:
        return list(encoding.ids), []
    return list(encoding.ids[: own[0]]), list(encoding.ids[own[-1] + 1 :])


def _rows(teacher: Teacher, before: Sequence[int], behind: Sequence[int]) -> torch.Tensor:
    """Return the teacher's vector of each token id by itself, `(tokens, size)`, on the CPU."""
    rows = []
    with torch.inference_mode(), unwarned():
        for start in range(0, teacher.known_tokens, _BATCH):
            texts = [[*before, at, *behind] for at in range(start, min(start + _BATCH, teacher.known_tokens))]
            ids = torch.tensor(texts, device=teacher.device.place)
            rows.append(sentence_vectors(teacher.model, ids, torch.ones_like(ids), teacher.layout.pooling).cpu())
    return torch.cat(rows).clone()


def _weights(vocabulary: Mapping[str, int], tokens: int) -> torch.Tensor:
    """Return the weight of each token, from 0 (everywhere) to 1 (rare)."""
    kept = {at: text.strip(_JOINERS) for text, at in vocabulary.items() if not _MADE_UP.fullmatch(text)}
    words = sorted(at for at, text in kept.items() if len(text) > 1)
    zipf = torch.arange(1, max(len(words), _LETTER_RANK) + 1).reciprocal()
    zipf /= zipf.sum()
    often = torch.zeros(tokens)
    often[words] = zipf[: len(words)]
    often[[at for at, text in kept.items() if len(text) <= 1 and text.isascii()]] = zipf[_LETTER_RANK - 1]
    return _RARITY / (_RARITY + often)


def _table(teacher: Teacher, rows: torch.Tensor) -> Any:
    """Return a BERT without layers that has these rows."""
    positions = longest_input(teacher.model) or teacher.max_tokens
    config = BertConfig(
        vocab_size=len(rows),
        hidden_size=rows.shape[1],
        num_hidden_layers=0,
        num_attention_heads=1,
        intermediate_size=rows.shape[1],
        max_position_embeddings=min(positions, _LONGEST),
        hidden_dropout_prob=0.0,
        layer_norm_eps=_SCALE**2,
        pad_token_id=teacher.fill,
    )
    model: Any = BertModel(config)
    model.eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.embeddings.word_embeddings.weight.copy_(rows)
        model.embeddings.LayerNorm.weight.fill_(_SCALE)
    return model
