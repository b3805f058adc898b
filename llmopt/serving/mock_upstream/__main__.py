"""`python -m llmopt.serving.mock_upstream`: a mock upstream as a process of its own, until Ctrl-C or SIGTERM.

The first line of its output is its URL. Options are the fields of `Behaviour`: `--chunks 103 --first-s 0.2`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn

from llmopt.errors import LlmoptError
from llmopt.serving.mock_upstream.behaviour import OPTIONS, Behaviour, read_option
from llmopt.serving.mock_upstream.record import Record

try:
    from uvloop import run
except ImportError:  # as on Windows
    from asyncio import run  # type: ignore[assignment]

_LARGEST_PORT = 65_535


def main(arguments: Sequence[str]) -> None:
    """Serve until a signal; ends the process with one line where it cannot.

    Args:
        arguments: of the command line.
    """
    host, port, behaviour = read(arguments)
    try:
        run(_main(host, port, behaviour))
    except LlmoptError as error:
        _complain(error)
    except OSError as error:
        _complain(LlmoptError(f"{host}:{port} cannot be listened on: {error}", "name another --port, or 0"))


def read(arguments: Sequence[str]) -> tuple[str, int, Behaviour]:
    """Return host, port and behaviour that a command line asks for; ends the process where it makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m llmopt.serving.mock_upstream", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: one that is free")
    for name in OPTIONS:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name)
    options = vars(parser.parse_args(arguments))
    if not 0 <= options["port"] <= _LARGEST_PORT:
        parser.error(f"--port {options['port']}: no such port")
    behaviour = Behaviour()
    for name in OPTIONS:
        if options[name] is not None:
            try:
                behaviour = replace(behaviour, **{name: read_option(name, options[name])})  # type: ignore[arg-type]
            except ValueError:
                parser.error(f"--{name.replace('_', '-')} {options[name]}: no such value")
    return options["host"], options["port"], behaviour


async def serve(host: str, port: int, record: Record, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serve until an event is set.

    Args:
        host: to listen on.
        port: 0: one that is free.
        record: behaviour and counts.
        stop: the event.
        ready: called with the URL when requests are taken.
    """
    from llmopt.serving.mock_upstream.connection import Connection  # needs the extra `serve`, which `--help` does not

    server = await asyncio.get_running_loop().create_server(lambda: Connection(record), host, port, backlog=2048)
    ready(f"http://{host}:{server.sockets[0].getsockname()[1]}/v1")
    await stop.wait()
    server.close()
    for each in tuple(record.connections):
        each.cut()


async def _main(host: str, port: int, behaviour: Behaviour) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(host, port, Record(behaviour, 0), stop, _say)


def _complain(error: LlmoptError) -> NoReturn:
    sys.stderr.write(f"llmopt: error: {error.message}\nllmopt: hint: {error.hint}\n")
    sys.exit(error.exit_code)


def _say(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
