"""Draw what llmopt prints on a terminal as SVG, for the README.

    python docs/screens.py [--check]

Each command runs on a terminal of its own (a pty of 100 columns) in the root of the repository; its colours go through
rich into an SVG that loads nothing. `--check` compares with the files that are there; a test does that.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import shlex
import struct
import subprocess
import sys
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
IMAGES = Path(__file__).parent / "images"
COLUMNS, ROWS = 108, 60
SCREENS = {
    "cost": "llmopt cost samples/openai-chat.jsonl samples/claude-code -q",
    "project": "llmopt project samples/projecting --plan samples/projecting/bold.toml -q",
}
"""Name of the image -> what is typed."""
LINES = {"project": 18}
"""How much of a longer output is shown."""
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace;
        font-size: {char_height}px; line-height: {line_height}px; }}
    .{unique_id}-title {{ font-size: 16px; font-family: ui-monospace, monospace; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""
"""The layout of `Console.export_svg`, without the fonts that it would fetch."""


def main() -> int:
    """Write the images, or say which are stale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where an image is stale")
    check = parser.parse_args().check
    stale = []
    for name, command in SCREENS.items():
        path, drawn = IMAGES / f"{name}.svg", svg(name, command)
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != drawn):
            stale.append(name)
        elif not check:
            path.write_text(drawn, encoding="utf-8")
    if stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run python docs/screens.py\n")
    return 1 if stale else 0


def svg(name: str, command: str) -> str:
    """Return what a command prints, drawn."""
    lines = screen(shlex.split(command)).splitlines()
    shown = lines[: LINES.get(name, len(lines))]
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi("\n".join(shown)), soft_wrap=True)
    drawn = console.export_svg(title=f"$ {command}", code_format=FORMAT, unique_id=name)
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def screen(words: list[str]) -> str:
    """Return what a command writes to a terminal, colours included."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("LLMOPT_", "GITHUB_"))}
    variables = {name: value for name, value in variables.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    child = subprocess.Popen(
        [sys.executable, "-m", *words], stdout=end, stdin=end, cwd=ROOT, env=variables | {"TERM": "xterm-256color"}
    )
    os.close(end)
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # what Linux says at the end of a terminal
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    if child.wait() != 0:
        raise SystemExit(f"{shlex.join(words)}: exit code {child.returncode}")
    return b"".join(parts).decode().replace("\r\n", "\n")


if __name__ == "__main__":
    sys.exit(main())
