"""Documents made of others: mixtures, wrappings and fragments that no package holds as such, and strange ones.

They are made from the documents of one side of the split only, so a held-out text never contains a seen one.
"""

from __future__ import annotations

import base64
import json
import random
import string
import urllib.parse
import uuid
from collections import defaultdict
from collections.abc import Callable

from fit_tokens_corpus import Document

NATURAL = (
    *("english", "vietnamese", "chinese", "japanese", "korean", "western", "eastern", "russian", "arabic", "hindi"),
    *("thai", "greek", "hebrew"),
)
EACH = 150
EMOJI = "😀😂🤣😍🙏👍🔥🎉✨🚀💡✅❌⚠️📦🐛❤️😭😊👏🤔🎯📈💯🇻🇳🇫🇷👩‍💻🏽🧪🌍🍕⭐☀️📝🔧🥳😅🙌💪"


def derived(documents: list[Document], seed: int) -> list[Document]:
    """Return `EACH` documents of every kind below, and five times as many short ones."""
    generator = random.Random(seed)
    pool: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        pool[document.category].append(document)
    made = []
    for category, make in _KINDS.items():
        made += [
            Document(category, f"{category}/{seed}/{number % 10}", make(generator, pool)) for number in range(EACH)
        ]
    made += [
        Document("short", document.source, _fragment(document.text, generator)) for document in _spread(pool, generator)
    ]
    return [document for document in made if document.text]


Pool = dict[str, list[Document]]


def _spread(pool: Pool, generator: random.Random) -> list[Document]:
    return [generator.choice(pool[category]) for category in sorted(pool) for _ in range(25)]


def _fragment(text: str, generator: random.Random) -> str:
    size = int(10 * 20 ** generator.random())
    start = generator.randrange(max(1, len(text) - size))
    start = text.find(" ", start, start + 20) + 1 or start
    return text[start : start + size]


