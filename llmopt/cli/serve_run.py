"""Read what was asked of `llmopt serve`, open the model, and serve it until a signal comes."""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llmopt.cli import values
from llmopt.cli.server import logged, say, tell_end
from llmopt.errors import UsageError
from llmopt.report.text import clean
from llmopt.serving.batching.settings import BatchSettings
from llmopt.serving.batching.toml import Config, read_config

TASKS = ("embed", "classify", "generate")
_OF_MODELS = ("dtype", "attention", "compile", "new_tokens", "trust_remote_code", "truncate")
_LOGGERS = ("llmopt.serving", "uvicorn.error", "uvicorn.access")
_LARGEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user typed, an option a field."""

    model: str
    name: str | None = None
    device: str = "auto"
    dtype: str | None = None
    attention: str | None = None
    compile: bool = False
    task: str | None = None
    new_tokens: str | None = None
    trust_remote_code: bool = False
    config: Path | None = None
    max_batch_size: str | None = None
    max_wait: str | None = None
    max_batch_tokens: str | None = None
    max_queue: str | None = None
    host: str = "127.0.0.1"
    port: str = "8000"
    drain: str = "30s"
    timeout: str = "60s"
    max_body: str = "4MiB"
    max_inputs: str = "2048"
    truncate: bool = False

    @property
    def callable(self) -> bool:
        """Whether a function is to be served: `module:name`, unless there is such a folder."""
        return ":" in self.model and not Path(self.model).exists()


def run(asked: Asked, *, quiet: bool, verbose: bool) -> None:
    """Serve until a signal comes.

    Raises:
        UsageError: an option makes no sense, or the address cannot be had.
        InputError: the model cannot be opened.
        CheckFailed: requests were left unanswered when the time to drain was up.
    """
    batches = _batches(asked)
    port, drain_s = _port(asked.port), values.duration_s(asked.drain, "--drain") or 0.0
    new_tokens = values.whole(asked.new_tokens, "--new-tokens", least=1)
    _check(asked)
    from llmopt.serving.model_server.running import serve
    from llmopt.serving.model_server.service import Service
    from llmopt.serving.model_server.values import Limits
    from llmopt.serving.running import listen

    limits = Limits(
        max_body_bytes=values.size_bytes(asked.max_body, "--max-body") or 0,
        max_inputs=values.whole(asked.max_inputs, "--max-inputs", least=1) or 0,
        timeout_s=values.duration_s(asked.timeout, "--timeout") or 0.0,
    )
    listener = listen(asked.host, port)
    try:
        from llmopt.cli.serve_model import opened

        model = opened(asked, new_tokens)
        service = Service(model, batches.settings, max_queue=batches.max_queue, limits=limits)
        ready = _announced(model.name, listener, batches, quiet=quiet)
        with logged(_LOGGERS, logging.DEBUG if verbose else logging.ERROR):
            ended = serve(service, listener, drain_s=drain_s, ready=ready, access_log=verbose)
    finally:
        listener.close()
    tell_end(ended, asked.drain)


def _batches(asked: Asked) -> Config:
    """Return the settings of the batcher: defaults, then the file, then the flags."""
    told = read_config(asked.config) if asked.config is not None else Config(BatchSettings())
    settings = told.settings
    size = values.whole(asked.max_batch_size, "--max-batch-size", least=1)
    tokens = values.whole(asked.max_batch_tokens, "--max-batch-tokens", least=1)
    wait_s = _wait_s(asked.max_wait)
    return Config(
        BatchSettings(
            max_batch_size=settings.max_batch_size if size is None else size,
            max_wait_s=settings.max_wait_s if wait_s is None else wait_s,
            max_batch_tokens=settings.max_batch_tokens if tokens is None else tokens,
        ),
        values.whole(asked.max_queue, "--max-queue", least=1) or told.max_queue,
    )


def _wait_s(text: str | None) -> float | None:
    """Return seconds; unlike other durations this one may be 0, in any unit or none."""
    if text is not None and re.fullmatch(r"0+(\.0*)?\s*[a-z]*", text.strip()):
        return 0.0
    return values.duration_s(text, "--max-wait")


def _port(text: str) -> int:
    port = values.whole(text, "--port") or 0
    if port > _LARGEST_PORT:
        raise UsageError(f"--port {text}: ports end at {_LARGEST_PORT}", "--port 0 takes a free one")
    return port


def _check(asked: Asked) -> None:
    values.choice(asked.task, "--task", TASKS)
    if not asked.callable:
        return
    flags = [f"--{name.replace('_', '-')}" for name in _OF_MODELS if getattr(asked, name)]
    flags += ["--device"] if asked.device != "auto" else []
    flags += [f"--task {asked.task}"] if asked.task not in (None, "embed") else []
    if flags:
        raise UsageError(f"{flags[0]} is for models, and {asked.model} is a function", "leave it out")


def _announced(
    name: str, listener: socket.socket, batches: Config, *, quiet: bool
) -> Callable[[Callable[[], None]], None]:
    """Return what says that the server takes requests, and where."""
    host, port = listener.getsockname()[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    settings = batches.settings
    parts = [f"max batch {settings.max_batch_size}", f"max wait {settings.max_wait_s * 1000:g} ms"]
    if settings.max_batch_tokens is not None:
        parts.append(f"max {settings.max_batch_tokens:,} tokens")
    parts.append(f"queue {batches.max_queue:,}")

    def ready(_: Callable[[], None]) -> None:
        if quiet:
            return
        lines = [f"serving {clean(name)} on http://{address} ({', '.join(parts)})"]
        if not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
            lines.append(f"llmopt: warning: there is no password; whoever reaches {address} can use the model")
        say(lines)

    return ready
