"""Quality of a language model: how much likelier its reference finds real texts, token by token.

Models with the same tokens read the same ones side by side. Others cannot be compared token by token: a model whose
tokens are longer has fewer and less likely ones. They are compared by bits per byte of text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from llmopt.errors import InputError
from llmopt.models.quality.answering import Answering, cut_texts
from llmopt.models.quality.data import Sample
from llmopt.models.quality.intervals import mapped, ratio
from llmopt.models.quality.language import Text, nats, side_by_side
from llmopt.models.quality.reference import Reference
from llmopt.models.quality.remarks import counted, too_few
from llmopt.models.quality.result import Quality

DROP, BYTES_DROP = "perplexity gained", "bits per byte gained"
_CHANCE = 0.3
_FEWEST = 2
_MOST_NATS = 700.0
_BITS = 1 / math.log(2)


def prepared(model: Answering, base: Reference) -> Reference:
    """Return a reference that asks the model again, with the texts that have a next token to tell.

    Raises:
        InputError: fewer than two texts.
    """
    kept = [at for at, request in enumerate(base.requests) if len(request) > 1]
    if len(kept) < _FEWEST:
        raise InputError(
            f"{counted(len(kept))} of two tokens or more: at least {_FEWEST} are needed", "give some hundreds"
        )
    short = len(base.requests) - len(kept)
    return replace(
        base,
        samples=tuple(base.samples[at] for at in kept),
        requests=tuple(base.requests[at] for at in kept),
        model=model,
        warnings=(*base.warnings, *([f"{counted(short)} of a single token: no next one"] if short else [])),
    )


def compared(reference: Reference, base: Answering, model: Answering, gate: float | None) -> Quality:
    """Compare the next tokens of a model with those of the reference.

    Raises:
        InputError: a number that is not finite, or too few texts that both read to their end.
    """
    requests = model.encode([sample.text for sample in reference.samples])
    shared = _shared(reference.requests, requests)
    if shared is None:
        return _by_bytes(reference, base, model, requests, gate)
    return _by_tokens(reference, base, model, shared, gate)


def _shared(mine: Sequence[list[int]], theirs: Sequence[list[int]]) -> list[list[int]] | None:
    """Return the tokens that both read of each text; None where they are not the same up to where one is cut."""
    lengths = [min(len(one), len(other)) for one, other in zip(mine, theirs, strict=True)]
    shared = [one[:length] for one, length in zip(mine, lengths, strict=True)]
    others = [other[:length] for other, length in zip(theirs, lengths, strict=True)]
    return shared if shared == others and min(lengths) > 1 else None


def _by_tokens(
    reference: Reference, base: Answering, model: Answering, requests: list[list[int]], gate: float | None
) -> Quality:
    texts = side_by_side(base, model, requests, reference.samples, reference.batch_size)
    return of_texts("generate", texts, base.known_tokens, reference.warnings, gate)


def of_texts(task: str, texts: Sequence[Text], known: int, warnings: Sequence[str], gate: float | None) -> Quality:
    """Return the quality that answers to the same tokens show.

    Args:
        task: that the models are for.
        texts: what both make of each text, two or more.
        known: tokens that the reference knows.
        warnings: that are known already.
        gate: most drop that is wanted, or None.
    """
    gained = ratio([text.after_nats - text.before_nats for text in texts], [text.tokens for text in texts])
    drop = mapped(gained, lambda nats_gained: math.expm1(min(nats_gained, _MOST_NATS)))
    tokens = sum(text.tokens for text in texts)
    before = _perplexity(sum(text.before_nats for text in texts), tokens)
    told = [*warnings, *too_few(drop, gate)]
    if before > _CHANCE * known:
        told.append(f"the reference guesses: perplexity {before:,.0f} of {known:,} tokens; random weights?")
    return Quality(
        task=task,
        inputs=len(texts),
        tokens=tokens,
        drop=drop.value,
        drop_low=drop.low,
        drop_high=drop.high,
        drop_metric=DROP,
        perplexity_before=before,
        perplexity_after=_perplexity(sum(text.after_nats for text in texts), tokens),
        kl_nats=math.fsum(text.kl_nats for text in texts) / tokens,
        top1_agreement=sum(text.same for text in texts) / tokens,
        warnings=tuple(told),
    )


def _by_bytes(
    reference: Reference, base: Answering, model: Answering, requests: list[list[int]], gate: float | None
) -> Quality:
    both = ((base, reference.requests), (model, requests))
    cut = {at for one, asked in both for at in cut_texts(one, reference.samples, asked)}
    read = [at for at in range(len(reference.samples)) if at not in cut]
    if len(read) < _FEWEST:
        raise InputError(
            f"{base.facts.name} and {model.facts.name} have different tokens, and "
            f"{len(read)} texts are short enough for both",
            "give shorter texts",
        )
    samples = [reference.samples[at] for at in read]
    bits = [_bits_per_byte(one, [asked[at] for at in read], samples, reference.batch_size) for one, asked in both]
    gained = ratio(bits[1], bits[0])
    drop = mapped(gained, lambda times: times - 1)
    before, after = map(math.fsum, bits)
    warnings = [*reference.warnings, *too_few(drop, gate)]
    warnings.append("the models have different tokens, so they are compared by bits per byte of text")
    if cut:
        warnings.append(f"{counted(len(cut))} longer than a model reads: left out")
    return Quality(
        task="generate",
        inputs=len(read),
        tokens=sum(len(reference.requests[at]) - 1 for at in read),
        drop=drop.value,
        drop_low=drop.low,
        drop_high=drop.high,
        drop_metric=BYTES_DROP,
        bits_per_byte_before=before,
        bits_per_byte_after=after,
        warnings=tuple(warnings),
    )


def _bits_per_byte(
    model: Answering, requests: list[list[int]], samples: Sequence[Sample], batch_size: int
) -> list[float]:
    """Return what each text adds to the bits per byte of all; a first token is not told, so its bytes do not count."""
    told = [
        max(1, len(_utf8(sample.text)) - len(_utf8(model.decode(request[:1]))))
        for sample, request in zip(samples, requests, strict=True)
    ]
    total = sum(told)
    return [_BITS * text / total for text in nats(model, requests, samples, batch_size)]


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _perplexity(total_nats: float, tokens: int) -> float:
    return math.exp(min(total_nats / tokens, _MOST_NATS))
