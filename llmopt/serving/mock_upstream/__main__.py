"""`python -m llmopt.serving.mock_upstream`: a mock upstream as a process of its own, until Ctrl-C or SIGTERM.

The first line of its output is its URL. Options are the fields of `Behaviour`: `--chunks 103 --first-s 0.2`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace

from llmopt.serving.mock_upstream.behaviour import OPTIONS, Behaviour, read_option
from llmopt.serving.mock_upstream.connection import Connection
from llmopt.serving.mock_upstream.record import Record

try:
    from uvloop import run
except ImportError:  # as on Windows
    from asyncio import run  # type: ignore[assignment]


def main(arguments: Sequence[str]) -> None:
    """Serve until a signal.

    Args:
        arguments: of the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m llmopt.serving.mock_upstream", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: one that is free")
    for name in OPTIONS:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name)
    options = vars(parser.parse_args(arguments))
    behaviour = Behaviour()
    for name in OPTIONS:
        if options[name] is not None:
            try:
                behaviour = replace(behaviour, **{name: read_option(name, options[name])})  # type: ignore[arg-type]
            except ValueError:
                parser.error(f"--{name.replace('_', '-')} {options[name]}: no such value")
    run(_serve(options["host"], options["port"], Record(behaviour, 0)))


async def _serve(host: str, port: int, record: Record) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: Connection(record), host, port, backlog=2048)
    sys.stdout.write(f"http://{host}:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()
    for each in tuple(record.connections):
        each.cut()


if __name__ == "__main__":
    main(sys.argv[1:])
