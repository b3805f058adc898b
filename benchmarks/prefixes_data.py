"""Requests for `prefixes.py`: prompts as applications send them, from a seed and without an end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

Request = dict[str, Any]


class Words:
    """Made-up English."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        letters = "etaoinshrdlucmfwypvbgkjqxz"
        weights = range(len(letters), 0, -1)
        self._words = ["".join(self.random.choices(letters, weights, k=self.random.randint(1, 9))) for _ in range(9000)]

    def text(self, characters: int) -> str:
        """Return sentences of about so many characters."""
        words = self.random.choices(self._words, k=max(1, characters // 6))
        return ". ".join(" ".join(words[at : at + 12]) for at in range(0, len(words), 12))


def shared_system(words: Words) -> Iterator[Request]:
    """Yield questions below one of twenty system prompts."""
    systems = [words.text(6000) for _ in range(20)]
    while True:
        yield _chat(words.random.choice(systems), words.text(300))


def agents(words: Words) -> Iterator[Request]:
    """Yield the turns of agents, eight at a time, each sending all that was said before."""
    system, tools = words.text(5000), [{"name": f"tool{number}", "about": words.text(400)} for number in range(8)]
    while True:
        talks: list[list[dict[str, str]]] = [[{"role": "system", "content": system}] for _ in range(8)]
        for _ in range(25):
            for talk in talks:
                talk.append({"role": "user", "content": words.text(200)})
                yield {"tools": tools, "messages": list(talk)}
                talk.append({"role": "assistant", "content": words.text(900)})


def retrieved(words: Words) -> Iterator[Request]:
    """Yield a question number, three of three hundred documents, and instructions."""
    documents, rules = [words.text(2500) for _ in range(300)], words.text(3000)
    for number in count():
        found = "\n\n".join(words.random.sample(documents, 3))
        yield {"prompt": f"Question {number}: {words.text(80)}\n\n{found}\n\n{rules}"}


def clock(words: Words) -> Iterator[Request]:
    """Yield questions below a system prompt that begins with the time."""
    rules = words.text(6000)
    for number in count():
        yield _chat(
            f"It is {number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}. Be kind.\n{rules}", words.text(200)
        )


def shuffled(words: Words) -> Iterator[Request]:
    """Yield questions with twelve tools in another order each time."""
    system, tools = words.text(3000), [{"name": f"tool{number}", "about": words.text(500)} for number in range(12)]
    while True:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": words.text(200)}]
        yield {"tools": words.random.sample(tools, len(tools)), "messages": messages}


def unique(words: Words) -> Iterator[Request]:
    """Yield prompts that have nothing in common."""
    while True:
        yield {"prompt": words.text(words.random.randint(500, 8000))}


SHAPES: dict[str, Callable[[Words], Iterator[Request]]] = {
    "shared_system": shared_system,
    "agents": agents,
    "retrieved": retrieved,
    "clock": clock,
    "shuffled": shuffled,
    "unique": unique,
}


def _chat(system: str, question: str) -> Request:
    return {"messages": [{"role": "system", "content": system}, {"role": "user", "content": question}]}
