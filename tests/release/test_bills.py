"""A bill of materials names what is there, no more and no less."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.release.bills import bill_problems, held, of_version, parts, schema_problems


def bill(**versions: str) -> dict[str, object]:
    components = [
        {"name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"} for name, version in versions.items()
    ]
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components}


def test_a_bill_of_what_is_there_has_no_problem() -> None:
    assert list(bill_problems(bill(Rich="1", My_Lib="2"), {"rich": "1", "my-lib": "2"})) == []


def test_what_a_bill_leaves_out_or_adds_is_named() -> None:
    assert list(bill_problems(bill(rich="1", ghost="3"), {"rich": "2", "typer": "4"})) == [
        "not in the bill: typer 4",
        "in the bill and not there: ghost 3",
        "rich is 2, and 1 in the bill",
    ]


def test_each_component_can_be_looked_up() -> None:
    found = bill(rich="1")
    found["components"] = [{"name": "rich", "version": "1"}]
    assert list(bill_problems(found, {"rich": "1"})) == ["rich has no package URL in the bill"]


@pytest.mark.parametrize("other", [{}, [], {"bomFormat": "SPDX"}, None])
def test_another_document_is_no_bill(other: object) -> None:
    with pytest.raises(ValueError, match="no bill of CycloneDX"):
        parts(other)


def test_what_is_held_is_read_from_an_environment_or_from_pins(tmp_path: Path) -> None:
    about = tmp_path / "lib/python3.11/site-packages/My_Lib-2.0.dist-info/METADATA"
    about.parent.mkdir(parents=True)
    about.write_text("Metadata-Version: 2.1\nName: My_Lib\nVersion: 2.0\n", encoding="utf-8")
    assert held(tmp_path) == {"my-lib": "2.0"}
    pins = tmp_path / "constraints.txt"
    pins.write_text("# tested\nRich==15.0.0\nray==2  # why\n", encoding="utf-8")
    assert held(pins) == {"rich": "15.0.0", "ray": "2"}


def test_a_bill_is_that_of_a_version() -> None:
    before = {
        "metadata": {"timestamp": "then", "component": {"name": "llmopt", "type": "application"}},
        "components": [],
    }
    after = of_version(before, "1.0.0")
    assert after["metadata"]["component"] == {
        "name": "llmopt",
        "type": "application",
        "version": "1.0.0",
        "purl": "pkg:pypi/llmopt@1.0.0",
    }
    assert after["metadata"]["timestamp"] == "then"
    assert "version" not in before["metadata"]["component"]  # type: ignore[index]


def test_the_schema_is_asked() -> None:
    pytest.importorskip("cyclonedx.validation.json", reason="the extra release is not installed")
    whole = json.dumps({**bill(rich="1"), "version": 1} | {"components": [{"type": "library", "name": "rich"}]})
    assert schema_problems(whole) == []
    (said,) = schema_problems(whole.replace('"library"', '"book"'))
    assert said.startswith("the bill does not follow its schema: ")
