"""How close the answers of one model are to those of another, on the same real inputs.

Which figures there are depends on what the models are for; the others are None. `drop` is the one that gates look at.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quality:
    """Answers of a model beside those of the model that it shall stand for."""

    task: str
    """`embed`, `classify`, `generate`, or `fill` (masked language models)."""
    inputs: int
    """Texts that were compared (for language models: with so many `tokens`)."""
    tokens: int
    drop: float
    """Share of quality lost, 0.02 is two percent: see `drop_metric`. Below 0 where the other model is better."""
    drop_low: float
    """95 % interval, over the inputs."""
    drop_high: float
    drop_metric: str
    """What `drop` is: `nearest neighbours changed` (embed), `accuracy lost` (classify with labels, in points), `labels
    changed` (classify without), `perplexity gained` (generate and fill, relative), `bits per byte gained` (generate
    where the models have different tokens, relative)."""
    cosine: float | None = None
    """Mean cosine between both vectors of a text (embed; None where their sizes differ). So are the next."""
    cosine_p5: float | None = None
    """5 % of the texts are below."""
    rank_correlation: float | None = None
    """Spearman's, of the similarities of each text to all others, mean over texts."""
    top1_agreement: float | None = None
    """Embed: texts whose nearest other text is the same; generate and fill: positions whose most likely token is."""
    topk_agreement: float | None = None
    """Share of the `k` nearest texts that are among the other's `k` nearest."""
    k: int | None = None
    agreement: float | None = None
    """Classify: texts that get the same label."""
    accuracy_before: float | None = None
    accuracy_after: float | None = None
    score_error: float | None = None
    """Classify: mean total variation distance of the probabilities, 0 to 1."""
    perplexity_before: float | None = None
    perplexity_after: float | None = None
    kl_nats: float | None = None
    """Generate: mean divergence KL(before || after) of the next token's distribution."""
    bits_per_byte_before: float | None = None
    """Generate, where the models have different tokens: bits a byte of text takes; perplexity and KL are None then."""
    bits_per_byte_after: float | None = None
    warnings: tuple[str, ...] = ()
    """Such as too few texts for the interval to be inside the gate."""
