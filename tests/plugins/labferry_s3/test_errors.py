from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from botocore import exceptions

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
from labferry_s3.errors import classify

_PLACE = {
    "store": "https://s3.example.edu",
    "bucket": "the bucket lab",
    "region": "us-east-1",
    "what": "a/b.zip",
}


def _said(
    code: str, message: str = "", status: int = 400, operation: str = "put_object", **headers: str
) -> LabferryError:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": names},
    }
    return classify(exceptions.ClientError(answer, operation), operation, _PLACE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("NoSuchBucket", NotFoundError, "no the bucket lab"),
        ("NoSuchKey", NotFoundError, "a/b.zip is not in"),
        ("InvalidAccessKeyId", RefusedError, "does not know the access key"),
        ("SignatureDoesNotMatch", RefusedError, "secret access key"),
        ("ExpiredToken", RefusedError, "session token"),
        ("PermanentRedirect", RefusedError, "another region"),
        ("QuotaExceeded", FullError, "quota"),
        ("BadDigest", IntegrityError, "other bytes"),
        ("PreconditionFailed", ConflictError, "exists already"),
        ("InvalidObjectState", RefusedError, "storage class"),
        ("SlowDown", TransientError, "slow down"),
        ("InternalError", TransientError, "internal problem"),
        ("NoSuchUpload", TransientError, "ended by somebody else"),
        ("KMS.DisabledException", RefusedError, "encryption key"),
    ],
)
def test_codes_become_plain_sentences(code: str, kind: type[LabferryError], words: str) -> None:
    error = _said(code)
    assert type(error) is kind
    assert words in str(error)
    assert code in str(error)


def test_denied_request_names_the_action_that_the_store_names() -> None:
    said = "User: arn:aws:iam::1:user/x is not authorized to perform: s3:PutObjectTagging on ..."
    assert "s3:PutObjectTagging" in str(_said("AccessDenied", said, 403))


def test_denied_request_names_the_action_that_it_needs() -> None:
    assert "denies s3:ListBucket" in str(_said("AccessDenied", "", 403, "list_objects_v2"))


def test_clock_that_is_wrong_is_told_with_its_error() -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(minutes=42), usegmt=True)
    assert "by 42 minutes" in str(_said("RequestTimeTooSkewed", date=date))


def test_wrong_region_is_told_with_the_right_one() -> None:
    error = _said("AuthorizationHeaderMalformed", x_amz_bucket_region="eu-central-1")
    assert 'Set region = "eu-central-1".' in str(error)


def test_pause_that_the_store_asks_for_is_kept() -> None:
    error = _said("SlowDown", status=503, retry_after="7")
    assert isinstance(error, TransientError)
    assert error.retry_after == 7


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, TransientError), (502, TransientError), (507, FullError), (400, InvalidAnswerError)],
)
def test_unknown_code_is_judged_by_the_status(status: int, kind: type[LabferryError]) -> None:
    assert type(_said("SomethingNew", "Out of cheese.", status)) is kind


def test_unknown_refusal_keeps_the_words_of_the_store() -> None:
    assert str(_said("SomethingNew", "Out of cheese.")).endswith("(SomethingNew): Out of cheese.")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (exceptions.NoCredentialsError(), RefusedError, "no credentials"),
        (exceptions.ProfileNotFound(profile="lab"), ConfigError, "lab"),
        (
            exceptions.EndpointConnectionError(endpoint_url="https://x"),
            TransientError,
            "can't be reached",
        ),
        (
            exceptions.ParamValidationError(report="Invalid bucket name"),
            ConfigError,
            "Invalid bucket name",
        ),
        (ConnectionResetError("reset"), TransientError, "broke: reset"),
    ],
)
def test_what_goes_wrong_without_an_answer(
    error: Exception, kind: type[LabferryError], words: str
) -> None:
    problem = classify(error, "put_object", _PLACE)
    assert type(problem) is kind
    assert words in str(problem)
