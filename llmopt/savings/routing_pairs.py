"""Two models of a log and the prompts that both answered.

Each distinct prompt counts once, with the mean quality and the mean cost of its answers. The hash of its question says
whether training may see it, so the same question is never on both sides: not with other punctuation, nor in another
turn of its conversation.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from llmopt.errors import InputError
from llmopt.savings.routing_log import Answer, Answers, Prompt

_DATED = re.compile(r"[-@:](?:\d{4}-?\d{2}-?\d{2}|\d{4}|latest)(?:-v\d+(?::\d+)?)?")
"""What may follow the name of a model that a user gave: the date of its version."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Pair:
    """One distinct prompt with the answers of one model or of both."""

    prompt: Prompt
    cheap_quality: float
    """Mean of its answers."""
    strong_quality: float | None
    """None: the strong model was not asked."""
    cheap_usd: Decimal | None
    """Mean of a call; None where one has no price."""
    strong_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Contest:
    """Two models and the prompts that tell them apart."""

    cheap: str
    strong: str
    """Empty where no two models were asked the same."""
    pairs: tuple[Pair, ...]
    """Prompts that both answered, with prices, in the order of their keys."""
    alone: tuple[Pair, ...]
    """Prompts that only the cheap model answered, in the order of their keys."""
    unpriced: int
    """Prompts that both answered, left out because a call has no price."""
    models: tuple[tuple[str, int], ...]
    """Every model with a quality and its answers, the most first."""
    others: tuple[str, ...]
    """Those of them that are neither of the two."""


def contest(answers: Answers, cheap: str | None = None, strong: str | None = None) -> Contest:
    """Return two models with the prompts that both answered: those named, else the two with the most.

    Of two that are not named the one with the cheaper answers to the same prompts is the cheap one. Where several
    models have as many prompts in common, the cheapest and the dearest of them are taken.

    Raises:
        InputError: no answer of a model that is named.
    """
    counts = Counter(answer.model for answer in answers.answers)
    models = tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    named = {name: _named(name, models) for name in (cheap, strong) if name is not None}
    prompts: dict[bytes, dict[str, list[Answer]]] = defaultdict(lambda: defaultdict(list))
    for answer in answers.answers:
        model = next((name for name, logged in named.items() if answer.model in logged), answer.model)
        prompts[answer.prompt.key][model].append(answer)
    if cheap is None or strong is None:
        cheap, strong = _picked(prompts, cheap, strong)
    both, alone, unpriced = [], [], 0
    for _, by_model in sorted(prompts.items()):
        if cheap not in by_model:
            continue
        pair = _pair(by_model[cheap], by_model.get(strong, []))
        if pair.strong_quality is None:
            alone.append(pair)
        elif pair.cheap_usd is None or pair.strong_usd is None:
            unpriced += 1
        else:
            both.append(pair)
    known = {cheap, strong}.union(*named.values())
    others = tuple(model for model, _ in models if model not in known)
    return Contest(cheap, strong, tuple(both), tuple(alone), unpriced, models, others)


@dataclass(frozen=True, slots=True)
class Scale:
    """From the worst quality to the best."""

    low: float
    high: float
    odd: tuple[float, ...]
    """Qualities far beyond both, which would make all others look alike."""


def scale_of(pairs: Sequence[Pair]) -> Scale:
    """Return the range of the qualities of one pair or more, without the few that lie far from all others.

    Far is further from the middle 98 % than three times their range.
    """
    qualities = [pair.cheap_quality for pair in pairs]
    qualities += [pair.strong_quality for pair in pairs if pair.strong_quality is not None]
    ascending = sorted(qualities)
    cut = len(ascending) // 100
    low, high = ascending[cut], ascending[-1 - cut]
    far = 3 * (high - low)
    near = [quality for quality in ascending if low - far <= quality <= high + far] if far else ascending
    return Scale(near[0], near[-1], tuple(sorted(set(ascending).difference(near))))


