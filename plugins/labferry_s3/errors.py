"""What a store's refusals mean, in labferry's errors and in plain sentences.

The codes are those of the S3 API reference ("Error responses"), and those that Ceph, MinIO and
Swift add.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import Any, NamedTuple

from labferry.sdk import (
    ConfigError,
    ConflictError,
    FullError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    RefusedError,
    TransientError,
    redact,
)

ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
ENDED = ABSENT | {"NoSuchUpload"}
"""How a store answers about an upload that was completed or removed."""

DENIED = frozenset({"403", "AccessDenied", "AllAccessDisabled", "AccessForbidden", "Forbidden"})

ACTIONS = {
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "complete_multipart_upload": "s3:PutObject",
    "create_multipart_upload": "s3:PutObject",
    "delete_object": "s3:DeleteObject",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
    "get_bucket_versioning": "s3:GetBucketVersioning",
    "get_object": "s3:GetObject",
    "get_object_legal_hold": "s3:GetObjectLegalHold",
    "get_object_lock_configuration": "s3:GetBucketObjectLockConfiguration",
    "get_object_retention": "s3:GetObjectRetention",
    "head_object": "s3:GetObject",
    "list_buckets": "s3:ListAllMyBuckets",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "list_object_versions": "s3:ListBucketVersions",
    "list_objects_v2": "s3:ListBucket",
    "list_parts": "s3:ListMultipartUploadParts",
    "put_object": "s3:PutObject",
    "put_object_legal_hold": "s3:PutObjectLegalHold",
    "put_object_retention": "s3:PutObjectRetention",
    "upload_part": "s3:PutObject",
}
"""The permission that each request needs, as policies name it."""

_NAMED_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")


class ExpectedError(Exception):
    """An error code that the caller said it can deal with.

    Attributes:
        code: The code.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Rule(NamedTuple):
    kind: type[LabferryError]
    says: str
    hint: str = ""


_BUSY = _Rule(TransientError, "{store} is overloaded and asks to slow down")
_BROKEN = _Rule(TransientError, "{store} has an internal problem")
_TOKEN = _Rule(
    RefusedError,
    "{store} says that the session token is no longer good",
    "Get new temporary credentials; for a job without people, use a role or an access key.",
)
_REGION = _Rule(
    RefusedError,
    "{bucket} is in another region than {region}",
    "Set region{found}.",
)
_FULL = _Rule(
    FullError,
    "No space or quota is left for {bucket}",
    "Raise the quota or remove something; the next run delivers what is missing.",
)
_DAMAGED = _Rule(
    IntegrityError,
    "{store} received other bytes than were sent to {bucket}",
    "The network or something in between changes data.",
)
_COLD = _Rule(
    RefusedError,
    "The object is in a storage class that can't be read at once",
    "Restore it in the store first, then run this again.",
)

_RULES: dict[str, _Rule] = {
    "NoSuchBucket": _Rule(NotFoundError, "There is no {bucket} at {store}"),
    **dict.fromkeys(ABSENT, _Rule(NotFoundError, "{what} is not in {bucket}")),
    "NoSuchUpload": _Rule(TransientError, "The upload to {bucket} was ended by somebody else"),
    "InvalidAccessKeyId": _Rule(
        RefusedError,
        "{store} does not know the access key",
        "Check access_key_id, or the profile, and that the key is active.",
    ),
    "SignatureDoesNotMatch": _Rule(
        RefusedError,
        "{store} does not accept the secret access key",
        "Check secret_access_key; a blank or a missing character is enough.",
    ),
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"), _TOKEN
    ),
    "RequestTimeTooSkewed": _Rule(
        RefusedError,
        "This machine's clock differs{skew} from the clock of {store}",
        "Set the clock, best by NTP, and run again.",
    ),
    **dict.fromkeys(
        (
            "301",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
            "IncorrectEndpoint",
            "PermanentRedirect",
        ),
        _REGION,
    ),
    **dict.fromkeys(
        (
            "429",
            "503",
            "BandwidthLimitExceeded",
            "RequestLimitExceeded",
            "RequestThrottled",
            "ServiceUnavailable",
            "SlowDown",
            "SlowDownRead",
            "SlowDownWrite",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests",
            "XMinioServerNotInitialized",
        ),
        _BUSY,
    ),
    **dict.fromkeys(
        (
            "408",
            "409",
            "500",
            "502",
            "504",
            "ConditionalRequestConflict",
            "InternalError",
            "OperationAborted",
            "RequestTimeout",
        ),
        _BROKEN,
    ),
    **dict.fromkeys(
        (
            "507",
            "InsufficientStorage",
            "QuotaExceeded",
            "ServiceQuotaExceeded",
            "XMinioStorageFull",
        ),
        _FULL,
    ),
    **dict.fromkeys(
        (
            "BadDigest",
            "ChecksumMismatch",
            "XAmzContentChecksumMismatch",
            "XAmzContentSHA256Mismatch",
        ),
        _DAMAGED,
    ),
    **dict.fromkeys(
        ("412", "PreconditionFailed"),
        _Rule(ConflictError, "{what} exists already in {bucket}; it was not touched"),
    ),
    "InvalidObjectState": _COLD,
}

