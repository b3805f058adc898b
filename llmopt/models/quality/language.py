"""Answers of language models: how likely each finds the next token of real texts, and how far they are apart.

Both models read the same tokens in turn; logits are looked at in pieces and forgotten, since those of all tokens would
not fit. A text that is longer than a window is read in windows that overlap by half, and a token counts once, with half
a window before it at least. The first token of a text has nothing before it and does not count.

Sources: Jelinek, Mercer, Bahl and Baker, "Perplexity: a measure of the difficulty of speech recognition tasks" (1977);
Kullback and Leibler, "On information and sufficiency" (1951).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmopt.errors import MissingExtraError
from llmopt.models.quality.answering import Answering, batches, not_finite
from llmopt.models.quality.data import Sample

try:
    import torch
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

MOST_LOGITS = 48_000_000
"""Of a batch of one model: 192 MB."""
_CHUNK = 4_000_000
_WINDOW = 256, 1024


@dataclass(frozen=True, slots=True)
class Text:
    """What two models make of one text."""

    tokens: int
    """That were looked at: all but the first."""
    before_nats: float
    """Negative log-likelihood by the reference, summed over the tokens."""
    after_nats: float
    kl_nats: float = 0.0
    """Divergence of the next token's distribution, KL(before || after), summed over the tokens."""
    same: int = 0
    """Tokens before which both models find the same next one most likely."""

    def plus(self, other: Text) -> Text:
        """Return both together."""
        return Text(
            self.tokens + other.tokens,
            self.before_nats + other.before_nats,
            self.after_nats + other.after_nats,
            self.kl_nats + other.kl_nats,
            self.same + other.same,
        )


@dataclass(frozen=True, slots=True)
class _Window:
    text: int
    ids: list[int]
    first: int
    """Of the tokens that count here."""


def side_by_side(
    before: Answering, after: Answering, requests: Sequence[list[int]], samples: Sequence[Sample], batch_size: int
) -> list[Text]:
    """Let two models read the same tokens.

    Args:
        before: the reference.
        after: with the same tokens.
        requests: token ids of each text.
        samples: what they are of, to name the one that fails.
        batch_size: texts of a batch at most.

    Raises:
        InputError: an answer that is not finite.
    """
    texts = [Text(0, 0.0, 0.0)] * len(requests)
    known = max(before.known_tokens, after.known_tokens)
    for batch in _window_batches(requests, _longest((before, after), known), known, batch_size):
        asked = [window.ids for window in batch]
        both = zip(before.token_logits(asked), after.token_logits(asked), strict=True)
        for window, (mine, others) in zip(batch, both, strict=True):
            for model, logits in ((before, mine), (after, others)):
                _check(model, logits, samples[window.text])
            texts[window.text] = texts[window.text].plus(_compared(mine, others, window))
    return texts


def nats(model: Answering, requests: Sequence[list[int]], samples: Sequence[Sample], batch_size: int) -> list[float]:
    """Return the negative log-likelihood of each text by one model, its first token left out.

    Args:
        model: of any tokens.
        requests: its token ids of each text.
        samples: what they are of, to name the one that fails.
        batch_size: texts of a batch at most.

    Raises:
        InputError: an answer that is not finite.
    """
    found = [0.0] * len(requests)
    known = model.known_tokens
    for batch in _window_batches(requests, _longest((model,), known), known, batch_size):
        for window, logits in zip(batch, model.token_logits([window.ids for window in batch]), strict=True):
            _check(model, logits, samples[window.text])
            for rows, targets in _pieces(logits, window):
                found[window.text] += _nats(rows.log_softmax(1), targets)
    return found


def compared_rows(before: torch.Tensor, after: torch.Tensor, targets: torch.Tensor) -> Text:
    """Return what two models make of some tokens; of tokens that only one model knows, nothing.

    Args:
        before: logits of the reference, `(tokens, vocabulary)`.
        after: of the other, wherever they are.
        targets: the tokens that are there, `(tokens,)`.
    """
    width = min(before.shape[1], after.shape[1])
    found = Text(0, 0.0, 0.0)
    for rows, wanted in _cut(before, targets):
        others = after[found.tokens : found.tokens + len(wanted)].float()
        one, other = rows[:, :width].log_softmax(1), others[:, :width].to(rows.device).log_softmax(1)
        divergence = (one.exp() * (one - other)).sum(1, dtype=torch.float64).clamp(min=0)
        same = int((one.argmax(1) == other.argmax(1)).sum())
        found = found.plus(Text(len(wanted), _nats(one, wanted), _nats(other, wanted), float(divergence.sum()), same))
    return found


def _longest(models: Sequence[Answering], known: int) -> int:
    """Return the tokens of a window: few enough for their logits, as many as the models read."""
    least, most = _WINDOW
    limits = [model.facts.max_tokens for model in models]
    return max(2, min(most, max(least, MOST_LOGITS // known), *(limit for limit in limits if limit)))


def _window_batches(
    requests: Sequence[list[int]], longest: int, known: int, batch_size: int
) -> Iterator[list[_Window]]:
    windows = [window for at, ids in enumerate(requests) for window in _windows(at, ids, longest)]
    for batch in batches([len(window.ids) for window in windows], batch_size, MOST_LOGITS // known):
        yield [windows[at] for at in batch]


def _windows(text: int, ids: list[int], longest: int) -> Iterator[_Window]:
    """Yield windows of a text such that each token but the first counts in one of them."""
    start, counted = 0, 1
    while counted < len(ids):
        end = min(start + longest, len(ids))
        yield _Window(text, ids[start:end], counted - start)
        start, counted = start + max(1, longest // 2), end


def _compared(mine: torch.Tensor, others: torch.Tensor, window: _Window) -> Text:
    rows, targets = _told(mine, window)
    return compared_rows(rows, others[window.first - 1 : len(window.ids) - 1], targets)


def _pieces(logits: torch.Tensor, window: _Window) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    yield from _cut(*_told(logits, window))


def _told(logits: torch.Tensor, window: _Window) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits that count, and the tokens that came next."""
    targets = torch.tensor(window.ids[window.first :], device=logits.device)
    return logits[window.first - 1 : len(window.ids) - 1], targets


def _cut(rows: torch.Tensor, targets: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield a few rows of logits at a time with their tokens."""
    step = max(1, _CHUNK // rows.shape[1])
    for start in range(0, len(targets), step):
        yield rows[start : start + step].float(), targets[start : start + step]


def _nats(likely: torch.Tensor, targets: torch.Tensor) -> float:
    return -float(likely.gather(1, targets.unsqueeze(1)).double().sum())


def _check(model: Answering, logits: torch.Tensor, sample: Sample) -> None:
    if not bool(logits.isfinite().all()):
        raise not_finite(model, sample)
