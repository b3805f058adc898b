"""What action.yml runs: an llmopt command, with its reports in files and a comment on the pull request that stays one.

All that a user or an event says comes in environment variables and goes on as arguments of processes: no shell reads
it. Only the standard library, and `gh`, which GitHub's runners have.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MOST = 65_000
"""Characters of a comment; GitHub takes 65,536."""
SUFFIXES = {"markdown": ".md", "json": ".json", "junit": ".junit.xml", "sarif": ".sarif"}
FOCUS = ".focus.csv"
_CHECK = re.compile(r"llmopt: (check failed|error): (.*)")


def main(environment: Mapping[str, str]) -> int:
    """Run the command, say where its reports are, comment, and return its exit code."""
    words = shlex.split(_given(environment, "COMMAND") or "cost")
    key = re.sub(r"[^A-Za-z0-9._]+", "-", _given(environment, "KEY") or " ".join(words)).strip("-") or "llmopt"
    folder = Path(environment["RUNNER_TEMP"]) / "llmopt-reports" / key
    folder.mkdir(parents=True, exist_ok=True)
    suffixes = SUFFIXES | ({"focus": FOCUS} if _given(environment, "FOCUS") == "true" else {})
    files = {name: folder / f"llmopt{suffix}" for name, suffix in suffixes.items()}
    for file in files.values():
        file.unlink(missing_ok=True)
    places = [word for file in ("-", *files.values()) for word in ("-o", str(file))]
    options = [*_against(environment), *shlex.split(_given(environment, "ARGS")), *places]
    program = str(Path(sys.executable).with_name("llmopt"))
    code, errors = run([program, *words, *options, *_paths(environment)])
    written = {name: str(file) for name, file in files.items() if file.is_file()}
    _output(environment, {"exit-code": str(code), **written})
    if _given(environment, "COMMENT") == "true":
        comment(environment, key, body(key, files["markdown"], code, errors))
    return code


def run(command: list[str]) -> tuple[int, list[str]]:
    """Run a command, pass on what it says, and return its exit code and the lines of stderr.

    What logs hold may look like a command to the runner (`::add-mask::`), so commands are off meanwhile.
    """
    token = secrets.token_hex(16)
    _say(f"::stop-commands::{token}")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace")
    lines = []
    for line in process.stderr or ():
        lines.append(line.rstrip("\n"))
        sys.stderr.write(line)
    code = process.wait()
    _say(f"::{token}::")
    for line in lines:
        if match := _CHECK.fullmatch(line):
            _say(f"::error title=llmopt::{_escaped(match[2])}")
    return code, lines


def body(key: str, markdown: Path, code: int, errors: list[str]) -> str:
    """Return the text of the comment: the report, or why there is none."""
    if markdown.is_file():
        text = markdown.read_text(encoding="utf-8")
    else:
        said = "\n".join(errors[-20:]).replace("`", "'")
        text = f"### llmopt\n\n**There is no report: exit code {code}.**\n\n```text\n{said}\n```\n"
    if len(text) > MOST:
        text = f"{text[:MOST]}\n\nThis is not all; the summary of the run has the rest.\n"
    return f"{marker(key)}\n{text}"


def marker(key: str) -> str:
    """Return what a comment of ours begins with."""
    return f"<!-- llmopt:{key} -->"


def comment(environment: Mapping[str, str], key: str, text: str) -> None:
    """Write the comment, over the one of an earlier run where there is one; a token that may not is no failure."""
    number = pull_request(environment)
    if number is None:
        _say("::notice title=llmopt::no pull request, so no comment")
        return
    root = f"repos/{environment['GITHUB_REPOSITORY']}/issues"
    author = _given(environment, "COMMENT_AUTHOR") or "github-actions[bot]"
    try:
        found = [one["id"] for one in _comments(f"{root}/{number}/comments") if _is_ours(one, key, author)]
        place = ("PATCH", f"{root}/comments/{found[0]}") if found else ("POST", f"{root}/{number}/comments")
        _gh("--method", *place, "--input", "-", text=json.dumps({"body": text}))
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        why = getattr(error, "stderr", None) or str(error)
        _say(f"::warning title=llmopt::the comment could not be written: {_escaped(why.strip())}")


def pull_request(environment: Mapping[str, str]) -> int | None:
    """Return the number of the pull request that the event is about; None where it is about none."""
    path = environment.get("GITHUB_EVENT_PATH")
    if not path or not Path(path).is_file():
        return None
    event = json.loads(Path(path).read_text(encoding="utf-8"))
    issue = event.get("issue") or {}
    number = (event.get("pull_request") or {}).get("number") or ("pull_request" in issue and issue.get("number"))
    return number if isinstance(number, int) and number else None


def _comments(path: str) -> Iterator[dict[str, Any]]:
    """Yield the comments: `--paginate` prints one list after another."""
    text, at, decoder = _gh("--paginate", f"{path}?per_page=100"), 0, json.JSONDecoder()
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        page, at = decoder.raw_decode(text, at)
        yield from page


def _is_ours(found: Mapping[str, Any], key: str, author: str) -> bool:
    """Whether a comment is ours: anyone may write the marker, so the author counts too."""
    is_author = (found.get("user") or {}).get("login") == author
    return is_author and str(found.get("body", "")).startswith(marker(key))


def _gh(*arguments: str, text: str = "") -> str:
    done = subprocess.run(["gh", "api", *arguments], input=text, capture_output=True, check=True, encoding="utf-8")
    return done.stdout


def _paths(environment: Mapping[str, str]) -> list[str]:
    """Return the paths, one a line, so that none is taken for an option."""
    paths = [line.strip() for line in _given(environment, "PATHS").splitlines() if line.strip()]
    return ["--", *paths] if paths else []


def _against(environment: Mapping[str, str]) -> list[str]:
    """Return the options of a comparison, where its baseline is there: the first run has none."""
    baseline, most = _given(environment, "BASELINE"), _given(environment, "MAX_INCREASE")
    if not baseline:
        return []
    if not Path(baseline).is_file():
        _say(f"::notice title=llmopt::{_escaped(baseline)} is not there yet, so nothing is compared")
        return []
    return ["--baseline", baseline, *(["--max-increase", most] if most else [])]


def _output(environment: Mapping[str, str], values: Mapping[str, str]) -> None:
    path = environment.get("GITHUB_OUTPUT")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())


def _given(environment: Mapping[str, str], name: str) -> str:
    return environment.get(f"INPUT_{name}", "").strip()


def _escaped(text: str) -> str:
    """Return a text as the value of a command of the runner."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(os.environ))
