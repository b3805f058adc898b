"""Whole files of random records cost what the oracle says, to the last digit: query, ledger and bands included."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path

import pytest

import llmopt
from tests.cost.formats.expected import PRICES
from tests.cost.oracle import total
from tests.cost.oracle_formats import parsers
from tests.cost.records import BUILDERS

RECORDS = 150
IDS = ("chatcmpl-1", "resp_1", "batch_req_1", "msg_1", "r1", "c1", "o1", "req_1", "s1")
"""What the builders call every record; each needs a name of its own, or it counts as a repeat."""


def renamed(text: str, number: int) -> str:
    for name in IDS:
        text = text.replace(f'"{name}"', f'"{name}-{number}"')
    return text


@pytest.mark.parametrize("case", BUILDERS)
def test_a_file_of_random_records_costs_what_the_oracle_says(case: str, tmp_path: Path) -> None:
    name, buckets, build = BUILDERS[case]
    dice = random.Random(case)
    sizes = (0, 9, 1_200, 90_000, 400_000)
    lines = [
        renamed(json.dumps(build({bucket: dice.randint(0, dice.choice(sizes)) + 1 for bucket in buckets})), number)
        for number in range(RECORDS)
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines) + "\n")
    report = llmopt.price_logs([path], by=["model"])
    parse = parsers()[name]
    dollars = total((seen for line in lines for seen in parse(json.loads(line))), PRICES)
    assert (report.priced, report.duplicates, report.rejected) == (RECORDS, 0, ())
    assert {group.key["model"]: group.totals.cost_usd for group in report.groups} == dollars
    assert report.total.cost_usd == sum(dollars.values(), Decimal(0))
