"""What keeps Spark from starting is said before it is tried, or in words."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llmopt.errors import ConfigError, UsageError

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

from llmopt.cost.spark import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def without_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session of other tests is none for these."""
    monkeypatch.setattr("pyspark.sql.SparkSession.getActiveSession", lambda: None)


@pytest.mark.usefixtures("without_session")
class TestBeforeSparkStarts:
    def test_no_java(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("JAVA_HOME", raising=False)
        with pytest.raises(ConfigError, match="there is no java on PATH") as caught, session.opened("local[2]"):
            pass
        assert "openjdk-17-jre-headless" in caught.value.hint

    def test_a_java_home_without_java(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("JAVA_HOME", str(tmp_path))
        with pytest.raises(ConfigError, match="there is none in JAVA_HOME"), session.opened("local[2]"):
            pass

    def test_a_master_that_does_not_answer(self, java: None) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{closed.getsockname()[1]}"
        told = pytest.raises(ConfigError, match=f"cannot reach the Spark master {address}: ")
        with told, session.opened(f"spark://{address}"):
            pass

    def test_a_master_without_a_port(self, java: None) -> None:
        with pytest.raises(UsageError, match="no such address"), session.opened("spark://somewhere"):
            pass


@pytest.fixture
def java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program of that name."""
    (tmp_path / "java").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)


@pytest.mark.parametrize(
    ("error", "log", "message"),
    [
        ("Could not parse Master URL: 'there'", b"", "Spark knows no master 'there'"),
        ("exited", b"SparkException: Master must either be yarn or start with", "Spark knows no master 'there'"),
        (
            "exited",
            b"Picked up options\nError: no JVM could be found\n",
            "does not start: Error: no JVM could be found",
        ),
        ("[JAVA_GATEWAY_EXITED] it exited.\nmore", b"", r"does not start: \[JAVA_GATEWAY_EXITED\] it exited\."),
    ],
)
def test_why_there_is_no_session(error: str, log: bytes, message: str) -> None:
    with pytest.raises((ConfigError, UsageError), match=message):
        raise session._told(ValueError(error), "there", io.BytesIO(log))


@pytest.mark.xdist_group("spark")
def test_a_session_of_ours_is_quiet_and_leaves_the_environment_alone(spark: SparkSession) -> None:
    conf = spark.sparkContext.getConf()
    assert conf.get("spark.ui.enabled") == "false"
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
    assert "PYSPARK_PYTHON" not in os.environ
    with session.opened(None) as same:
        assert same is spark
