"""What compression takes from the prompts of a log: measured on a sample of them, which stands for all others.

A sampled request is compressed as `llmopt compress` would compress it, and counted as a whole: tools and what the chat
format adds are in its tokens, and stay. For the others stands the sample of the same model and size: all that was
saved of it over all that was counted. How far that may be off is a bootstrap over the sample.
"""

from __future__ import annotations

import functools
import math
import random
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llmopt.core.stats import quantile
from llmopt.errors import ConfigError
from llmopt.prompts.contents import Content, contents
from llmopt.prompts.context import LEVELS, Level
from llmopt.prompts.options import Options, options_of
from llmopt.prompts.texts import Part, compressed_texts
from llmopt.savings.project.requests import Requests
from llmopt.savings.project.sample import Sampled
from llmopt.tokens.api import estimated_tokenizer, tokenizer_of
from llmopt.tokens.chat.requests import count_request
from llmopt.tokens.families import Family, family_of
from llmopt.tokens.tokenizer import Tokenizer

MOST_BYTES = 8_000_000
"""Of all sampled requests: some ten seconds of work."""
_LEAST = 5
"""Sampled requests of a model and size that may stand for others; fewer are taken together with those of all models."""
_RESAMPLES, _TAIL = 200, 0.025
_SCALE = 1000
"""What ratios of a sample are multiplied with, so that the ends of their range are not rounded away."""
_OTHER = Family("other", estimator="other")
Pair = tuple[int, int]
"""Tokens counted, and saved of them."""
Stratum = tuple[str | None, int]
"""Model, as logged, and class of size."""


