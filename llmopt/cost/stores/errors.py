"""What the errors of stores mean: one line each, with a next step, whatever library they come from."""

from __future__ import annotations

import errno
import importlib
from dataclasses import dataclass

from llmopt.cost.stores.address import scheme_of, without_secrets

_LIBRARIES = {
    "s3": ("botocore.exceptions:BotoCoreError", "botocore.exceptions:ClientError", "aiohttp:ClientError"),
    "gs": ("gcsfs.retry:HttpError", "google.auth.exceptions:GoogleAuthError", "aiohttp:ClientError"),
    "az": ("azure.core.exceptions:AzureError", "aiohttp:ClientError"),
}
_ALIKE = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az"}
_NO_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
    "SSOTokenLoadError",
    "ProfileNotFound",
    "DefaultCredentialsError",
    "RefreshError",
    "ClientAuthenticationError",
}
_UNREACHABLE = {
    "EndpointConnectionError",
    "ConnectionClosedError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "HTTPClientError",
    "ClientConnectionError",
    "ServiceRequestError",
    "TransportError",
    "FSTimeoutError",
    "ConnectionError",
    "TimeoutError",
    "gaierror",
}
_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket FSSPEC_S3_ANON=true",
    "gs": "run gcloud auth application-default login; for a public bucket FSSPEC_GS_TOKEN=anon",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING",
}
_ENDPOINTS = {"s3": "look at AWS_ENDPOINT_URL and AWS_DEFAULT_REGION", "az": "look at AZURE_STORAGE_ACCOUNT_NAME"}
_MOVED = {getattr(errno, "EREMCHG", errno.ENOENT)}
_REGION = ("AuthorizationHeaderMalformed", "PermanentRedirect", "region", "must be addressed using")


@dataclass(frozen=True, slots=True)
class Explained:
    """An error of a store."""

    reason: str
    """What happened."""
    hint: str = ""
    """What to do about it."""
    of_store: bool = False
    """Is it the store that cannot be used, rather than one object of it?"""


def family(url: str) -> str:
    """Return the kind of store a URL is of: `s3` for `s3a://` too; else its scheme."""
    scheme = scheme_of(url)
    return _ALIKE.get(scheme, scheme)


def raised_by(url: str) -> tuple[type[Exception], ...]:
    """Return what the library for a URL raises; it must have been loaded."""
    found: list[type[Exception]] = [OSError, ValueError, NotImplementedError]
    for name in _LIBRARIES.get(family(url), ()):
        module, _, kind = name.partition(":")
        try:
            found.append(getattr(importlib.import_module(module), kind))
        except ImportError:
            continue
    return tuple(found)


def explained(error: Exception, url: str) -> Explained:
    """Return what an error of a library means.

    Args:
        error: what was raised.
        url: what it was about.
    """
    kind = family(url)
    names = {cls.__name__ for cls in type(error).__mro__}
    text = " ".join(without_secrets(str(error)).split()) or type(error).__name__
    if names & _NO_CREDENTIALS:
        return Explained(f"no credentials: {text}", _CREDENTIALS.get(kind, ""), of_store=True)
    if names & _UNREACHABLE:
        return Explained(f"cannot be reached: {text}", _ENDPOINTS.get(kind, "look at the address"), of_store=True)
    if isinstance(error, OSError) and (error.errno in _MOVED or any(word in text for word in _REGION)):
        return Explained(f"is in another region: {text}", _ENDPOINTS.get(kind, ""), of_store=True)
    if isinstance(error, PermissionError):
        return Explained(f"access denied: {text}", _CREDENTIALS.get(kind, ""))
    if isinstance(error, FileNotFoundError):
        if "bucket does not exist" in text:
            return Explained("no such bucket", _ENDPOINTS.get(kind, ""))
        return Explained("no such object or folder", "write names as they are in the store; %20 is no blank there")
    return Explained(text, _ENDPOINTS.get(kind, "") if "endpoint" in text.lower() else "")
