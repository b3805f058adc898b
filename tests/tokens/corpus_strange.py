"""Seeded text that tokenizers trip over: blanks, bytes, any code point, emoji, surrogates, special-token spellings."""

from __future__ import annotations

import base64
import sys
import unicodedata
from collections.abc import Iterator
from random import Random

BLANKS = (
    *(" ", "\t", "\n", "\r", "\r\n", "\xa0", "\u3000", "\u2003", "\u2009", "\u1680", "\u202f", "\u205f", "\u2028"),
    *("\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1f", "\u200b", "\ufeff", "\u180e", "\u2060"),
)
"""White space by Unicode, and at the end what looks like it and is none."""
SPECIAL = (
    *("<|endoftext|>", "<|endofprompt|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|im_start|>"),
    *("<|im_end|>", "<|im_sep|>", "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|return|>", "<|call|>"),
    *("<|reserved_200013|>", "<|startoftext|>", "<s>", "</s>", "[INST]", "<|", "|>", "<|endoftext", "endoftext|>"),
)
_HANDS = "\U0001f44b\U0001f44d\U0001f64f\U0001f4aa\u270c\u261d\U0001f90c"
_PEOPLE = "\U0001f468\U0001f469\U0001f9d1\U0001f467\U0001f466\U0001f385"
_THINGS = "\U0001f4bb\U0001f680\U0001f3a8\U0001f33e\U0001f373\u2764\u2695\u2708\U0001f525"
_TONES = ("", "\U0001f3fb", "\U0001f3fc", "\U0001f3fd", "\U0001f3fe", "\U0001f3ff")
_AFTER_BLANKS = ("", "a", "Bc", "1", "2024", ".", "!/\n", "//", "{", "'s", "\u4f60", "\u0301", "\U0001f600")
_BLOCKS = (0, 0x80, 0x250, 0x600, 0x1800, 0x2000, 0xA000, 0xE000, 0xF900, 0x1D400, 0x1F000, 0x2A000)
_STEMS = (
    *("don", "we", "I", "they", "she", "it", "can", "THEY", "wOn", "O", "x1", "_a", ""),
    *("\u00e9t\u00e9", "\u0130", "\u017f", "camelCase", "HTTPServer"),
)
_CONTRACTED = (
    *("t", "ve", "ll", "re", "s", "d", "m", "T", "Ve", "LL", "rE", "S", "D", "M"),
    *("\u017f", "st", "vex", "r", "l", ""),
)
"""The long s folds to s when case is ignored."""
_WORDS = ("ok", "Hello", "world", "x", "LLM", "na\u00efve", "\u4f60\u597d", "t\u00f4i", "2024", "don't", "\U0001f600")


