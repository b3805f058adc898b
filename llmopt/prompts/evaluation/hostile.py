"""Made-up prompts that are broken or strange: unbalanced marks, odd characters, regions to keep, odd line ends."""

from __future__ import annotations

from random import Random

from llmopt.prompts.evaluation.words import RULES, RULES_VI, sentence, sentences

_BROKEN = (
    "```python\nx = {n}   # never closed",
    "~~~\n```\nfences   in fences\n```\n",
    "Use {{{{ user.name and stop there.",
    "A brace {{ alone, and }} another one.",
    "{{% if paid %}}  Thanks!",
    '{{"a": [1, 2,   "open": {{}}',
    "He said \"never   close this, and 'neither this",
    "<keep>  leave   this   alone, {n}  </keep>",
    "<keep>an open   region with {n}",
    "</answer>  <answer   id={n}>",
    "`code   with   spaces` and `an open one",
    "100%% of {n}% and 5 %d, %s and %(x)s",
    "a  |  b  |  {n}\n|---|\n|   |",
    "$ 5.00   and ${n} and $PATH and ${{HOME}}",
    "\\n literal   and \\u00e9, \\{{ escaped \\}}",
)
_ODD = (
    "wide\u3000space and no\u00a0break {n}\u202f000",
    "zero\u200bwidth and bom\ufeff{n}",
    "emoji \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1fb\U0001f1f3 \u2764\ufe0f {n}",
    "\u0645\u0631\u062d\u0628\u0627 \u0644\u0627 {n} \u202e\u05e9\u05dc\u05d5\u05dd\u202c",
    "Khong\u0302ng du\u031bo\u031b\u0323c xo\u0301a {n} tie\u0302\u0301ng Vie\u0323\u0302t",
    "half \ud83d a pair {n}",
    "nul \x00 and bell \x07 and \x1b[31mred\x1b[0m {n}",
    "\u4e0d\u8981\u7ffb\u8bd1 {n} \uff0c\u4ed6\u8bf4\u201c\u4e0d\u201d\u3002",
    "tab\t\tseparated\t{n}\t",
    "line\u2028separator\u2029and\x0cfeed\x0bvertical\x85next {n}",
)


def hostile(random: Random) -> str:
    """Return a prompt with a few broken or strange parts between plain ones."""
    parts = [sentence(random, RULES), sentences(random, 2), sentence(random, RULES_VI)]
    parts += [_part(random, _BROKEN) for _ in range(random.randint(1, 3))]
    parts += [_part(random, _ODD) for _ in range(random.randint(0, 2))]
    random.shuffle(parts)
    if random.random() < 0.3:
        parts += parts[:2]
    text = random.choice(("\n", "\n\n", "  ", "\n   \n\n\n", " \t\n")).join(parts)
    return text.replace("\n", "\r\n") if random.random() < 0.2 else text


def _part(random: Random, parts: tuple[str, ...]) -> str:
    return random.choice(parts).format(n=random.randint(2, 999))
