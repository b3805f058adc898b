"""Where are the Pythons that llmopt is offered for? On PATH by name, else among those that pyenv keeps.

Run as `python -m tests.release.pythons`: a line for each, version and path; `3.13 -` where there is none.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from tests.release.step import ROOT

_OFFERED = re.compile(r"Programming Language :: Python :: (3\.\d+)")


def offered(classifiers: Collection[str]) -> list[str]:
    """Return the versions of Python that classifiers name, the oldest first."""
    found = [match[1] for one in classifiers if (match := _OFFERED.fullmatch(one))]
    return sorted(found, key=lambda version: int(version.partition(".")[2]))


def find(version: str, environment: Mapping[str, str], runs: Callable[[Path, str], bool]) -> Path | None:
    """Return the first interpreter of a version that runs, as `runs` tells."""
    return next((path for path in _candidates(version, environment) if path.is_file() and runs(path, version)), None)


def _candidates(version: str, environment: Mapping[str, str]) -> Iterator[Path]:
    for folder in environment.get("PATH", "").split(os.pathsep):
        if folder:
            yield Path(folder) / f"python{version}"
    home = environment.get("PYENV_ROOT") or Path(environment.get("HOME", "/")) / ".pyenv"
    kept = [path for path in Path(home, "versions").glob(f"{version}.*") if path.name[len(version) + 1 :].isdigit()]
    newest_first = sorted(kept, key=lambda path: int(path.name.rpartition(".")[2]), reverse=True)
    yield from (path / "bin" / f"python{version}" for path in newest_first)


def runs(path: Path, version: str) -> bool:
    """Tell whether a file is a Python of a version; a shim of pyenv may stand for none."""
    code = "import ensurepip, venv, sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-I", "-c", code], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == version


def main() -> None:
    """Print where each Python of the classifiers is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for version in offered(project["classifiers"]):
        sys.stdout.write(f"{version} {find(version, os.environ, runs) or '-'}\n")


if __name__ == "__main__":
    main()