_UNANSWERED: tuple[tuple[tuple[str, ...], _Rule], ...] = (
    (
        ("NoCredentialsError", "PartialCredentialsError"),
        _Rule(
            RefusedError,
            "There are no credentials for {store}",
            "Give access_key_id and secret_access_key, a profile, or the machine a role.",
        ),
    ),
    (
        ("TokenRetrievalError", "SSOError", "CredentialRetrievalError"),
        _Rule(RefusedError, "No credentials for {store} can be had: {reason}", "Log in again."),
    ),
    (
        ("ProfileNotFound",),
        _Rule(ConfigError, "{reason}", "Profiles are in ~/.aws/config and ~/.aws/credentials."),
    ),
    (
        ("EndpointConnectionError", "ConnectTimeoutError"),
        _Rule(
            TransientError, "{store} can't be reached", "Is the address right, and the network up?"
        ),
    ),
    (
        ("ParamValidationError", "NoRegionError", "InvalidEndpointConfigurationError"),
        _Rule(ConfigError, "The settings for {store} can't be used: {reason}"),
    ),
)
"""By the names of the client's own exceptions, which are imported only when needed."""


def code_of(error: BaseException) -> str:
    """The store's error code; empty where the error did not come from a store's answer."""
    return str(_response(error).get("Error", {}).get("Code", ""))


def is_brief(error: LabferryError) -> bool:
    """Whether the same request may well succeed in a moment.

    That holds for bytes damaged on their way, too: the store did not keep them.
    """
    return isinstance(error, TransientError | IntegrityError)


def classify(error: BaseException, operation: str, place: Mapping[str, str]) -> LabferryError:
    """The error that a failed request means.

    Args:
        error: What the client raised.
        operation: The request, as the client's method is called.
        place: Words for `store`, `bucket`, `region` and `what`, to fill into sentences.
    """
    if isinstance(error, LabferryError):
        return error
    response = _response(error)
    if not response:
        return _unanswered(error, place)
    code = code_of(error)
    if code in DENIED or code.startswith("KMS.") or code == "AccessDeniedException":
        return _denied(response, code, operation, place)
    rule = _RULES.get(code) or _by_status(response)
    words = {**place, "skew": _skew(response), "found": _region(response)}
    says = f"{rule.says.format(**words)} ({code})."
    if rule.kind is InvalidAnswerError:
        says = f"{says[:-1]}: {_message(response)}"
    problem = rule.kind(says, hint=rule.hint.format(**words))
    if isinstance(problem, TransientError):
        problem.retry_after = _retry_after(response)
    return problem


def _response(error: BaseException) -> dict[str, Any]:
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) and "Error" in response else {}


def _headers(response: dict[str, Any]) -> dict[str, str]:
    headers: dict[str, str] = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers


def _message(response: dict[str, Any]) -> str:
    return redact(str(response["Error"].get("Message") or "no reason was given")).rstrip(".") + "."


def _by_status(response: dict[str, Any]) -> _Rule:
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    known = _RULES.get(str(status)) if status >= 429 else None  # noqa: PLR2004 - too many requests
    return known or _Rule(InvalidAnswerError, "{store} did not do what was asked of {bucket}")


def _denied(
    response: dict[str, Any], code: str, operation: str, place: Mapping[str, str]
) -> RefusedError:
    named = _NAMED_ACTION.search(str(response["Error"].get("Message", "")))
    action = named[1] if named else ACTIONS.get(operation, operation)
    if code.startswith("KMS."):
        action = "the encryption key"
    return RefusedError(
        f"{place['store']} denies {action} on {place['what']} in {place['bucket']} ({code}).",
        hint="Allow it in the policy of these credentials, or use credentials that have it.",
    )


def _skew(response: dict[str, Any]) -> str:
    date = _headers(response).get("date")
    if not date:
        return ""
    seconds = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    return f" by {seconds / 60:.0f} minutes"


def _region(response: dict[str, Any]) -> str:
    found = _headers(response).get("x-amz-bucket-region") or response["Error"].get("Region")
    return f' = "{found}"' if found else " to the one that the bucket was made in"


def _retry_after(response: dict[str, Any]) -> float | None:
    value = _headers(response).get("retry-after", "")
    return float(value) if value.isdecimal() else None


def _unanswered(error: BaseException, place: Mapping[str, str]) -> LabferryError:
    """For what went wrong before or without an answer."""
    known = import_module("botocore.exceptions")
    reason = redact(str(error)).rstrip(".") or type(error).__name__
    words = {**place, "reason": reason}
    for names, rule in _UNANSWERED:
        if isinstance(error, tuple(getattr(known, name) for name in names)):
            return rule.kind(f"{rule.says.format(**words)}.", hint=rule.hint)
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return RefusedError(
            f"The certificate of {place['store']} is not trusted.",
            hint="Set ca_file to the certificate of the authority that signed it.",
        )
    return TransientError(f"The connection to {place['store']} broke: {reason}.")
