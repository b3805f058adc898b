"""Made-up prompts whose difficulty is known, and logs of two models that answered them.

A prompt is a task about a subject, in a frame. Hard are prompts by a rule of several parts that no single word gives
away: tasks differ in how hard they are, so do subjects and frames, and so does what stands around. The probability that
the cheap model fails is the logistic function of their sum, so the best that any router can do is known too.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TASKS = (
    ("what is {}", -2.4),
    ("define {}", -2.6),
    ("give me a synonym for {}", -2.8),
    ("translate the heading {} into Spanish", -1.8),
    ("list three facts about {}", -1.6),
    ("summarize this note on {}", -1.2),
    ("rewrite {} in a friendlier tone", -0.9),
    ("explain {} to a new colleague", -0.3),
    ("compare {} with the usual alternatives", 0.7),
    ("analyze the weak points of {}", 1.2),
    ("find the bug in this code for {}", 1.6),
    ("plan a migration of {} without downtime", 1.8),
    ("prove that {} terminates", 2.4),
    ("derive the closed form for {}", 2.6),
)
SUBJECTS = (
    ("a photosynthesis chart", -0.5),
    ("our holiday calendar", -0.7),
    ("the refund policy", -0.5),
    ("a cake recipe", -0.8),
    ("the museum tour", -0.6),
    ("quarterly revenue", 0.1),
    ("a contract clause", 0.4),
    ("the login page", 0.2),
    ("an event queue", 0.7),
    ("a lock-free list", 1.1),
    ("the billing ledger", 0.6),
    ("a Markov chain", 0.9),
    ("the tax treaty", 0.8),
    ("a garbage collector", 1.0),
)
FRAMES = (
    ("{}?", 0.0),
    ("Please {}.", 0.0),
    ("{}, in one sentence.", -0.6),
    ("Quick question: {}?", -0.4),
    ("{}. Keep every constraint of the list below.", 0.8),
    ("{}. Show all steps and justify each.", 1.0),
    ("{}. The audience is the board.", 0.2),
)
FILLER = ("alpha", "river", "stone", "letter", "market", "window", "garden", "signal", "bridge", "paper", "ticket")
"""Words that mean nothing for the difficulty."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One prompt."""

    text: str
    cheap_fails: float
    """Probability."""


def prompts(n: int, seed: int, *, sharpness: float = 1.3) -> list[Labelled]:
    """Return so many prompts, each its own.

    Args:
        n: how many.
        seed: the same seed, the same prompts.
        sharpness: how clearly easy and hard prompts differ.
    """
    rng = random.Random(seed)
    return [_prompt(rng, number, sharpness) for number in range(n)]


def write_log(path: Path, labelled: Sequence[Labelled], seed: int, models: tuple[str, str], good: float = 0.95) -> None:
    """Write one call of each model for each prompt, with its tokens and whether the answer was right."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for number, one in enumerate(labelled):
            for model, right in ((models[0], 1 - one.cheap_fails), (models[1], good)):
                file.write(json.dumps(_call(rng, number, one, model, right)) + "\n")


def best_area(labelled: Sequence[Labelled], good: float = 0.95) -> float:
    """Return the area of a router that knows every probability, in expectation."""
    gains = sorted((good - (1 - one.cheap_fails) for one in labelled), reverse=True)
    kept = area = 0.0
    for gain in gains:
        area += kept + gain / 2
        kept += gain
    return area / (len(gains) * kept)


def _prompt(rng: random.Random, number: int, sharpness: float) -> Labelled:
    task, subject, frame = rng.choice(TASKS), rng.choice(SUBJECTS), rng.choice(FRAMES)
    asked = frame[0].format(task[0].format(subject[0]))
    around = " ".join(rng.choices(FILLER, k=rng.randint(0, 40)))
    logit = sharpness * (task[1] + subject[1] + frame[1] - 0.4)
    return Labelled(f"{asked[0].upper()}{asked[1:]} {around} ref {number}".strip(), 1 / (1 + math.exp(-logit)))


def _call(rng: random.Random, number: int, one: Labelled, model: str, right: float) -> dict[str, object]:
    prompt = 20 + len(one.text) // 4
    answer = rng.randint(40, 120) + int(300 * one.cheap_fails)
    at = 1_754_006_400 + number * 7
    return {
        "created": at,
        "model": model,
        "request": {"model": model, "messages": [{"role": "user", "content": one.text}], "temperature": 0},
        "response": {
            "id": f"chatcmpl-{number}-{model}",
            "object": "chat.completion",
            "created": at,
            "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "-"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer},
        },
        "score": int(rng.random() < right),
    }