def blanks(random: Random) -> Iterator[str]:
    """Yield runs of 1 to 5,000 blanks, of one kind or mixed, between words, digits, punctuation or nothing."""
    while True:
        longest = random.choice((3, 30, 300, 5_000))
        length = random.randint(1, longest)
        kind = random.random()
        if kind < 0.5:
            yield random.choice(BLANKS[: random.choice((5, len(BLANKS)))]) * length
        elif kind < 0.8:
            yield "".join(random.choices(BLANKS[: random.choice((2, 5, len(BLANKS)))], k=min(length, 400)))
        else:
            yield (random.choice(BLANKS) + random.choice(BLANKS)) * (length // 2)
        yield random.choice(_AFTER_BLANKS)


def random_bytes(random: Random) -> Iterator[str]:
    """Yield random bytes as Latin-1, as UTF-8 with replacement characters, and as NUL-ridden UTF-16."""
    while True:
        data = random.randbytes(random.randint(1, 3_000))
        yield data.decode("latin-1")
        yield data.decode("utf-8", "replace")
        yield data[: len(data) // 20 * 2].decode("utf-16-le", "replace")
        yield "some text".encode("utf-16-le").decode("latin-1")


def random_characters(random: Random) -> Iterator[str]:
    """Yield code points of all planes, assigned or not, by plane, by neighbourhood and with combining marks."""
    marks = [chr(code) for code in range(0x300, 0x20FF) if unicodedata.combining(chr(code))]
    while True:
        start = random.choice(_BLOCKS)
        for _ in range(random.randint(1, 200)):
            yield _character(random.randint(start, start + 0x400))
        for _ in range(random.randint(1, 100)):
            yield _character(random.randrange(sys.maxunicode + 1))
            yield _character(random.randrange(0x3100))
        for _ in range(20):
            yield random.choice("aeEno") + "".join(random.choices(marks, k=random.randint(0, 6)))
        yield "".join(unicodedata.name(chr(random.randrange(0x3000)), "?") + "\n" for _ in range(5))


def _character(code: int) -> str:
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)


def emoji(random: Random) -> Iterator[str]:
    """Yield emoji alone, repeated, with skin tones, joined into families, as flags and keycaps, with text between."""
    while True:
        person = random.choice(_PEOPLE) + random.choice(_TONES)
        yield person + "\u200d" + random.choice(_THINGS) + random.choice(("", "\ufe0f"))
        yield "\u200d".join(random.choices(_PEOPLE, k=random.randint(2, 5)))
        yield random.choice(_HANDS) + random.choice(_TONES)
        yield "".join(chr(random.randint(0x1F1E6, 0x1F1FF)) for _ in range(random.randint(1, 6)))
        yield random.choice("0123456789#*") + "\ufe0f\u20e3"
        yield chr(random.randint(0x1F300, 0x1FAFF)) * random.choice((1, 1, 2, 3, 40))
        yield chr(random.randint(0x2600, 0x27BF)) + random.choice(("\ufe0e", "\ufe0f", ""))
        yield random.choice((" ", "", "\n", " \u2728 ")) + random.choice(_WORDS)


def special_tokens(random: Random) -> Iterator[str]:
    """Yield the spellings of special tokens, whole and broken, amid words."""
    while True:
        yield random.choice(SPECIAL)
        yield random.choice(("", " ", "\n", "user\n", "system", "assistant<|im_sep|>", ".", "|", "<"))
        yield " ".join(random.choices(_WORDS, k=random.randint(0, 6)))


def numbers(random: Random) -> Iterator[str]:
    """Yield numbers in every notation, hex, base64, UUIDs and minified code."""
    while True:
        yield f"{random.randint(-(10 ** random.randint(1, 30)), 10**30)} {random.uniform(-1e9, 1e9)!r},"
        yield f"{random.random():.3e}\t{random.getrandbits(64):#x} 0b{random.getrandbits(16):b}\n"
        yield random.randbytes(random.randint(1, 200)).hex() + "\n"
        yield base64.b64encode(random.randbytes(random.randint(1, 300))).decode() + random.choice(("\n", " ", '",'))
        yield f"{random.getrandbits(32):08x}-{random.getrandbits(16):04x}-4{random.getrandbits(12):03x}\n"
        yield f"+84 {random.randint(1000, 9999)}; ${random.random() * 1e4:,.2f}; 1\u00bd \u2167 \u0663\n"
        yield f"!function(e,t){{var n={random.randint(0, 99)};for(;n--;)e[n]^=t>>>5;return e}}(a,b);"


def lone_surrogates(random: Random) -> Iterator[str]:
    """Yield halves of surrogate pairs alone, in the wrong order, and in pairs that mean one character."""
    while True:
        yield random.choice(_WORDS) + random.choice(("", " ", "\n", "'s", "  "))
        high, low = chr(random.randint(0xD800, 0xDBFF)), chr(random.randint(0xDC00, 0xDFFF))
        yield random.choice((high, low, high + low, low + high, high * 3, high + " " + low, "a" + high + "b"))


def contractions(random: Random) -> Iterator[str]:
    """Yield English contractions and names in mixed case, with both apostrophes, where vocabularies split words."""
    while True:
        stem = "".join(random.choice((str, str.upper, str.lower))(letter) for letter in random.choice(_STEMS))
        yield stem + random.choice(("'", "'", "'", "\u2019", "''", "' ")) + random.choice(_CONTRACTED)
        yield random.choice((" ", " ", "", "\n", "-", ". ", "'"))
