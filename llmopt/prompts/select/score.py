"""How much each unit has to do with a query: its words, those around it, and whether it holds what is asked for.

BM25 is that of Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), section 3.4,
once over units and once over paragraphs. The weights beside it are a conditional logit ("which unit holds the answer?")
fitted on the English and Vietnamese paragraphs of half of XQuAD, and rounded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from llmopt.prompts.select.asked import answer_bonus
from llmopt.prompts.select.scorer import Scorer
from llmopt.prompts.select.terms import Terms, stop_free, terms_of
from llmopt.prompts.select.unit import Unit

_K1, _B = 1.2, 0.5
_BM25, _COVERED, _NEAR, _PAIRS, _FIRST, _LEAD = 2.2, 2.2, 2.0, 1.2, 0.2, 0.5
_PARAGRAPH_BM25, _PARAGRAPH_COVERED, _PARAGRAPH_NAMES = 1.7, 1.2, 1.0
_APART = 2
"""Words from one of the query's to the next that still make a pair."""
_OTHER = 1.0
"""Weight of a standard deviation in another opinion."""
_CENTRAL_TERMS = 12
Found = tuple[int, list[int], list[int]]
"""How many words a text has, where those of the query are among them, and which they are."""


def scores(texts: Sequence[str], units: Sequence[Unit], query: str, scorer: Scorer | None = None) -> list[float]:
    """Return a score for each unit; the probability that it is what the query needs is about its exponential.

    Args:
        texts: of the units.
        units: of all texts, in order.
        query: any text.
        scorer: another opinion, joined in by rank.
    """
    terms, found, asked = _found(texts, query)
    result = _lexical(texts, units, terms, found, query)
    if scorer is not None and query.strip():
        return _joined(result if asked else [0.0] * len(result), scorer.score(query, texts))
    return result


def _found(texts: Sequence[str], query: str) -> tuple[Terms, list[Found], bool]:
    """Return the words to look for, where they are, and whether they are the query's.

    Those are looked for also without accents; where there are none, frequent words stand in for them.
    """
    terms = terms_of(query)
    for attempt in range(3):
        each = {text: terms.find(text) for text in dict.fromkeys(texts)}
        found = [each[text] for text in texts]
        if attempt == 2 or any(terms.weights[number] == 1 for _, _, numbers in found for number in numbers):
            break
        if attempt == 0:
            terms = terms_of(query, folded=True)
        else:
            often = Counter(texts)
            counts: Counter[str] = Counter()
            for text, times in often.items():
                for word in stop_free(text):
                    counts[word] += times
            terms = terms_of(" ".join(sorted(counts, key=lambda word: (-counts[word], word))[:_CENTRAL_TERMS]))
    return terms, found, attempt < 2


def _lexical(
    texts: Sequence[str], units: Sequence[Unit], terms: Terms, found: Sequence[Found], query: str
) -> list[float]:
    counts = [Counter(numbers) if numbers else _NOTHING for _, _, numbers in found]
    rarity = _rarity(terms, counts)
    total = sum(rarity[number] for number in {n for count in counts for n in count}) or 1.0
    paragraphs = _paragraphs(units, counts, found, terms)
    mean = sum(length for length, _, _ in found) / len(found) or 1.0
    bonus = answer_bonus(query)
    pairs = _PAIRS / (len(terms.pairs) or 1)
    result: list[float] = []
    for number, (unit, count, (length, at, numbers)) in enumerate(zip(units, counts, found, strict=True)):
        value = paragraphs.get(unit.group, 0.0)
        first = not number or units[number - 1].group != unit.group
        last = number + 1 == len(units) or units[number + 1].group != unit.group
        before = _NOTHING if first else counts[number - 1]
        after = _NOTHING if last else counts[number + 1]
        if count or before or after:
            value += _BM25 / total * _bm25(count, rarity, length / mean)
            value += _COVERED / total * sum([rarity[term] for term in count])
            value += _NEAR / total * sum([rarity[term] for term in {*count, *before, *after}])
            value += _LEAD / total * sum([rarity[term] for term in before])
            if len(at) > 1:
                value += pairs * _pairs(at, numbers, terms)
        if first:
            value += _FIRST
        result.append(value + bonus(texts[number]))
    return result


_NOTHING: Counter[int] = Counter()


def _rarity(terms: Terms, counts: Iterable[Mapping[int, int]]) -> list[float]:
    """Return the inverse document frequency of each term, times its weight."""
    frequency = [0] * len(terms.weights)
    documents = 0
    for count in counts:
        documents += 1
        for term in count:
            frequency[term] += 1
    return [
        weight * math.log(1 + (documents - often + 0.5) / (often + 0.5))
        for weight, often in zip(terms.weights, frequency, strict=True)
    ]


def _bm25(count: Mapping[int, int], rarity: Sequence[float], length: float) -> float:
    norm = _K1 * (1 - _B + _B * length)
    return sum([rarity[term] * often * (_K1 + 1) / (often + norm) for term, often in count.items()])


def _paragraphs(
    units: Sequence[Unit], counts: Sequence[Counter[int]], found: Sequence[Found], terms: Terms
) -> dict[int, float]:
    """Return what each paragraph adds to the scores of its units; a header counts for the paragraphs under it."""
    groups: dict[int, Counter[int]] = {}
    lengths: Counter[int] = Counter()
    title = _NOTHING
    headed = False
    for unit, count, (length, _, _) in zip(units, counts, found, strict=True):
        if unit.role == "header":
            title = title + count if headed else count
            headed = True
            continue
        headed = False
        if unit.group not in groups:
            groups[unit.group] = Counter(title) if unit.host >= 0 else Counter()
        if count:
            groups[unit.group].update(count)
        lengths[unit.group] += length
    rarity = _rarity(terms, groups.values())
    known = {term for count in groups.values() for term in count}
    total = sum([rarity[term] for term in sorted(known)]) or 1.0
    names = sum([rarity[term] for term in sorted(terms.names & known)]) or 1.0
    mean = sum(lengths.values()) / (len(groups) or 1) or 1.0
    return {
        group: _PARAGRAPH_BM25 / total * _bm25(count, rarity, lengths[group] / mean)
        + _PARAGRAPH_COVERED / total * sum([rarity[term] for term in count])
        + _PARAGRAPH_NAMES / names * sum([rarity[term] for term in count if term in terms.names])
        for group, count in groups.items()
    }


def _pairs(at: Sequence[int], numbers: Sequence[int], terms: Terms) -> int:
    """Return how many neighbours of the query are neighbours in a unit."""
    return sum(
        right - left <= _APART and (one, other) in terms.pairs
        for left, right, one, other in zip(at, at[1:], numbers, numbers[1:], strict=False)
    )


def _joined(lexical: Sequence[float], other: Sequence[float]) -> list[float]:
    """Add another opinion, whatever its scale: so many standard deviations from its mean."""
    mean = math.fsum(other) / max(len(other), 1)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in other) / max(len(other), 1))
    if not 0 < spread < math.inf:
        return list(lexical)
    return [score + _OTHER * (value - mean) / spread for score, value in zip(lexical, other, strict=True)]
