"""A real PostgreSQL server on a port of its own; `.ci/get-postgres` gets it where it is not installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT

PASSWORD = "s3cr%t"
QUOTED = "s3cr%25t"


def programs() -> Path:
    """Return the folder of initdb and postgres; CI has them."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    for root in (Path("/"), ROOT / ".tools" / "postgres"):
        found += sorted(root.glob("usr/lib/postgresql/*/bin"))
    if not found and "CI" not in os.environ:
        pytest.skip("there is no PostgreSQL server (.ci/get-postgres gets one)")
    return found[0]


@contextmanager
def server() -> Iterator[str]:
    """Start a server with the user `ana`; yield its URL up to the database: `postgresql://ana:…@127.0.0.1:1234`."""
    bin_folder = programs()
    folder = Path(tempfile.mkdtemp(prefix="llmopt-pg-"))
    # The server refuses to run as root, so root lends it to somebody else.
    owner = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    (folder / "password").write_text(PASSWORD)
    if owner is not None:
        for path in (folder, folder / "password"):
            os.chown(path, owner, -1)
    libraries = ":".join(str(path) for path in (ROOT / ".tools" / "postgres").glob("usr/lib/*-linux-gnu"))
    environment = {**os.environ, "LD_LIBRARY_PATH": libraries, "TZ": "UTC"}
    port = _free_port()
    data = folder / "data"
    made = [
        str(bin_folder / "initdb"),
        "-D",
        str(data),
        "-U",
        "ana",
        "--auth=scram-sha-256",
        f"--pwfile={folder}/password",
    ]
    subprocess.run(
        [*made, "--no-sync", "--locale=C", "-E", "UTF8"],
        check=True,
        cwd=folder,
        user=owner,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [bin_folder / "postgres", "-D", data, "-p", str(port), *options],
            cwd=folder,
            user=owner,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait(running, folder)
        yield f"postgresql://ana:{QUOTED}@127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait()
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def _wait(running: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until the server says that it takes connections."""
    for _ in range(6000):
        log = (folder / "log").read_text()
        if "ready to accept connections" in log:
            return
        if running.poll() is not None:
            break
        time.sleep(0.01)
    raise RuntimeError(f"the PostgreSQL server does not start: {(folder / 'log').read_text()}")
