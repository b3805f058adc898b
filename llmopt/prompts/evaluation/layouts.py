"""Made-up data that prompts carry: JSON of many shapes, tables, code, XML, examples in few-shot form."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from llmopt.prompts.evaluation.words import ADJECTIVES, CITIES, FIELDS, FIRST, LAST, NOUNS, PRODUCTS, sentences

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]
Shape = Callable[[Random, int], Value]
_CODE = (
    (
        "python",
        "def total(rows):\n    # not the tax\n    return sum(row['price'] * {n}  for row in rows  if not row['void'])",
    ),
    ("sql", "SELECT  id,\n        name\nFROM    {noun}s\nWHERE   price >= {m}  AND status <> 'void';"),
    ("bash", 'for f in *.log; do\n  grep -c "ERROR {n}" "$f"  || true\ndone'),
    ("ts", "const url = `https://api.example.com/${{id}}?limit={n}`;\nif (!url) {{   throw new Error('no url'); }}"),
    ("yaml", "retries: {n}\nhosts:\n  - name:   db-{d}\n    port: {m}\n"),
    ("", "  keep   this   as  it  is  {n}\n\n\n  and this"),
)


def pretty_json(random: Random, rows: int | None = None, shape: Shape | None = None) -> str:
    """Return pretty-printed JSON of some shape."""
    value = (shape or random.choice(SHAPES))(random, rows or random.randint(2, 30))
    indent: int | str = random.choice((2, 2, 4, 4, "\t"))
    return json.dumps(value, indent=indent, ensure_ascii=random.random() < 0.3)


def records(random: Random, rows: int) -> Value:
    """Return a list of flat rows of the same keys: what a database answers."""
    wanted = random.sample(("price", "stock", "city", "active", "note", "email", "rating", "created"), 4)
    return [{"id": 1_000 + row, "name": _name(random), **_cells(random, wanted)} for row in range(rows)]


def nested(random: Random, rows: int) -> Value:
    """Return what an API answers: pages, objects in objects, a few nulls."""
    return {
        "status": "ok",
        "page": {"number": random.randint(1, 9), "size": rows, "next": None},
        "items": [
            {
                "id": f"{random.getrandbits(64):016x}",
                "owner": {"name": _name(random), "address": {"city": random.choice(CITIES), "zip": f"0{row:04d}"}},
                "tags": random.sample(ADJECTIVES, random.randint(0, 3)),
                "amount": round(random.uniform(1, 900), 2),
                "paid": random.random() < 0.5,
            }
            for row in range(max(1, rows // 3))
        ],
    }


def schema(random: Random, rows: int) -> Value:
    """Return a tool definition, as requests with function calling carry."""
    return {
        "type": "function",
        "function": {
            "name": f"{random.choice(('find', 'update', 'cancel'))}_{random.choice(NOUNS)}",
            "description": sentences(random, 1),
            "parameters": {
                "type": "object",
                "properties": {
                    field: {"type": random.choice(("string", "integer")), "description": f"The {field}, not empty."}
                    for field in random.sample(FIELDS, min(len(FIELDS), 2 + rows // 6))
                },
                "required": list(FIELDS[:2]),
                "additionalProperties": False,
            },
        },
    }


def matrix(random: Random, rows: int) -> Value:
    """Return rows of numbers."""
    return {
        "columns": ["t", "low", "high"],
        "rows": [[t, *(round(random.gauss(20, 9), 1) for _ in "ab")] for t in range(rows)],
    }


def texts(random: Random, rows: int) -> Value:
    """Return chunks of prose in JSON: little to save."""
    return [{"title": _name(random), "text": sentences(random, 3), "score": 0.5} for _ in range(max(1, rows // 4))]


def settings(random: Random, rows: int) -> Value:
    """Return deep settings with odd values: exponents, empty things, escapes, text with layout in it."""
    deep: Value = {
        "empty": {},
        "none": [],
        "tiny": 1e-07,
        "path": 'C:\\tmp\\"x"',
        "lines": "a\n  b\t\tc",
        "template": "Hi {name}",
    }
    for level in range(random.randint(1, 5)):
        deep = {f"level_{level}": deep, "on": bool(level % 2), "limit": rows * 10**level}
    return deep


SHAPES: tuple[Shape, ...] = (records, records, nested, schema, matrix, texts, settings)


def _name(random: Random) -> str:
    return f"{random.choice(FIRST)} {random.choice(LAST)}"


def _cells(random: Random, wanted: list[str]) -> dict[str, Value]:
    numbers = {
        "price": round(random.uniform(1, 500), 2),
        "stock": random.randint(0, 900),
        "rating": random.randint(1, 5),
    }
    texts = {
        "city": random.choice(CITIES),
        "email": f"u{random.randint(1, 999)}@example.com",
        "created": "2024-03-09T10:00:00Z",
    }
    words = {"note": random.choice((None, "", "call back, not before 9:00", 'said "maybe"', "gấp; không giao thứ 7"))}
    flags: dict[str, Value] = {"active": random.random() < 0.5}
    cells: dict[str, Value] = {**numbers, **texts, **words, **flags}
    return {key: cells[key] for key in wanted}


def table(random: Random) -> str:
    """Return a padded markdown table."""
    rows = [
        ("id", "product", "city", "price"),
        *(
            (
                str(row),
                random.choice(PRODUCTS),
                random.choice(CITIES),
                f"{random.randint(5, 900)}.{random.randint(10, 99)}",
            )
            for row in range(random.randint(2, 12))
        ),
    ]
    widths = [max(len(row[column]) for row in rows) + random.randint(0, 6) for column in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def code(random: Random) -> str:
    """Return fenced code."""
    language, text = random.choice(_CODE)
    fence = random.choice(("```", "```", "~~~"))
    filled = text.format(
        n=random.randint(2, 99), m=random.randint(100, 9_999), d=random.randint(1, 8), noun=random.choice(NOUNS)
    )
    return f"{fence}{language}\n{filled}\n{fence}"


def xml(random: Random) -> str:
    """Return a document in tags, as long-context prompts have."""
    items = "\n".join(
        f'  <doc id="{number}" lang="en">\n    <title>{_name(random)}</title>\n'
        f"    <body>{sentences(random, 2)}</body>\n  </doc>"
        for number in range(1, random.randint(2, 5))
    )
    return f"<documents>\n{items}\n</documents>"


def few_shot(random: Random) -> str:
    """Return examples under labels, with an instruction before and a blank to fill at the end."""
    first, second = random.choice((("Input", "Output"), ("Q", "A"), ("Review", "Sentiment"), ("User", "Assistant")))
    answers = ("positive", "negative", "neutral", "not enough information")
    shots = "\n\n".join(
        f"{first}: {sentences(random, 1)}\n{second}: {random.choice(answers)}" for _ in range(random.randint(2, 6))
    )
    return f"Label each text with one of: positive, negative, neutral.\n\n{shots}\n\n{first}: {{text}}\n{second}:"
