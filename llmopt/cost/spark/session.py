"""Start a Spark session for one command, and keep it quiet; the only module that loads pyspark for that."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from llmopt.cost.spark.check import FAILURES, without_pandas_warning
from llmopt.errors import ConfigError, MissingExtraError, UsageError

try:
    import pandas  # noqa: F401  which pyspark asks for before it runs a task of ours, as it does for pyarrow
    import pyarrow  # noqa: F401
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway

    with without_pandas_warning():
        from pyspark.sql import SparkSession
except ImportError as error:
    raise MissingExtraError(error.name or "pyspark", "spark") from error

_QUIET = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(64 * 2**20),
}
_NO_START: tuple[type[Exception], ...] = (*FAILURES, ValueError, OSError)
"""What starting a session may raise."""
_LOCAL = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
_REACH_S = 10.0
"""How long a master may take to answer; Spark itself would try for a minute."""


@contextmanager
def opened(master: str | None) -> Iterator[SparkSession]:
    """Give a session: the one that is open already, else a new one, which is stopped afterwards.

    Args:
        master: URL, such as `local[4]`, `spark://host:7077` or `yarn`; None: what `spark-submit` says, else this
            machine with all its cores.

    Raises:
        UsageError: a session with another master is open in this process, or Spark knows no such master.
        ConfigError: no Java, or a master that cannot be reached.
    """
    active = SparkSession.getActiveSession()
    if active is not None:
        if master not in (None, active.sparkContext.master):
            raise UsageError(
                f"a Spark session on {active.sparkContext.master} is open in this process already",
                "name no master, or stop that session first",
            )
        yield active
        return
    ours = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    with _interpreter(master), without_pandas_warning():
        session = _started(master)
    try:
        yield session
    finally:
        session.stop()
        if ours:
            signal.signal(signal.SIGINT, handler)  # Spark's own would ask a context that is gone


def _started(master: str | None) -> SparkSession:
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    master = master or (None if submitted else "local[*]")
    conf = SparkConf().setAppName("llmopt cost").setAll(list(_QUIET.items()))
    if master is not None:
        conf.setMaster(master)
        if is_local(master):
            conf.setAll(list(_LOCAL.items()))
    if not submitted:
        _check_java()
    _check_reach(master or "")
    with tempfile.TemporaryFile() as log:
        try:
            session = SparkSession(_context(conf, log))
        except _NO_START as error:
            raise _told(error, master, log) from error
        session.sparkContext.setLogLevel("OFF")
        return session


def _context(conf: SparkConf, log: IO[bytes]) -> SparkContext:
    """Start Java, with what it says on stderr in `log`, and Spark in it."""
    if SparkContext.__dict__["_gateway"] is not None:  # of a session that was stopped
        return SparkContext(conf=conf)
    gateway = launch_gateway(conf, {"stderr": log})  # type: ignore[no-untyped-call]  # it has no types
    return SparkContext(conf=conf, gateway=gateway)


@contextmanager
def _interpreter(master: str | None) -> Iterator[None]:
    """Have the workers on this machine run by this Python, unless another one is named."""
    given = os.environ.get("PYSPARK_PYTHON")
    if given is None and (master is None or is_local(master)):
        os.environ["PYSPARK_PYTHON"] = sys.executable
    try:
        yield
    finally:
        if given is None:
            os.environ.pop("PYSPARK_PYTHON", None)


def is_local(master: str) -> bool:
    """Do the tasks run in this very machine's Spark, with this Python?"""
    return master == "local" or master.startswith("local[")


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if home and shutil.which("java", path=str(Path(home, "bin"))):
        return
    if home:
        raise ConfigError(f"Spark needs Java, and there is none in JAVA_HOME ({home})", "set it to a Java 17 or 21")
    if shutil.which("java") is None:
        hint = "install Java 17 or 21 (Debian: openjdk-17-jre-headless), or set JAVA_HOME"
        raise ConfigError("Spark needs Java, and there is no java on PATH", hint)


def _check_reach(master: str) -> None:
    """Say at once that a master does not answer."""
    scheme, _, rest = master.partition("://")
    if scheme != "spark":
        return
    failures = []
    for address in rest.split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _REACH_S).close()
        except ValueError as error:
            raise UsageError(f"--master {master}: no such address", "spark://HOST:PORT") from error
        except OSError as error:
            failures.append(f"{address}: {error.strerror or error}")
        else:
            return
    raise ConfigError(f"cannot reach the Spark master {'; '.join(failures)}", "is it running, and is this its port?")


def _told(error: Exception, master: str | None, log: IO[bytes]) -> ConfigError | UsageError:
    """Say why there is no session."""
    log.seek(0)
    said = log.read().decode(errors="replace")
    text = str(error).strip()
    if any(words in text + said for words in ("Could not parse Master URL", "Master must either be")):
        return UsageError(f"Spark knows no master {master!r}", "local[4], spark://HOST:7077, yarn or k8s://…")
    lines = (line for line in said.splitlines() if "rror" in line or "xception" in line)
    cause = next(lines, text.split("\n")[0])
    return ConfigError(f"Spark does not start: {cause.strip()}", "does `pyspark` start here, with this master?")
