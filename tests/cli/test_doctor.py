"""`llmopt doctor`: what is wrong is told with its next step, and where each setting comes from."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from importlib import metadata
from pathlib import Path

import pytest

from llmopt.cli import doctor_machine, doctor_packages
from llmopt.cost.pricing.table import PriceTable
from llmopt.models import nvml
from llmopt.tokens.exact import vocabulary
from tests.cli.conftest import Llmopt


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def found(llmopt: Llmopt, *arguments: object) -> dict[str, dict[str, str]]:
    document = json.loads(llmopt("doctor", "--format", "json", *arguments).out)
    assert document["schema"] == "llmopt.doctor/1"
    return {f"{one['part']} {one['name']}": one for one in document["findings"]}


def test_this_installation_is_fine(llmopt: Llmopt) -> None:
    done = llmopt("doctor", "--strict", "--as-of", PriceTable.load().date)
    assert (done.code, done.err) == (0, "")
    assert "No problem found." in done.out


@pytest.mark.parametrize(
    ("days", "state"), [(0, "ok"), (60, "ok"), (61, "note"), (180, "note"), (181, "problem")], ids=str
)
def test_old_prices_are_told(llmopt: Llmopt, days: int, state: str) -> None:
    day = date.fromordinal(PriceTable.load().date.toordinal() + days)
    table = found(llmopt, "--as-of", day)["prices price table"]
    assert table["state"] == state
    assert f"{days} days old" in table["value"]
    assert llmopt("doctor", "--strict", "--as-of", day).code == (1 if state == "problem" else 0)


def test_a_library_that_is_missing_or_too_old(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "rich":
            raise metadata.PackageNotFoundError(name)
        return "0.1" if name in ("duckdb", "redis") else real(name)

    monkeypatch.setattr(metadata, "version", version)
    seen = found(llmopt)
    assert (seen["library rich"]["state"], seen["library rich"]["value"]) == ("problem", "")
    assert seen["library rich"]["hint"].startswith("pip install 'rich>=")
    assert (seen["library duckdb"]["state"], seen["library duckdb"]["value"]) == ("problem", "0.1")
    assert (seen["extra redis"]["state"], seen["extra redis"]["value"]) == ("problem", "too old: redis 0.1")
    done = llmopt("doctor", "-q", "--strict")
    assert done.code == 1
    assert "llmopt: check failed: rich: not installed" in done.err


def test_an_extra_says_what_it_is_for_and_how_to_get_it(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name in ("redis", "pyspark"):
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    seen = found(llmopt)
    assert seen["extra redis"]["value"] == "not installed; for a cache in Redis or Valkey"
    assert seen["extra redis"]["hint"] == "pip install 'llmopt[redis]'"
    assert "in part, without pyspark" in seen["extra spark"]["value"]


def test_every_extra_says_what_needs_it() -> None:
    named = set(metadata.metadata("llmopt").get_all("Provides-Extra") or [])
    assert named - set(doctor_packages._OTHERS) == set(doctor_packages._FOR)


def test_a_damaged_vocabulary_is_a_problem_and_a_missing_one_a_note(
    llmopt: Llmopt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(llmopt)["vocabulary o200k_base"]["state"] == "ok"
    damaged = tmp_path / "o200k_base.tiktoken.gz"
    damaged.write_bytes(b"no gzip")
    monkeypatch.setattr(vocabulary, "_wheel_file", lambda file: damaged if file == "o200k_base" else None)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "empty"))
    seen = found(llmopt)
    assert (seen["vocabulary o200k_base"]["state"], seen["vocabulary cl100k_base"]["state"]) == ("problem", "note")


def test_settings_are_told_with_their_place_and_without_secrets(
    llmopt: Llmopt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.llmopt.cost]\nmax-cost = "9"\nstrict = true\n')
    (tmp_path / "llmopt.toml").write_text('format = "json"\n[cost]\nmax-cost = "5"\n[cache.stats]\ntenant = ["a"]\n')
    monkeypatch.setenv("LLMOPT_COST_MAX_COST", "7")
    monkeypatch.setenv("LLMOPT_COST_DB", "postgresql://ana:hunter2@host/app")
    done = llmopt("doctor")
    told = {(one["command"], one["option"]): one for one in json.loads(done.out)["settings"]}
    assert told["", "--format"]["where"] == str(tmp_path / "llmopt.toml")
    top = told["cost", "--max-cost"]
    assert (top["value"], top["where"]) == ("7", "LLMOPT_COST_MAX_COST")
    assert top["over"] == [str(tmp_path / "pyproject.toml"), str(tmp_path / "llmopt.toml")]
    assert told["cost", "--strict"]["value"] == "true"
    assert "hunter2" not in done.out
    table = llmopt("doctor", "--format", "table").out
    assert "Settings in force" in table
    assert "hunter2" not in table


def test_what_goes_unheard_in_a_file_is_a_problem(llmopt: Llmopt, tmp_path: Path) -> None:
    (tmp_path / "llmopt.toml").write_text('foramt = "json"\n[cosst]\nby = "day"\n[cost]\nmax-csot = "5"\n')
    done = llmopt("doctor", "-q", "--strict")
    assert done.code == 1
    for line in ("'foramt' is no option of any command", "'cosst' is no command", "has no option 'max-csot'"):
        assert line in done.err
    assert "did you mean 'max-cost'?" in done.out


def test_a_file_that_is_no_toml(llmopt: Llmopt, tmp_path: Path) -> None:
    (tmp_path / "llmopt.toml").write_text("[cost\n")
    done = llmopt("doctor")
    assert (done.code, done.out) == (2, "")
    assert "not TOML" in done.err


def test_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(doctor_machine, "cpu_count", lambda: 8)
    monkeypatch.setattr(doctor_machine, "_cgroup_limits", lambda: [10**9])
    monkeypatch.setattr(nvml, "names", lambda: ("NVIDIA H100, 80 GiB",))
    monkeypatch.setattr(doctor_machine, "_version", lambda name: "2.13.0+cpu")
    seen = {one.name: one for one in doctor_machine.machine()}
    assert seen["OMP_NUM_THREADS"].hint == "models use 1 of 8 processors; unset it for all"
    assert seen["memory"].value.endswith("by the limit of the container")
    assert (seen["GPU 0"].state, seen["GPU 0"].value) == ("problem", "NVIDIA H100, 80 GiB")
    monkeypatch.setattr(doctor_machine, "_meminfo", dict)
    monkeypatch.setattr(nvml, "names", lambda: ())
    monkeypatch.setattr(nvml, "MODULE", None)
    seen = {one.name: one for one in doctor_machine.machine()}
    assert (seen["memory"].value, seen["GPU"].hint) == ("unknown", "pip install 'llmopt[bench]'")


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from llmopt.cli.main import run; run(['doctor', '-q']);"
        "print(sorted({'torch', 'transformers', 'pandas', 'pyspark', 'openvino'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
