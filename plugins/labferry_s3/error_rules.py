"""What each error code of a store means, in labferry's errors and in plain sentences.

The codes are those of the S3 API reference ("Error responses"), and those that Ceph, MinIO and
Swift add.
"""

from collections.abc import Mapping
from typing import NamedTuple

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
)

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


class Rule(NamedTuple):
    """What an answer means: an error, and sentences with `store`, `bucket` and so on to fill in."""

    kind: type[LabferryError]
    says: str
    hint: str = ""


_BUSY = Rule(TransientError, "{store} is overloaded and asks to slow down")
_BROKEN = Rule(TransientError, "{store} has an internal problem")
_CUT = Rule(TransientError, "{store} did not receive all of a request in time")
_TOKEN = Rule(
    RefusedError,
    "{store} says that the session token is no longer good",
    "Get new temporary credentials; for a job without people, use a role or an access key.",
)
_REGION = Rule(
    RefusedError,
    "{bucket} is in another region than {region}",
    "Set region{found}.",
)
_FULL = Rule(
    FullError,
    "No space or quota is left for {bucket}",
    "Raise the quota or remove something; the next run delivers what is missing.",
)
_DAMAGED = Rule(
    IntegrityError,
    "{store} received other bytes than were sent to {bucket}",
    "The network or something in between changes data.",
)
_TOO_LARGE = Rule(
    InvalidAnswerError,
    "{store}, or a proxy in front of it, does not take a request as large as this one",
    "Lower part_size (5 MiB or more), or raise the limit of the proxy: for nginx, "
    "client_max_body_size.",
)
_COLD = Rule(
    RefusedError,
    "The object is in a storage class that can't be read at once",
    "Restore it in the store first, then run this again.",
)

RULES: Mapping[str, Rule] = {
    "NoSuchBucket": Rule(NotFoundError, "There is no {bucket} at {store}"),
    **dict.fromkeys(
        ("404", "NoSuchKey", "NoSuchVersion", "NotFound"),
        Rule(NotFoundError, "{what} is not in {bucket}"),
    ),
    "NoSuchUpload": Rule(TransientError, "The upload to {bucket} was ended by somebody else"),
    **dict.fromkeys(
        ("401", "Unauthorized"),
        Rule(
            RefusedError,
            "{store} does not accept the credentials",
            "Check access_key_id and secret_access_key, or the profile.",
        ),
    ),
    "InvalidAccessKeyId": Rule(
        RefusedError,
        "{store} does not know the access key",
        "Check access_key_id, or the profile, and that the key is active.",
    ),
    "SignatureDoesNotMatch": Rule(
        RefusedError,
        "{store} does not accept the secret access key",
        "Check secret_access_key; a blank or a missing character is enough.",
    ),
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"), _TOKEN
    ),
    "RequestTimeTooSkewed": Rule(
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
            "ServerBusy",
            "TooManyRequestsException",
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
            "409",
            "500",
            "502",
            "504",
            "ConditionalRequestConflict",
            "InternalError",
            "InternalFailure",
            "OperationAborted",
            "XMinioReadQuorum",
            "XMinioServerTimedOut",
            "XMinioWriteQuorum",
        ),
        _BROKEN,
    ),
    **dict.fromkeys(("408", "IncompleteBody", "RequestTimeout", "RequestTimeoutException"), _CUT),
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
            "InvalidDigest",
            "XAmzContentChecksumMismatch",
            "XAmzContentSHA256Mismatch",
        ),
        _DAMAGED,
    ),
    **dict.fromkeys(
        ("412", "PreconditionFailed"),
        Rule(ConflictError, "{what} exists already in {bucket}; it was not touched"),
    ),
    "InvalidObjectState": _COLD,
    **dict.fromkeys(("413", "EntityTooLarge", "MaxMessageLengthExceeded"), _TOO_LARGE),
}
"""By the store's error code, or the status as text."""

UNANSWERED: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (
        ("NoCredentialsError", "PartialCredentialsError"),
        Rule(
            RefusedError,
            "There are no credentials for {store}",
            "Give access_key_id and secret_access_key, a profile, or the machine a role.",
        ),
    ),
    (
        ("TokenRetrievalError", "SSOError", "CredentialRetrievalError"),
        Rule(RefusedError, "No credentials for {store} can be had: {reason}", "Log in again."),
    ),
    (
        ("ProfileNotFound",),
        Rule(ConfigError, "{reason}", "Profiles are in ~/.aws/config and ~/.aws/credentials."),
    ),
    (
        ("EndpointConnectionError", "ConnectTimeoutError"),
        Rule(
            TransientError, "{store} can't be reached", "Is the address right, and the network up?"
        ),
    ),
    (
        ("ParamValidationError", "NoRegionError", "InvalidEndpointConfigurationError"),
        Rule(ConfigError, "The settings for {store} can't be used: {reason}"),
    ),
)
"""By the names of the client's own exceptions, which are imported only when needed."""