def place(question: str, seed: int) -> float:
    """Return where a question stands between 0 and 1; those below the held-out share are never trained on.

    Only its letters and digits count, whatever their case and their spelling in Unicode.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", question).casefold())
    key = " ".join(_WORD.findall(plain)) or " ".join(plain.split())
    digest = hashlib.sha256(seed.to_bytes(16, "big") + key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def is_model(logged: str, named: str) -> bool:
    """Return whether a logged model is the one that a user names, also with a provider before or a date after it."""
    lower, wanted = logged.lower(), named.lower()
    for name in (lower, lower.rpartition("/")[2]):
        if name == wanted or (name.startswith(wanted) and _DATED.fullmatch(name, len(wanted))):
            return True
    return False


def _named(name: str, models: Sequence[tuple[str, int]]) -> frozenset[str]:
    """Return the models of the log that a user means by a name."""
    exact = frozenset(logged for logged, _ in models if logged.lower() == name.lower())
    found = exact or frozenset(logged for logged, _ in models if is_model(logged, name))
    if not found:
        known = ", ".join(logged for logged, _ in models[:10])
        raise InputError(f"no call of {name!r} has a quality", f"the log has {known}")
    return found


Prompts = Mapping[bytes, Mapping[str, list[Answer]]]


def _picked(prompts: Prompts, cheap: str | None, strong: str | None) -> tuple[str, str]:
    """Return the two models that answered the most prompts in common, the cheap one first; the second may be empty."""
    common: Counter[tuple[str, str]] = Counter()
    for by_model in prompts.values():
        common.update(combinations(sorted(by_model), 2))
    given = {name for name in (cheap, strong) if name is not None}
    fitting = [(-count, pair) for pair, count in common.items() if given <= set(pair)]
    if not fitting:
        return (cheap, "") if cheap is not None else (_cheapest(prompts, strong), strong or "")
    most = min(fitting)[0]
    tied = [pair for count, pair in fitting if count == most]
    ordered = [(_excess(prompts, *pair), pair) for pair in tied]
    ordered += [(-excess, (other, one)) for excess, (one, other) in ordered]
    fair = [(excess, pair) for excess, pair in ordered if cheap in (None, pair[0]) and strong in (None, pair[1])]
    return min(fair)[1]


def _excess(prompts: Prompts, one: str, other: str) -> Decimal:
    """Return what one model's answers cost above the other's, on the prompts of both."""
    pairs = [_pair(by_model[one], by_model[other]) for by_model in prompts.values() if {one, other} <= by_model.keys()]
    costs = [(pair.cheap_usd, pair.strong_usd) for pair in pairs]
    return sum((a - b for a, b in costs if a is not None and b is not None), Decimal(0))


def _cheapest(prompts: Prompts, but: str | None) -> str:
    """Return the model whose answers cost the least on average; one without a price comes last."""
    costs: dict[str, list[Decimal | None]] = defaultdict(list)
    for by_model in prompts.values():
        for model, answers in by_model.items():
            costs[model].append(_mean_usd(answers))
    ranked = [(_mean(known) if None not in known else None, model) for model, known in costs.items() if model != but]
    return min(ranked, key=lambda item: (item[0] is None, item[0] or Decimal(0), item[1]))[1] if ranked else str(but)


def _mean(costs: Sequence[Decimal | None]) -> Decimal:
    return sum((cost for cost in costs if cost is not None), Decimal(0)) / len(costs)


def _mean_usd(answers: Sequence[Answer]) -> Decimal | None:
    costs = [answer.usd for answer in answers]
    return None if None in costs or not costs else _mean(costs)


def _pair(cheap: Sequence[Answer], strong: Sequence[Answer]) -> Pair:
    return Pair(
        min((answer.prompt for answer in cheap), key=lambda prompt: (prompt.text, prompt.context_chars)),
        math.fsum(answer.quality for answer in cheap) / len(cheap),
        math.fsum(answer.quality for answer in strong) / len(strong) if strong else None,
        _mean_usd(cheap),
        _mean_usd(strong),
    )
