"""What pip-audit says, and that its silence is never taken for a good word."""

from __future__ import annotations

import json
import sys

from tests.release.flaws import Audit, read, run, verdict

FINE = {"name": "rich", "version": "15.0.0", "vulns": []}
FLAWED = {
    "name": "old",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
UNKNOWN = {"name": "own", "skip_reason": "Dependency not found on PyPI and could not be audited: own (1.0)"}


def audit(*dependencies: object) -> Audit | None:
    return read(json.dumps({"dependencies": dependencies, "fixes": []}))


def test_pins_without_a_flaw_pass() -> None:
    assert verdict(audit(FINE), "") == ([], "1 pins without a known flaw")


def test_a_flaw_fails_with_where_it_is_fixed() -> None:
    problems, _ = verdict(audit(FINE, FLAWED), "")
    assert problems == ["old 1.0: PYSEC-1, fixed in 1.1, 2.0", "old 1.0: PYSEC-2, fixed in no version yet"]


def test_what_the_database_does_not_know_is_named() -> None:
    assert verdict(audit(FINE, UNKNOWN), "") == (
        [],
        "1 pins without a known flaw; NOT KNOWN to the database: own",
    )


def test_an_index_that_knows_none_of_the_pins_is_no_audit() -> None:
    problems, line = verdict(audit(UNKNOWN, UNKNOWN), "")
    assert problems == []
    assert line.startswith("NOT DONE: the index here has no database of flaws: none of 2 pins")


def test_no_answer_is_said_and_does_not_fail() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('ERROR:pip_audit: connection refused')"]
    assert verdict(*run(command)) == ([], "NOT DONE: no database answered: ERROR:pip_audit: connection refused")
    assert verdict(*run([sys.executable, "-c", "print('{')"]))[1] == "NOT DONE: no database answered: exit code 0"


def test_an_answer_counts_whatever_the_exit_code() -> None:
    answer = json.dumps({"dependencies": [FLAWED], "fixes": []})
    found, _ = run([sys.executable, "-c", f"import sys; print({answer!r}); sys.exit(1)"])
    assert found == audit(FLAWED)