def _prose(generator: random.Random, pool: Pool, size: int = 1200) -> str:
    kinds = [kind for kind in NATURAL if pool.get(kind)]
    kind = "english" if generator.random() < 0.4 else generator.choice(kinds)
    text = generator.choice(pool[kind]).text
    start = generator.randrange(max(1, len(text) - size))
    return text[start : start + generator.randrange(size // 4, size)]


def _any(generator: random.Random, pool: Pool, size: int = 1500) -> str:
    text = generator.choice(pool[generator.choice(sorted(pool))]).text
    start = generator.randrange(max(1, len(text) - size))
    return text[start : start + generator.randrange(size // 4, size)]


def _mixed(generator: random.Random, pool: Pool) -> str:
    """Make a prompt with data or code in it."""
    fence = generator.choice(("```\n{}\n```", "<document>\n{}\n</document>", "{}", "### Input:\n{}\n\n### Response:\n"))
    parts = [_prose(generator, pool, 800), fence.format(_any(generator, pool)), _prose(generator, pool, 500)]
    if generator.random() < 0.5:
        parts.append(fence.format(_any(generator, pool, 2500)))
    return "\n\n".join(parts)


def _chat(generator: random.Random, pool: Pool) -> str:
    """Make a chat: its JSON, or lines of speakers."""
    turns = [
        (generator.choice(("user", "assistant")), _prose(generator, pool, 400)) for _ in range(generator.randint(2, 8))
    ]
    if generator.random() < 0.5:
        messages = [{"role": role, "content": text} for role, text in turns]
        return json.dumps({"messages": messages}, ensure_ascii=generator.random() < 0.3)
    return "\n".join(f"{role.title()}: {text.strip()}" for role, text in turns)


def _emoji(generator: random.Random, pool: Pool) -> str:
    words = _prose(generator, pool, 900).split(" ")
    every = generator.randint(3, 14)
    signs = [*EMOJI]
    return " ".join(
        w
        + (
            " " * generator.randint(0, 1) + "".join(generator.choices(signs, k=generator.randint(1, 3)))
            if n % every == 0
            else ""
        )
        for n, w in enumerate(words)
    )


def _encoded(generator: random.Random, pool: Pool) -> str:
    """Make base64, hexadecimal, hashes, identifiers, often inside of something else."""
    data = generator.randbytes(generator.randrange(60, 1500))
    kind = generator.randrange(7)
    if kind == 0:
        return base64.b64encode(data).decode()
    if kind == 1:
        return data.hex()
    if kind == 2:
        return "\n".join(
            data[i : i + 32].hex() + "  " + name
            for i, name in zip(range(0, len(data), 32), _names(generator), strict=False)
        )
    if kind == 3:
        return "\n".join(str(uuid.UUID(bytes=data[i : i + 16])) for i in range(0, len(data) - 16, 16))
    if kind == 4:
        lines = (data[i : i + 16].hex(" ") for i in range(0, len(data), 16))
        return "\n".join(f"{n * 16:08x}: {line}" for n, line in enumerate(lines))
    if kind == 5:
        inner = _any(generator, pool, 1500).encode("utf-8", "replace")
        return base64.encodebytes(inner).decode()
    return "data:image/png;base64," + base64.urlsafe_b64encode(data).decode()


def _names(generator: random.Random) -> list[str]:
    return ["".join(generator.choices(string.ascii_lowercase, k=6)) + ".tar.gz" for _ in range(100)]


def _links(generator: random.Random, pool: Pool) -> str:
    """Make addresses with paths and queries from words of texts."""
    words = [w for w in _any(generator, pool, 3000).split() if len(w) < 30][:120] or ["a"]
    lines = []
    for _ in range(generator.randint(6, 30)):
        some = [urllib.parse.quote(w) for w in generator.choices(words, k=generator.randint(2, 7))]
        host = ".".join(generator.choices(("www", "api", "docs", "example", "acme", "shop", "cdn", "vn"), k=2)) + ".com"
        query = f"?{some[0]}={generator.randrange(10**6)}&q={some[1]}" if generator.random() < 0.5 else ""
        lines.append(f"https://{host}/{'/'.join(some[1:])}{query}")
    return generator.choice(("\n", " ", ", ")).join(lines)


def _log(generator: random.Random, pool: Pool) -> str:
    """Make log lines of one of several layouts around pieces of texts."""
    words = [w for w in _any(generator, pool, 2500).split() if len(w) < 25] or ["ok"]
    layout = generator.randrange(5)
    lines = []
    for n in range(generator.randint(5, 40)):
        level = generator.choice(("INFO", "WARN", "ERROR", "DEBUG", "info", "warning"))
        what = " ".join(generator.choices(words, k=generator.randint(3, 9)))
        ms, ip = generator.randrange(1000), ".".join(str(generator.randrange(256)) for _ in range(4))
        at = f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}T{n % 24:02}:{ms % 60:02}:{n % 60:02}.{ms:03}Z"
        day, clock, word = n % 28 + 1, f"{n % 24:02}:{ms % 60:02}", words[n % len(words)]
        trace = uuid.UUID(int=generator.getrandbits(128))
        lines.append(
            (
                f"{at} {level} [worker-{n % 7}] c.a.{generator.choice(words)[:12]} - {what} took {ms}ms",
                f'{ip} - - [{day:02}/Nov/2026:{clock}:07 +0000] "GET /{word} HTTP/1.1" 200 {ms * 37}',
                f"Nov {day:2} {clock}:33 host{n % 3} app[{ms + 1000}]: {level}: {what} from {ip} port {ms + 30000}",
                json.dumps({"ts": at, "level": level, "msg": what, "ip": ip, "ms": ms, "trace_id": trace.hex[:16]}),
                f"[{at}] {level.lower()} request_id={trace} status={ms} path=/{word} {what}",
            )[layout]
        )
    return "\n".join(lines)


def _records(generator: random.Random, pool: Pool) -> str:
    """Make rows of a table as CSV, JSON or JSON lines."""
    words = [w for w in _any(generator, pool, 2500).split() if len(w) < 25] or ["x"]
    keys = generator.sample(
        ("id", "name", "price", "createdAt", "user_id", "city", "qty", "isActive", "note", "email"), 6
    )
    rows = []
    for n in range(generator.randint(4, 40)):
        values = (
            n + 1,
            " ".join(generator.choices(words, k=2)),
            round(generator.random() * 1000, 2),
            generator.random() < 0.5,
        )
        rows.append(
            {key: generator.choice((*values, f"2026-11-{n % 28 + 1:02}", generator.getrandbits(20))) for key in keys}
        )
    kind = generator.randrange(4)
    if kind == 0:
        return "\n".join([",".join(keys), *(",".join(str(row[k]) for k in keys) for row in rows)])
    if kind == 1:
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return json.dumps(
        rows, ensure_ascii=False, indent=(2, None)[kind - 2], separators=(",", ":") if kind == 3 else None
    )


def _stack_trace(generator: random.Random, pool: Pool) -> str:
    """Make a stack trace of one of three languages with names out of code."""
    code = generator.choice(pool[generator.choice(("python", "javascript", "java", "typescript"))]).text
    lines = [line.strip() for line in code.splitlines() if 8 < len(line) < 90] or ["x = y()"]
    names = [w for w in code.replace("(", " ").split() if w.isidentifier() and len(w) > 2] or ["main"]
    kind, out = generator.randrange(3), []
    for _ in range(generator.randint(4, 25)):
        name, file, number = generator.choice(names), generator.choice(names), generator.randrange(1, 900)
        out.append(
            (
                f'  File "/usr/lib/python3/{file}/{name}.py", line {number}, in {name}\n    {generator.choice(lines)}',
                f"    at {file}.{name} (/app/node_modules/{file}/dist/index.js:{number}:{number % 80})",
                f"\tat com.acme.{file}.{name.title()}.{name}({name.title()}.java:{number})",
            )[kind]
        )
    head = (
        "Traceback (most recent call last):",
        "TypeError: Cannot read properties of undefined (reading 'id')",
        'Exception in thread "main" java.lang.IllegalStateException: not ready',
    )[kind]
    return "\n".join([head, *out])


def _strange(generator: random.Random, _pool: Pool) -> str:
    """Make what no author writes: one character over and over, noise, blanks."""
    size = int(100 * 50 ** generator.random())
    kind = generator.randrange(8)
    if kind == 0:
        return generator.choice("a \n\t-=*#.0é中ộ가😀\u0627_A\0\x1b\x7f\r\ud7ff\ufffd") * size
    if kind == 1:
        return "".join(generator.choices(string.printable[:95], k=size))
    if kind == 2:
        return "".join(generator.choices(string.ascii_letters, k=size))
    if kind == 3:
        return "".join(
            chr(generator.choice((generator.randrange(0x20, 0xD800), generator.randrange(0xE000, 0x30000))))
            for _ in range(size // 4)
        )
    if kind == 4:
        return "".join(
            generator.choice(("  ", "\n", "\t", " ", "\r\n")) * generator.randint(1, 30) for _ in range(size // 8)
        )
    if kind == 5:
        return "".join(generator.choices([*EMOJI], k=size // 4))
    if kind == 6:
        return " ".join(str(generator.randrange(10 ** generator.randint(1, 12))) for _ in range(size // 6))
    return "".join(
        generator.choice(("ab", "xyz ", "--", "()", "00 ", "A1")) * generator.randint(2, 40) for _ in range(size // 40)
    )


_KINDS: dict[str, Callable[[random.Random, Pool], str]] = {
    "mixed": _mixed,
    "chat": _chat,
    "emoji": _emoji,
    "encoded": _encoded,
    "links": _links,
    "log_lines": _log,
    "records": _records,
    "stack_trace": _stack_trace,
    "strange": _strange,
}
SYNTHETIC = (*_KINDS, "short")
"""The categories made here."""
