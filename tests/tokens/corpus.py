"""A corpus of 22 kinds of text, half a megabyte each, made when a test runs from what every machine has.

Real text comes from Python's library, the metadata of installed packages and this repository; what runs short, and
what no machine has offline, comes from seeded generators. Nothing is random but by the seed.
"""

from __future__ import annotations

import functools
import json
import pydoc_data.topics
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from random import Random
from typing import Any

from tests.conftest import ROOT
from tests.tokens import corpus_scripts, corpus_strange
from tests.tokens.corpus_scripts import sentence

SIZE_BYTES = 520_000
LONGEST = 300_000
"""Characters of the longest document."""


@functools.cache
def documents(category: str, size_bytes: int = SIZE_BYTES) -> tuple[str, ...]:
    """Return the documents of a category: many tiny ones, some of a few thousand characters, one long."""
    random = Random(category)
    pieces, size = [], 0
    for piece in CATEGORIES[category](random):
        pieces.append(piece)
        size += len(piece.encode("utf-8", "surrogatepass"))
        if size >= size_bytes:
            break
    return tuple(_cut("".join(pieces), random))


def size_bytes(texts: Iterable[str]) -> int:
    """Return the size of texts in UTF-8, a lone surrogate as three bytes."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def _cut(text: str, random: Random) -> Iterator[str]:
    """Cut anywhere: inside words, runs of blanks, combining sequences."""
    done = min(LONGEST, len(text) * 6 // 10)
    yield text[:done]
    while done < len(text):
        longest = random.choices((8, 200, 2_000, 20_000), weights=(6, 6, 3, 2))[0]
        length = random.randint(1, longest)
        yield text[done : done + length]
        done += length


def _english(random: Random) -> Iterator[str]:
    topics = pydoc_data.topics.topics
    yield from (topics[name] for name in sorted(topics))
    yield from _metadata()
    while True:
        yield _prose(random) + "\n\n"


def _python(random: Random) -> Iterator[str]:
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    random.shuffle(files)
    yield from (path.read_text(encoding="utf-8", errors="replace") for path in files)


def _c_like(random: Random) -> Iterator[str]:
    for number in range(10**9):
        name, other = (_identifier(random) for _ in range(2))
        comment, quoted = _prose(random)[:70], _prose(random)[:30]
        if number % 2:
            yield f"/* {comment} */\nstatic inline int\n{name}(const char *{other}, size_t n)\n{{\n"
            yield f"\tif ({other} == NULL || n <= {random.randint(0, 4096)}u) {{\n\t\treturn -1;\n\t}}\n"
            yield f'\tfor (int i = 0; i < n; ++i) buf[i] ^= 0x{random.getrandbits(32):08X};\n\tprintf("%s\\n", '
            yield f'"{quoted}");\n\treturn 0;\n}}\n\n#define {name.upper()}_MAX ({random.randint(1, 9)} << 10)\n\n'
        else:
            yield f"// {comment}\nexport async function {name}({{ {other}, timeout = 5_000 }}) {{\r\n"
            yield f"  const res = await fetch(`/api/${{{other}}}?q=${{encodeURIComponent('{quoted}')}}`);\r\n"
            yield f"  if (!res.ok) throw new Error(`HTTP ${{res.status}}`);\r\n  return (await res.json()).{other}"
            yield "?.map((x) => x ** 2).filter(Boolean) ?? [];\r\n}\r\n\r\n"


def _json_compact(random: Random) -> Iterator[str]:
    for value in _json_values(random):
        yield json.dumps(value, separators=(",", ":"), ensure_ascii=random.random() < 0.5) + "\n"


def _json_pretty(random: Random) -> Iterator[str]:
    for value in _json_values(random):
        yield json.dumps(value, indent=random.choice((1, 2, 4, "\t")), ensure_ascii=random.random() < 0.5) + "\n"


def _json_values(random: Random) -> Iterator[Any]:
    """Alternate between prices of this repository and made-up chat records."""
    for path in sorted((ROOT / "pricing" / "providers").glob("*.json")):
        models = json.loads(path.read_text(encoding="utf-8"))
        yield from models.values() if isinstance(models, dict) else models
        yield from (_record(random) for _ in range(40))
    while True:
        yield _record(random)


def _record(random: Random) -> dict[str, Any]:
    languages = ("en", "en", "vi", "zh", "ru")
    return {
        "id": f"chatcmpl-{random.getrandbits(96):x}",
        "created": random.randint(1_500_000_000, 1_800_000_000),
        "temperature": round(random.random(), random.randint(1, 17)),
        "stream": random.choice((True, False, None)),
        "messages": [
            {"role": role, "content": _prose(random) if language == "en" else sentence(language, random)}
            for role, language in (("user", random.choice(languages)), ("assistant", random.choice(languages)))
        ],
        "usage": {"prompt_tokens": random.randint(1, 9999), "details": {"cached": [0, random.random() * 1e-9]}},
    }


def _csv(random: Random) -> Iterator[str]:
    yield "id,date,name,amount,currency,note\r\n"
    for number in range(10**9):
        date = f"20{random.randint(10, 29)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
        note = _prose(random)[: random.randint(0, 80)].replace('"', '""').replace("\n", " ")
        amount = f"{random.uniform(-1e6, 1e6):.2f}"
        yield f'{number};{date};"{_identifier(random)}";{amount};USD\n' if number % 7 == 0 else ""
        yield f'{number},{date},{_identifier(random)},{amount},EUR,"{note}"\r\n'


def _logs(random: Random) -> Iterator[str]:
    levels = ("INFO", "WARN", "ERROR", "DEBUG")
    while True:
        clock = f"{random.randint(0, 23):02}:{random.randint(0, 59):02}:{random.randint(0, 59):02}"
        level = random.choice(levels)
        ip = ".".join(str(random.randint(0, 255)) for _ in range(4))
        yield f'{ip} - - [17/Oct/2025:{clock} +0000] "GET /{_identifier(random)}?id={random.getrandbits(20)} HTTP/1.1" '
        yield f'{random.choice((200, 304, 404, 502))} {random.getrandbits(16)} "-" "Mozilla/5.0 (X11; Linux x86_64)"\n'
        yield f"2025-10-17T{clock}.{random.randint(0, 999):03}Z {level:5} [worker-{random.randint(1, 64)}] "
        yield f"com.example.{_identifier(random)}: {_prose(random)[:90]} took={random.random() * 1e3:.3f}ms\n"
        if random.random() < 0.1:
            yield 'Traceback (most recent call last):\n  File "app.py", line 12, in main\n    \x1b[31mrun()\x1b[0m\n'
            yield f"ValueError: {_prose(random)[:60]}\n\n"


def _markdown(random: Random) -> Iterator[str]:
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]):
        yield path.read_text(encoding="utf-8")
    yield from _metadata()
    while True:
        yield f"\n## {_identifier(random)}\n\n- **{_prose(random)[:40]}** [`{_identifier(random)}`](./x.md#a-b)\n"
        yield f"- [ ] {_prose(random)[:50]}\n\n| a | b |\n|---|:-:|\n| {random.random():.3f} | ~~x~~ |\n\n"
        yield f"> {_prose(random)}\n"


def _html(random: Random) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en"><head><style>body{margin:0 auto;color:#3a3a3a}</style></head><body>\n'
    while True:
        name = _identifier(random)
        yield f'<div id="{name}" class="row mt-5 px-2" data-x=\'{{"n":{random.getrandbits(12)}}}\'>'
        yield f"<p>{_prose(random)} &amp; &nbsp;&#x{random.getrandbits(14):x};</p>\n\t<br/>"
        yield f"<a href='/{name}/?a=1&amp;b=2'>"
        yield f"{_prose(random)[:20]}</a></div>\n<script>window.{name}=function(e){{return!e||e.length>2}};</script>\n"


@functools.cache
def _metadata() -> tuple[str, ...]:
    """Return the descriptions of the installed packages, sorted by name."""
    found = {package.name.lower(): package.read_text("METADATA") or "" for package in metadata.distributions()}
    return tuple(text for _, text in sorted(found.items()))


def _prose(random: Random) -> str:
    """Return a sentence of English, of words in an order that nobody wrote."""
    words = random.choices(_english_words(), k=random.randint(4, 18))
    return " ".join(words).capitalize() + random.choice((".", "!", "?", " \u2014 see below.", ", e.g. 3.5%.", "\u2026"))


def _identifier(random: Random) -> str:
    words = [word.strip("'").lower() for word in random.choices(_english_words(), k=random.randint(1, 3))]
    return random.choice(("_".join(words), "".join(word.title() for word in words), "-".join(words)))


@functools.cache
def _english_words() -> tuple[str, ...]:
    words = {word for text in pydoc_data.topics.topics.values() for word in text.split() if word.isalpha()}
    return tuple(sorted(words))


CATEGORIES: dict[str, Callable[[Random], Iterator[str]]] = {
    "english": _english,
    "python": _python,
    "c_and_javascript": _c_like,
    "json_compact": _json_compact,
    "json_pretty": _json_pretty,
    "csv": _csv,
    "logs": _logs,
    "markdown": _markdown,
    "html": _html,
    "vietnamese": functools.partial(corpus_scripts.text, ("vi",)),
    "chinese": functools.partial(corpus_scripts.text, ("zh",)),
    "japanese_korean": functools.partial(corpus_scripts.text, ("ja", "ko")),
    "cyrillic_greek": functools.partial(corpus_scripts.text, ("ru", "el")),
    "arabic_hebrew_hindi_thai": functools.partial(corpus_scripts.text, ("ar", "he", "hi", "th")),
    "emoji": corpus_strange.emoji,
    "blanks": corpus_strange.blanks,
    "random_bytes": corpus_strange.random_bytes,
    "random_characters": corpus_strange.random_characters,
    "special_tokens": corpus_strange.special_tokens,
    "numbers": corpus_strange.numbers,
    "lone_surrogates": corpus_strange.lone_surrogates,
    "contractions": corpus_strange.contractions,
}
"""Name -> an endless (or long enough) run of pieces."""