@dataclass(slots=True)
class Strata:
    """Requests of one model and about one size, by number of the request."""

    of: array[int]
    """`i`, number of the stratum; -1: nothing to compress."""
    tokens: array[int]
    """`q`, of the request, as billed."""
    names: dict[Stratum, int]
    """(model, size class) -> number."""

    @classmethod
    def empty(cls) -> Strata:
        """Return those of no request."""
        return cls(array("i"), array("q"), {})

    def add(self, model: str | None, tokens: int) -> None:
        """Add the next request; sizes of one class differ by four times at most."""
        self.add_to((model, tokens.bit_length() // 2), tokens)

    def add_to(self, name: Stratum, tokens: int) -> None:
        """Add the next request to a stratum."""
        self.of.append(self.names.setdefault(name, len(self.names)))
        self.tokens.append(tokens)

    def add_nothing(self, count: int = 1) -> None:
        """Add requests without anything to compress."""
        self.of.extend([-1] * count)
        self.tokens.extend([0] * count)


@functools.lru_cache(maxsize=1024)
def counting(model: str | None) -> tuple[Tokenizer, Family]:
    """Return how to count for a model, always in the same way; an estimate over all where nothing is known of it."""
    family = family_of(model or "") or _OTHER
    tokenizer = tokenizer_of(family, reconstruct=False)
    try:
        tokenizer.count("")
    except ConfigError:
        return estimated_tokenizer("other"), family
    return tokenizer, family


class Compressing:
    """Compresses requests at one level; a text that many of them share (a system prompt, earlier turns) once."""

    def __init__(self, level: str) -> None:
        """Take the level.

        Raises:
            UsageError: there is no such level.
        """
        self._level = level
        self._options: dict[int, Options] = {}
        self._known: dict[tuple[int, Level, str], Pair] = {}
        self._of(counting(None)[0])

    def measure(self, item: Sampled) -> Pair:
        """Return the tokens of a request, and how many of them compression saves; both 0 where that cannot be told."""
        tokenizer, family = counting(item.model)
        options, body = self._of(tokenizer), item.body
        try:
            texts = [self._text(content, options) for content in contents(body)]
            whole = count_request(body, tokenizer, family.maker, item.model or "").count.tokens
        except RecursionError:  # lists within lists by the hundred
            return 0, 0
        before, saved = _sum(texts)
        return (max(whole, before), saved) if texts else (0, 0)

    def _text(self, content: Content, options: Options) -> Pair:
        """Return the tokens of a text and how many go; without a query no text depends on another."""
        level = min(options.level, content.highest_level, key=LEVELS.index)
        key = (id(options.context.tokenizer), level, content.text)
        if key not in self._known:
            (done,) = compressed_texts([Part(content.text, level)], options)
            self._known[key] = (done.tokens_before, done.tokens_saved)
        return self._known[key]

    def _of(self, tokenizer: Tokenizer) -> Options:
        if id(tokenizer) not in self._options:
            self._options[id(tokenizer)] = options_of(
                level=self._level,
                query=None,
                budget=None,
                model=None,
                keep=(),
                stable_prefix=None,
                json_form="minified",
                tokenizer=tokenizer,
                scorer=None,
                rewriter=None,
            )
        return self._options[id(tokenizer)]


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands for the requests that were not measured."""

    pairs: Mapping[Stratum, Pair]
    """(model, size class) -> tokens counted, and saved of them."""
    least: float = 1.0
    """By what to multiply all ratios to be at the low end of what the sample leaves open."""
    most: float = 1.0
    """The same at the high end."""


def fill(requests: Requests, strata: Strata, found: Mapping[int, Pair], seed: int) -> None:
    """Fill in the columns of compression, of all requests of a log.

    Args:
        requests: has the canonical numbers.
        strata: of the requests.
        found: canonical number -> what was measured.
        seed: of the bootstrap.
    """
    if not strata.names:
        fill_by(requests, strata, (), Standing({}))
        return
    own = [found.get(canonical) if canonical >= 0 else None for canonical in requests.canonical]
    open_tokens: dict[int, int] = defaultdict(int)
    for pair, stratum, tokens in zip(own, strata.of, strata.tokens, strict=True):
        if pair is None and stratum >= 0:
            open_tokens[stratum] += max(tokens, 1)
    pairs = _measured(strata, own, requests.canonical)
    fill_by(requests, strata, own, standing(list(strata.names), pairs, open_tokens, seed))


def fill_by(requests: Requests, strata: Strata, own: Sequence[Pair | None], stands: Standing) -> None:
    """Fill in the columns of compression.

    Args:
        requests: to be filled.
        strata: of the requests.
        own: what was measured of each of them.
        stands: for the others.
    """
    if not strata.names:
        nothing = array("q", bytes(8 * len(strata.of)))
        for column in (requests.counted, requests.saved, requests.saved_least, requests.saved_most):
            column.extend(nothing)
        requests.measured.extend(array("B", [1]) * len(strata.of))
        return
    standing_for = [stands.pairs.get(name, (0, 0)) for name in strata.names]
    for pair, stratum in zip(own, strata.of, strict=True):
        counted, saved = (0, 0) if stratum < 0 else pair or standing_for[stratum]
        sure = stratum < 0 or pair is not None
        scale = 1 if sure else _SCALE
        requests.counted.append(counted * scale)
        requests.saved.append(saved * scale)
        requests.saved_least.append(saved if sure else int(saved * scale * stands.least))
        requests.saved_most.append(saved if sure else min(counted * scale, math.ceil(saved * scale * stands.most)))
        requests.measured.append(sure)


def standing(
    names: Sequence[Stratum], measured: Mapping[int, Sequence[Pair]], open_tokens: Mapping[int, int], seed: int
) -> Standing:
    """Return what stands for requests that were not measured.

    Args:
        names: strata, in the order of the log.
        measured: number of a stratum among `names` -> what was measured there, in the order of the log.
        open_tokens: number of a stratum -> tokens of its requests that were not measured.
        seed: of the bootstrap.
    """
    groups = _Groups(names, measured, open_tokens)
    least, most = groups.range(seed)
    return Standing({name: groups.standing_for(number) for number, name in enumerate(names)}, least, most)


class _Groups:
    """What was measured, by stratum; small ones stand together."""

    def __init__(
        self, names: Sequence[Stratum], pairs: Mapping[int, Sequence[Pair]], open_tokens: Mapping[int, int]
    ) -> None:
        by_size: dict[int, list[Pair]] = defaultdict(list)
        for number, (_, size) in enumerate(names):
            by_size[size] += pairs.get(number, [])
        every = [pair for number in sorted(pairs) for pair in pairs[number]]
        self._pairs: dict[int, Sequence[Pair]] = {}
        for number, (_, size) in enumerate(names):
            enough = (some for some in (pairs.get(number, []), by_size[size]) if len(some) >= _LEAST)
            self._pairs[number] = next(enough, every)
        self._sums = {number: _sum(some) for number, some in self._pairs.items()}
        self._open = dict(sorted(open_tokens.items()))
        self._every = every

    def standing_for(self, stratum: int) -> Pair:
        return self._sums[stratum]

    def range(self, seed: int) -> tuple[float, float]:
        """Return by what to multiply all ratios to be at the ends of the 95 % interval of what is not measured."""
        typical = sum(weight * _ratio(self._sums[stratum]) for stratum, weight in self._open.items())
        if not typical:
            return 1.0, 1.0
        if len(self._every) < _LEAST:
            return 0.0, 1 / min(1.0, max(_ratio(pair) for pair in self._sums.values()))
        rng = random.Random(seed)
        totals = sorted(self._resampled(rng) / typical for _ in range(_RESAMPLES))
        return min(quantile(totals, _TAIL), 1.0), max(quantile(totals, 1 - _TAIL), 1.0)

    def _resampled(self, rng: random.Random) -> float:
        """Return what is saved where another sample of the same size had been drawn."""
        drawn = {
            key: _ratio(_sum(rng.choices(pairs, k=len(pairs))))
            for key, pairs in ((id(pairs), pairs) for pairs in self._distinct())
        }
        return sum(weight * drawn[id(self._pairs[stratum])] for stratum, weight in self._open.items())

    def _distinct(self) -> Iterable[Sequence[Pair]]:
        """Yield the lists of pairs that stand for something, each once, in the order of the strata."""
        return {id(pairs): pairs for pairs in (self._pairs[stratum] for stratum in self._open)}.values()


def _measured(strata: Strata, own: Sequence[Pair | None], canonical: Sequence[int]) -> dict[int, list[Pair]]:
    """Return what was measured, by stratum; requests with one key once."""
    found: dict[int, list[Pair]] = defaultdict(list)
    known: set[int] = set()
    for pair, stratum, key in zip(own, strata.of, canonical, strict=True):
        if pair is not None and pair[0] and stratum >= 0 and key not in known:
            known.add(key)
            found[stratum].append(pair)
    return found


def _sum(pairs: Iterable[Pair]) -> Pair:
    counted = saved = 0
    for of, less in pairs:
        counted += of
        saved += less
    return counted, saved


def _ratio(pair: Pair) -> float:
    return pair[1] / pair[0] if pair[0] else 0.0
