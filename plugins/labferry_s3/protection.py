"""Encryption, storage class, lock, tags and ACL: asked for with each write, verified afterwards."""

from typing import Any
from urllib.parse import quote, urlencode

from labferry.sdk import InvalidAnswerError
from labferry_s3.answers import Answer
from labferry_s3.locking import ensure_lock, lock_parameters
from labferry_s3.objects import Objects, ObjectState
from labferry_s3.settings import CustomerKey, KmsKey, S3Settings


def write_parameters(settings: S3Settings) -> dict[str, Any]:
    """What to say of protection when an object or a multipart upload is begun.

    The customer's own key is not among it: reading needs that, too.
    """
    wanted = {
        "StorageClass": settings.storage_class,
        "Tagging": urlencode(settings.tags, quote_via=quote) or None,
        "ACL": settings.acl,
        **_encryption(settings),
        **(lock_parameters(settings.object_lock) if settings.object_lock else {}),
    }
    return {name: value for name, value in wanted.items() if value is not None}


def ensure_protection(
    settings: S3Settings, objects: Objects, state: ObjectState, written: Answer
) -> None:
    """Make sure that an object is protected as the settings say.

    Args:
        settings: What was wanted.
        objects: Where the object is.
        state: What the store says of it.
        written: The store's answer to the write, for what only that tells.

    Raises:
        InvalidAnswerError: The store did not do what it was asked.
        RefusedError: The protection may not be asked for.
    """
    reported = state.head or written
    if reported and not _is_encrypted(settings, reported):
        raise _unprotected(objects, state, "encrypted")
    stored_in = state.head.get("StorageClass", "STANDARD")
    if settings.storage_class and state.head and stored_in != settings.storage_class:
        raise _unprotected(objects, state, f"in the storage class {settings.storage_class}")
    if settings.object_lock:
        ensure_lock(settings.object_lock, objects, state)


def _encryption(settings: S3Settings) -> dict[str, Any]:
    if isinstance(settings.sse, KmsKey):
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": settings.sse.kms_key}
    return {"ServerSideEncryption": settings.sse if isinstance(settings.sse, str) else None}


def _is_encrypted(settings: S3Settings, reported: Answer) -> bool:
    if isinstance(settings.sse, KmsKey):
        # The store may answer with the ARN of a key that was given as its id or alias.
        return reported.get("ServerSideEncryption") == "aws:kms"
    if isinstance(settings.sse, CustomerKey):
        return reported.get("SSECustomerAlgorithm") == "AES256"
    return settings.sse is None or reported.get("ServerSideEncryption") == settings.sse


def _unprotected(objects: Objects, state: ObjectState, wanted: str) -> InvalidAnswerError:
    return InvalidAnswerError(
        f"{objects.client.url}{state.key} was written, but it is not {wanted}, as the settings "
        "ask.",
        hint="Does the store support it, and is the bucket set up for it?",
    )
