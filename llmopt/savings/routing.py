"""Train a router on a labelled log, and measure in dollars what it would have saved on prompts it never saw.

Only prompts that both models answered show what routing costs and gives: each counts with both answers as they are in
the log. Where there are none, the score can still be trained on the cheap model's own answers. What can be measured
then is how many of those that fall short it finds, and not what the strong model would have made of them.

Prompts are parted by the hash of their question: some for the weights, some for calibration and threshold, and the
held-out ones, which neither sees, for the evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from llmopt.errors import InputError
from llmopt.savings.routing_curve import Scored, chosen, curve_of, recommended
from llmopt.savings.routing_log import Answers
from llmopt.savings.routing_pairs import Contest, Pair, Scale, contest, is_model, place, scale_of
from llmopt.savings.routing_ranking import found_by
from llmopt.savings.routing_result import Evaluation, Parts, Policy, RouterAsked, Training
from llmopt.serving.routing.score import Scorer
from llmopt.serving.routing.training import Example, Trained, trained
from llmopt.serving.routing.weights import Weights, rounded

LEAST_PROMPTS = 50
"""Fewer teach nothing."""
LEAST_HELD_OUT = 10
_VALIDATION = 0.2
"""Share of the prompts that are not held out."""


def train_router(answers: Answers, asked: RouterAsked | None = None) -> Training:
    """Train a score on a log and evaluate it on the prompts held out.

    Raises:
        InputError: too few prompts, or all of one quality; or as `contest`.
    """
    asked = asked or RouterAsked()
    rivals = contest(answers, asked.cheap, asked.strong)
    both = len(rivals.pairs) >= LEAST_PROMPTS
    prompts = rivals.pairs if both else rivals.alone
    scale = _scale(rivals, prompts)
    answers = replace(answers, warnings=(*answers.warnings, *_odd(scale)))
    fit, validation, held_out = _parted(prompts, asked)
    examples = [[_example(pair, scale) for pair in part] for part in (fit, validation, held_out)]
    learned = trained(examples[0], examples[1], seed=asked.seed)
    weights = _weights(learned, rivals, asked, len(fit) + len(validation))
    weights = _with_threshold(weights if both else replace(weights, strong=""), examples[1], asked.keep)
    parts = Parts(len(fit), len(validation), len(held_out), rivals.unpriced, len(rivals.alone))
    evaluation = _evaluation(answers, rivals, weights, held_out, parts, asked.keep) if both else None
    found = None if both else found_by(_scores(weights, examples[2]), weights.threshold, seed=asked.seed)
    return Training(
        weights=weights,
        cheap=rivals.cheap,
        strong=weights.strong,
        parts=parts,
        rounds=learned.rounds,
        loss=learned.loss,
        base_loss=learned.base_loss,
        evaluation=evaluation,
        found=found,
        files=answers.files,
        calls=answers.calls,
        left_out=answers.left_out,
        warnings=answers.warnings,
    )


def evaluate_router(
    answers: Answers, asked: RouterAsked | None = None, *, weights: Weights | None = None, unseen: bool = False
) -> Evaluation:
    """Measure what a score would have saved.

    Args:
        answers: of a log.
        asked: the models; the rest counts only without weights.
        weights: to evaluate; None: train on this log first.
        unseen: no prompt of the log was in the training of the weights, so all of them count.

    Raises:
        InputError: too few prompts that both models answered; or as `train_router`.
    """
    asked = asked or RouterAsked()
    rivals = contest(answers, asked.cheap, asked.strong)
    if len(rivals.pairs) < (LEAST_HELD_OUT if weights else LEAST_PROMPTS):
        raise _too_few(rivals, LEAST_HELD_OUT if weights else LEAST_PROMPTS)
    if weights is None:
        training = train_router(answers, asked)
        if training.evaluation is None:
            raise _too_few(rivals, LEAST_PROMPTS)
        return training.evaluation
    held_out = [pair for pair in rivals.pairs if unseen or place(pair.prompt.text, weights.seed) < weights.held_out]
    if len(held_out) < LEAST_HELD_OUT:
        raise InputError(
            f"only {len(held_out):,} prompts that both models answered are held out; {LEAST_HELD_OUT} are needed",
            "if the weights come from another log, add --unseen; else log more",
        )
    parts = Parts(0, 0, len(held_out), rivals.unpriced, len(rivals.alone))
    return _evaluation(answers, rivals, weights, held_out, parts, None)


def _scale(rivals: Contest, prompts: Sequence[Pair]) -> Scale:
    """Return the scale of the prompts that are learned from."""
    if len(prompts) < LEAST_PROMPTS:
        raise _too_few(rivals, LEAST_PROMPTS)
    scale = scale_of(prompts)
    if scale.low == scale.high:
        raise InputError(
            f"every answer has the same quality, {scale.low:g}: there is nothing to learn",
            "name another column with --quality-col, or another --pass-mark",
        )
    return scale


def _odd(scale: Scale) -> tuple[str, ...]:
    if not scale.odd:
        return ()
    said = ", ".join(f"{quality:g}" for quality in scale.odd[:3]) + (", ..." if len(scale.odd) > 3 else "")
    return (f"qualities far from all others, which are from {scale.low:g} to {scale.high:g}: {said}; are they meant?",)


def _too_few(rivals: Contest, least: int) -> InputError:
    sample = "send a sample of the prompts to both models and score both answers"
    if not rivals.strong:
        known = ", ".join(f"{name} ({count:,} answers)" for name, count in rivals.models[:10])
        return InputError(f"no prompt was answered by two models with a quality: the log has {known}", sample)
    unpriced = f" ({rivals.unpriced:,} more have no price)" if rivals.unpriced else ""
    return InputError(
        f"only {len(rivals.pairs):,} distinct prompts were answered by both {rivals.cheap} and {rivals.strong}"
        f"{unpriced}; {least} are needed",
        sample,
    )


def _parted(prompts: Sequence[Pair], asked: RouterAsked) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """Return the prompts for the weights, for the calibration, and those held out."""
    parts: tuple[list[Pair], list[Pair], list[Pair]] = ([], [], [])
    middle = asked.held_out + _VALIDATION * (1 - asked.held_out)
    for pair in prompts:
        at = place(pair.prompt.text, asked.seed)
        parts[2 if at < asked.held_out else 1 if at < middle else 0].append(pair)
    if not parts[0] or not parts[1] or not parts[2]:
        raise InputError(
            "the prompts are too few to part them, or their questions are all the same",
            "log more, or hold out another share",
        )
    return parts


def _example(pair: Pair, scale: Scale) -> Example:
    best = scale.high if pair.strong_quality is None else pair.strong_quality
    target = min(max((best - pair.cheap_quality) / (scale.high - scale.low), -1.0), 1.0)
    prompt = pair.prompt
    return Example(prompt.text, target, prompt.context_chars, prompt.turns, prompt.tools)


def _scores(weights: Weights, examples: Sequence[Example]) -> list[tuple[float, float]]:
    """Return the score of each example with its target."""
    score = Scorer(weights).score
    return [
        (score(one.text, context_chars=one.context_chars, turns=one.turns, tools=one.tools), one.target)
        for one in examples
    ]


def _evaluation(
    answers: Answers, rivals: Contest, weights: Weights, held_out: Sequence[Pair], parts: Parts, keep: float | None
) -> Evaluation:
    prompts = _scored(weights, held_out)
    qualities = [quality for one in prompts for quality in (one.cheap_quality, one.strong_quality)]
    threshold = weights.threshold
    return Evaluation(
        cheap=rivals.cheap,
        strong=rivals.strong,
        low=min(qualities),
        high=max(qualities),
        parts=parts,
        threshold=threshold,
        keep=keep,
        curve=curve_of(prompts, seed=weights.seed),
        chosen=chosen(prompts, lambda one: one.score >= threshold, threshold=threshold, seed=weights.seed),
        policy=_policy(rivals, held_out, prompts, weights.seed),
        others=rivals.others,
        files=answers.files,
        calls=answers.calls,
        left_out=answers.left_out,
        warnings=answers.warnings,
    )


def _scored(weights: Weights, pairs: Sequence[Pair]) -> list[Scored]:
    """Return the pairs with their scores."""
    score = Scorer(weights).score
    found = []
    for pair in pairs:
        prompt = pair.prompt
        if pair.strong_quality is None or pair.cheap_usd is None or pair.strong_usd is None:
            continue
        scored = score(prompt.text, context_chars=prompt.context_chars, turns=prompt.turns, tools=prompt.tools)
        found.append(Scored(scored, pair.cheap_quality, pair.strong_quality, pair.cheap_usd, pair.strong_usd))
    return found


def _policy(rivals: Contest, pairs: Sequence[Pair], prompts: Sequence[Scored], seed: int) -> Policy | None:
    """Return what a policy under test gives; None where there is none, or where it picks neither model ever."""
    picks = [_picks_strong(rivals, pair.prompt.routed) for pair in pairs]
    known = [replace(one, score=float(pick)) for one, pick in zip(prompts, picks, strict=True) if pick is not None]
    if all(pair.prompt.routed is None for pair in pairs):
        return None
    if not known:
        raise InputError(
            f"the policy sends no prompt to {rivals.cheap} or to {rivals.strong}",
            "name these models in its [routes], or call its routes cheap and strong",
        )
    return Policy(chosen(known, lambda one: one.score > 0.5, seed=seed), len(pairs) - len(known))


def _picks_strong(rivals: Contest, routed: tuple[str, str] | None) -> bool | None:
    """Return whether a policy picked the strong model; None where it picked neither."""
    if routed is None:
        return None
    route, model = routed
    for name, is_strong in ((rivals.strong, True), (rivals.cheap, False)):
        if is_model(model, name) or is_model(name, model):
            return is_strong
    return {"strong": True, "cheap": False}.get(route)


def _weights(learned: Trained, rivals: Contest, asked: RouterAsked, prompts: int) -> Weights:
    """Return what was learned as a file can hold it, without a threshold yet."""
    return Weights(
        hashed={feature: weight for feature, raw in learned.hashed.items() if (weight := rounded(raw))},
        dense=learned.dense,
        bias=learned.bias,
        slope=learned.slope,
        offset=learned.offset,
        floor=learned.floor,
        threshold=math.inf,
        cheap=rivals.cheap,
        strong=rivals.strong,
        seed=asked.seed,
        held_out=asked.held_out,
        trained_on=prompts,
    )


def _with_threshold(weights: Weights, examples: Sequence[Example], keep: float) -> Weights:
    return replace(weights, threshold=recommended(_scores(weights, examples), keep, weights.floor))
