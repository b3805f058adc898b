"""What is silenced for the whole process is as it was afterwards, and other threads keep their bars."""

from __future__ import annotations

import importlib
import logging
import threading
from typing import Any

from tests.models.extras import library

library("transformers", "semantic")
loading: Any = importlib.import_module("llmopt.models.loading")
constants: Any = importlib.import_module("huggingface_hub").constants
chatter: Any = importlib.import_module("transformers.utils").logging
tqdm: Any = importlib.import_module("tqdm").tqdm


def settings() -> tuple[object, ...]:
    levels = [logging.getLogger(name).level for name in ("torchao", "torch.utils._pytree")]
    shown = chatter.is_progress_bar_enabled()
    return (tqdm.__init__, constants.HF_HUB_OFFLINE, chatter.get_verbosity(), shown, *levels)


def test_bars_are_hidden_here_and_shown_elsewhere() -> None:
    shown: list[bool] = []

    def other() -> None:
        shown.append(not tqdm([], disable=False).disable)

    with loading.quiet():
        assert tqdm([]).disable
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    other()
    assert shown == [True, True]


def test_threads_that_overlap_leave_everything_as_it_was() -> None:
    """The first in is the first out: each on its own would put back what the other had switched."""
    before = settings()
    inside, leave = threading.Event(), threading.Event()

    def late() -> None:
        with loading.quiet(), loading.offline():
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=late)
    with loading.quiet(), loading.offline():
        thread.start()
        assert inside.wait(30)
    assert constants.HF_HUB_OFFLINE is True
    assert chatter.get_verbosity() == logging.ERROR
    leave.set()
    thread.join()
    assert settings() == before


def test_loggers_of_others_keep_their_levels() -> None:
    """Importing llmopt changes no logger, and an error below puts everything back."""
    before = settings()
    assert logging.getLogger("torchao").level == logging.NOTSET
    try:
        with loading.quiet():
            assert logging.getLogger("torchao").level == logging.CRITICAL
            raise ValueError
    except ValueError:
        pass
    assert settings() == before
