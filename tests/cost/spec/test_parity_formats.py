"""The duckdb query and the Python function of every shipped format agree, record by record."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmopt.core.ledger import Ledger
from llmopt.cost.read import Settings, read_logs
from llmopt.cost.sniff import Sniffer
from llmopt.cost.spec.load import Spec, load_specs
from tests.cost.reading import Json, sample_files, sample_lines
from tests.cost.spec.mutations import spoiled
from tests.cost.spec.parity import KEYING, compare, text_of

EXAMPLES = int(os.environ.get("PARITY_EXAMPLES", "3"))
BATCH = 40


def logged() -> dict[str, tuple[Spec, list[Json]]]:
    """Variant -> its spec and the sample lines that it reads."""
    specs = load_specs()
    sniffer = Sniffer(specs)
    found: dict[str, tuple[Spec, list[Json]]] = {}
    for spec in specs:
        for path in sample_files(spec.name):
            for line in sample_lines(path):
                variant = sniffer.recognise(line)
                assert variant is not None, f"{path}: {json.dumps(line)[:200]}"
                found.setdefault(variant.variant, (variant, []))[1].append(line)
    return found


LOGGED = logged()
NAMES = sorted({spec.name for spec, _ in LOGGED.values()})


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parity") / "log.jsonl"


def test_every_shipped_format_takes_part() -> None:
    assert len(NAMES) == 24


@pytest.mark.parametrize("check_tiers", [True, False])
@pytest.mark.parametrize("variant", LOGGED)
def test_the_query_is_sure_of_records_as_they_are_logged(variant: str, log: Path, check_tiers: bool) -> None:
    spec, records = LOGGED[variant]
    rows = compare(spec, [text_of(record) for record in records], log, check_tiers=check_tiers)
    assert [row.difference() for row in rows if not (row.agree and row.sure)] == []


@pytest.mark.parametrize("variant", LOGGED)
@given(data=st.data())
@settings(max_examples=EXAMPLES, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_query_never_says_what_python_would_not(variant: str, log: Path, data: st.DataObject) -> None:
    spec, records = LOGGED[variant]
    lines = data.draw(st.lists(spoiled(spec, records).map(text_of), min_size=1, max_size=BATCH))
    rows = compare(spec, lines, log, check_tiers=data.draw(st.booleans()))
    assert [row.difference() for row in rows if not row.agree] == []


@pytest.mark.parametrize("variant", LOGGED)
def test_formats_in_one_file_do_not_disturb_each_other(variant: str, tmp_path: Path) -> None:
    """duckdb and Python read the samples of one format, and a line of every other among them, alike."""
    others = [records[-1] for name, (_, records) in LOGGED.items() if name != variant]
    own = LOGGED[variant][1]
    lines = [text_of(record) for record in [*others, *own, own[0]]]
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(lines), encoding="utf-8")
    assert booked(log, small_bytes=0) == booked(log, small_bytes=1 << 30)


def booked(log: Path, small_bytes: int) -> tuple[Ledger, int, int, int, int]:
    settings = Settings(tuple(load_specs()), KEYING, by=("model", "user", "day"), small_bytes=small_bytes)
    reading = read_logs([log], settings)
    return reading.ledger, reading.rejects.count, reading.duplicates, reading.free, reading.skipped
