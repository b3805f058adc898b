"""What is common to opening models with transformers: offline, no code of others, no bars and no chatter."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llmopt.errors import InputError, MissingExtraError, UsageError

try:
    import torch
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from transformers.utils import logging as chatter
except ImportError as error:
    raise MissingExtraError((error.name or "torch").partition(".")[0], "semantic") from error

OFFLINE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
"""Arguments of `from_pretrained`: nothing is downloaded, no Python file of a checkpoint runs, no pickle is loaded."""
UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    RuntimeError,
    ImportError,
    StrictDataclassError,
    SafetensorError,
)
"""What transformers raises for damaged and foreign checkpoints."""


def unreadable(folder: Path, error: BaseException) -> InputError:
    """Return what to say of a checkpoint for which transformers raised an error."""
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return InputError(f"{folder}: not a model that transformers can load: {reason}", "pip install -U transformers")


def usable_device(name: str) -> torch.device:
    """Return a device of torch after something was put on it.

    Raises:
        UsageError: there is none of that name, or it does not work.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(f"the device {name!r} cannot be used: {reason}", "leave it out to use the CPU") from error
    return device


@contextmanager
def quiet() -> Iterator[None]:
    """Show neither the bar for loading weights nor warnings below; both are as before afterwards."""
    shown = chatter.is_progress_bar_enabled()
    hide: Callable[[], None] = chatter.disable_progress_bar
    show: Callable[[], None] = chatter.enable_progress_bar
    hide()
    try:
        with unwarned():
            yield
    finally:
        if shown:
            show()


@contextmanager
def unwarned() -> Iterator[None]:
    """Show no warnings of transformers below; cheap enough for every batch."""
    verbosity = chatter.get_verbosity()
    chatter.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        chatter.set_verbosity(verbosity)
