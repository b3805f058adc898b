import json
from pathlib import Path
from typing import Any

import pytest

from llmopt.bench.baseline import SCHEMA, read_baseline
from llmopt.bench.regression import compare
from llmopt.bench.report import BenchReport
from llmopt.bench.result import Sweep
from llmopt.bench.sweep import sweep
from llmopt.errors import InputError
from llmopt.report.bench_batch_json import payload
from tests.bench.machines import Clock, Fake, guard


@pytest.fixture
def swept() -> Sweep:
    clock = Clock()
    return sweep(Fake(clock, spread=0.01), batch_sizes=[1, 2], seq_lens=[32, 600], guard=guard(clock), clock=clock)


@pytest.fixture
def document(swept: Sweep) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(payload(BenchReport(swept))))
    return plain


def test_a_report_is_read_as_it_was_measured(swept: Sweep, document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(document))
    before = read_baseline(path)
    assert before.points == swept.points
    assert before.environment == swept.environment
    assert compare(before, swept).change == pytest.approx(0)


def test_fields_of_a_later_version_are_left_out(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    for part in (document, document["environment"], document["environment"]["noise"], document["points"][0]):
        part["new"] = 1
    path.write_text(json.dumps(document))
    assert len(read_baseline(path).points) == 4


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is no JSON report"),
        ("\udcff", "is no JSON report"),
        ("[1]", "is no report of"),
        ('{"schema": "other"}', "is no report of"),
        (f'{{"schema": "{SCHEMA}"}}', "lacks what a report"),
        (f'{{"schema": "{SCHEMA}", "points": 3}}', "lacks what a report"),
    ],
)
def test_another_file_is_refused(content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=told):
        read_baseline(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [("batch_size", "x"), ("status", "fine"), ("times_s", [-1]), ("times_s", [None]), ("handovers_s", 3)],
)
def test_a_damaged_point_is_refused(field: str, value: object, document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    document["points"][0][field] = value
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="lacks what a report"):
        read_baseline(path)


def test_a_report_without_samples_is_no_baseline(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    for point in document["points"]:
        point["times_s"] = []
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="holds no samples"):
        read_baseline(path)


def test_no_such_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_baseline(tmp_path / "none.json")
