"""Errors of libraries become one line and a next step, without secrets."""

from __future__ import annotations

import errno

import pytest

from llmopt.cost.stores.errors import explained, family, raised_by


class DefaultCredentialsError(Exception):
    """As google.auth has one."""


class ServiceRequestError(Exception):
    """As azure.core has one."""


@pytest.mark.parametrize(
    ("error", "url", "reason", "of_store"),
    [
        (DefaultCredentialsError("none found"), "gs://b/x", "no credentials: none found", True),
        (ServiceRequestError("no route"), "az://b/x", "cannot be reached: no route", True),
        (TimeoutError(), "s3://b/x", "cannot be reached: TimeoutError", True),
        (PermissionError("Forbidden"), "s3://b/x", "access denied: Forbidden", False),
        (OSError(errno.EREMCHG, "PermanentRedirect"), "s3://b/x", "is in another region: [Errno 78] Perm", True),
        (FileNotFoundError("b/x"), "s3://b/x", "no such object or folder", False),
        (FileNotFoundError("The specified bucket does not exist"), "s3://b/x", "no such bucket", False),
        (ValueError("odd\nin two lines"), "memory://x", "odd in two lines", False),
        (OSError("at https://me:pw@h/x?sig=SECRET here"), "az://b/x", "at https://h/x here", False),
    ],
)
def test_what_an_error_means(error: Exception, url: str, reason: str, of_store: bool) -> None:
    found = explained(error, url)
    assert found.reason.startswith(reason)
    assert found.of_store is of_store
    assert "SECRET" not in found.reason
    assert ":pw" not in found.reason


@pytest.mark.parametrize(
    ("url", "kind"), [("s3a://b", "s3"), ("gcs://b", "gs"), ("abfss://b", "az"), ("memory://", "memory")]
)
def test_the_kind_of_a_store(url: str, kind: str) -> None:
    assert family(url) == kind


def test_a_library_that_is_not_there_raises_nothing() -> None:
    assert OSError in raised_by("gs://b")
