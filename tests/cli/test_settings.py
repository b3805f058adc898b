"""Defaults < pyproject.toml < llmopt.toml < LLMOPT_* < flags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.core import TyperGroup

from llmopt.cli import registry
from llmopt.cli.registry import COMMANDS, Entry, load
from llmopt.cli.settings import MIXED, defaults_for
from llmopt.errors import ConfigError
from tests.cli.conftest import Llmopt


def echo(
    format: Annotated[str, typer.Option()] = "table",
    max_cost: Annotated[str | None, typer.Option()] = None,
    prices: Annotated[list[str], typer.Option()] = [],  # noqa: B006 - typer copies it
    strict: Annotated[bool, typer.Option("--strict")] = False,
) -> None:
    """Print the options."""
    typer.echo(f"{format} {max_cost} {prices} {strict}")


nested = typer.Typer()
nested.command("echo")(echo)
nested.command("other")(lambda: None)


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch, workdir: Path) -> None:
    entries = (Entry("echo", "Print.", __name__, "echo"), Entry("nested", "Nested.", __name__, "nested"))
    monkeypatch.setattr(registry, "COMMANDS", entries)


def test_without_settings_the_defaults_hold(llmopt: Llmopt) -> None:
    assert llmopt("echo").out == "table None [] False\n"


def test_each_layer_goes_over_the_one_before(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("pyproject.toml").write_text('[tool.llmopt]\nformat = "a"\n[tool.llmopt.echo]\nmax-cost = 5\nstrict = true\n')
    assert llmopt("echo").out == "a 5 [] True\n"
    Path("llmopt.toml").write_text('format = "b"\n[echo]\nprices = ["x", "y"]\n')
    assert llmopt("echo").out == "b 5 ['x', 'y'] True\n"
    monkeypatch.setenv("LLMOPT_FORMAT", "c")
    assert llmopt("echo").out == "c 5 ['x', 'y'] True\n"
    monkeypatch.setenv("LLMOPT_ECHO_FORMAT", "d")
    monkeypatch.setenv("LLMOPT_ECHO_STRICT", "false")
    monkeypatch.setenv("LLMOPT_ECHO_PRICES", "z")
    assert llmopt("echo").out == "d 5 ['z'] False\n"
    assert llmopt("echo", "--format", "e", "--max-cost", "6").out == "e 6 ['z'] False\n"


def test_a_command_of_a_group_has_settings_of_its_own(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("llmopt.toml").write_text('format = "a"\n[nested.echo]\nmax_cost = "7"\n')
    assert llmopt("nested", "echo").out == "a 7 [] False\n"
    monkeypatch.setenv("LLMOPT_NESTED_ECHO_MAX_COST", "8")
    assert llmopt("nested", "echo").out == "a 8 [] False\n"


def test_the_nearest_folder_with_settings_counts(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("llmopt.toml").write_text('format = "top"\n')
    Path("a/b").mkdir(parents=True)
    monkeypatch.chdir("a/b")
    assert llmopt("echo").out.startswith("top ")
    Path("pyproject.toml").write_text("[project]\n")
    assert llmopt("echo").out.startswith("top ")
    Path(".git").mkdir()
    assert llmopt("echo").out.startswith("table ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[echo]\nmax-cots = 1\n",
            "llmopt.toml: llmopt echo has no option 'max-cots'\nllmopt: hint: did you mean 'max-cost'?",
        ),
        ("[echo]\nzzzz = 1\n", "llmopt.toml: llmopt echo has no option 'zzzz'\nllmopt: hint: llmopt echo --help"),
        ("echo = 1\n", "llmopt.toml: [echo] must be a table"),
        ("[echo\n", "llmopt.toml: not TOML"),
        ("[echo]\nstrict = 'perhaps'\n", "llmopt.toml: strict is true or false, not 'perhaps'"),
        ("[echo]\nmax-cost = [1]\n", "llmopt.toml: max_cost takes one value, not [1]"),
    ],
)
def test_wrong_settings_are_named(text: str, message: str, llmopt: Llmopt) -> None:
    Path("llmopt.toml").write_text(text)
    outcome = llmopt("echo")
    assert outcome.code == 2
    assert message in outcome.err


def test_a_settings_file_that_cannot_be_read_is_named(llmopt: Llmopt) -> None:
    Path("llmopt.toml").write_bytes(b"\xff\xfe")
    assert "llmopt.toml: not TOML" in llmopt("echo").err


def test_a_byte_order_mark_and_line_ends_of_windows_are_no_fault(llmopt: Llmopt) -> None:
    Path("llmopt.toml").write_bytes(b'\xef\xbb\xbfformat = "top"\r\n')
    assert llmopt("echo").out.startswith("top ")


def test_a_working_folder_that_is_gone_is_named(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gone").mkdir()
    monkeypatch.chdir("gone")
    Path("../gone").rmdir()
    outcome = llmopt("echo")
    assert (outcome.code, outcome.err.splitlines()[0]) == (
        2,
        "llmopt: error: the working folder: No such file or directory",
    )


def test_a_settings_file_without_the_right_to_read_it_is_named(llmopt: Llmopt, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", "llmopt.toml")

    Path("llmopt.toml").touch()
    monkeypatch.setattr(Path, "read_text", refused)
    lines = llmopt("echo").err.splitlines()
    assert lines[0].endswith("llmopt.toml: Permission denied")
    assert len(lines) == 2


def test_help_is_there_even_when_the_settings_are_wrong(llmopt: Llmopt) -> None:
    Path("llmopt.toml").write_text("[echo\n")
    assert "Print the options." in llmopt("echo", "--help").out


def test_settings_of_other_commands_are_left_alone(llmopt: Llmopt) -> None:
    Path("llmopt.toml").write_text('[cost]\nmax-cost = "1"\n')
    assert llmopt("echo").code == 0


def test_a_setting_for_all_commands_is_passed_over_where_it_cannot_be_meant(
    monkeypatch: pytest.MonkeyPatch, workdir: Path
) -> None:
    commands = {entry.name: load(entry) for entry in COMMANDS if entry.name in ("quantize", "bench-batch")}

    def resumes() -> tuple[object, object]:
        found = {name: defaults_for(command, workdir).get("resume") for name, command in commands.items()}
        return found["quantize"], found["bench-batch"]

    monkeypatch.setenv("LLMOPT_RESUME", "sweep.jsonl")
    assert resumes() == (None, "sweep.jsonl")
    monkeypatch.setenv("LLMOPT_RESUME", "yes")
    assert resumes() == (True, None)
    monkeypatch.delenv("LLMOPT_RESUME")
    (workdir / "llmopt.toml").write_text('resume = "sweep.jsonl"\n')
    assert resumes() == (None, "sweep.jsonl")
    (workdir / "llmopt.toml").write_text("resume = true\n")
    assert resumes() == (True, None)
    (workdir / "llmopt.toml").write_text('[quantize]\nresume = "sweep.jsonl"\n')
    with pytest.raises(ConfigError, match="true or false"):
        resumes()


def options(command: Any) -> list[Any]:
    """Return every option of a command, or of all commands of a group."""
    if isinstance(command, TyperGroup):
        return [option for sub in command.commands.values() for option in options(sub)]
    return [option for option in command.params if option.param_type_name == "option"]


def test_all_options_of_two_kinds_are_known_as_such() -> None:
    kinds: dict[str, set[tuple[bool, bool, bool]]] = {}
    for option in (option for entry in COMMANDS for option in options(load(entry))):
        chosen = "|" in (option.metavar or "") and option.name == "cached"
        kind = (bool(getattr(option, "is_flag", False)), bool(option.multiple), chosen)
        kinds.setdefault(str(option.name), set()).add(kind)
    assert {name for name, found in kinds.items() if len(found) > 1} == set(MIXED)


@pytest.mark.parametrize(
    ("text", "compress", "route", "cost", "estimate"),
    [
        ('keep = "95%"\ncached = "excluded"\n', None, "95%", "excluded", None),
        ('keep = ["[A-Z]+"]\ncached = 1000\n', ["[A-Z]+"], None, None, "1000"),
        ('keep = "[A-Z]+"\n', ["[A-Z]+"], None, None, None),
    ],
)
def test_a_setting_goes_to_the_commands_that_it_fits(
    workdir: Path, text: str, compress: object, route: object, cost: object, estimate: object
) -> None:
    found = {
        entry.name: load(entry)
        for entry in COMMANDS
        if entry.name in ("compress", "route", "cost", "estimate", "cache")
    }
    (workdir / "llmopt.toml").write_text(text)
    set_for = {name: defaults_for(command, workdir) for name, command in found.items()}
    assert set_for["compress"]["compress"].get("keep") == compress
    assert set_for["route"]["train"].get("keep") == set_for["route"]["eval"].get("keep") == route
    assert set_for["cost"].get("cached") == set_for["cache"]["simulate"].get("cached") == cost
    assert set_for["estimate"].get("cached") == estimate


@pytest.mark.parametrize(
    ("text", "cost", "estimate"),
    [
        ('output = "a.json"\n', ["a.json"], "a.json"),
        ('output = ["a.json", "a.svg"]\n', ["a.json", "a.svg"], None),
    ],
)
def test_a_list_of_files_goes_to_the_commands_that_write_several(
    workdir: Path, text: str, cost: object, estimate: object
) -> None:
    found = {entry.name: load(entry) for entry in COMMANDS if entry.name in ("cost", "estimate")}
    (workdir / "llmopt.toml").write_text(text)
    assert {name: defaults_for(command, workdir).get("output") for name, command in found.items()} == {
        "cost": cost,
        "estimate": estimate,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[nested]\nmax-cost = "7"\n',
            "llmopt.toml: llmopt nested has no command 'max-cost'\nllmopt: hint: write it under [nested.echo]",
        ),
        (
            '[nested.ecko]\nmax-cost = "7"\n',
            "llmopt.toml: llmopt nested has no command 'ecko'\nllmopt: hint: did you mean [nested.echo]?",
        ),
        ("[nested]\nzzzz = 1\n", "hint: did you mean [nested.echo] or [nested.other]?"),
    ],
)
def test_what_is_no_command_of_a_group_is_named(llmopt: Llmopt, text: str, message: str) -> None:
    Path("llmopt.toml").write_text(text)
    outcome = llmopt("nested", "echo")
    assert outcome.code == 2
    assert message in outcome.err


def test_a_table_of_a_command_is_no_value_of_an_option_of_that_name(tmp_path: Path) -> None:
    """`llmopt tokens --cost` is a flag; [cost] is the table of `llmopt cost`."""
    (tmp_path / "llmopt.toml").write_text('[cost]\nmax-cost = "5"\n')
    tokens = next(entry for entry in COMMANDS if entry.name == "tokens")
    assert defaults_for(load(tokens), tmp_path) == {}
