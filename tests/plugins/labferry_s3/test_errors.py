from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError

from labferry.sdk import (
    ConfigError,
    ConflictError,
    FullError,
    HeldError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from labferry_s3.errors import (
    ENDED,
    ExpectedError,
    caused_by,
    classify,
    code_of,
    is_brief,
    may_refuse_options,
)

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


def test_page_of_a_proxy_is_no_answer_of_a_store() -> None:
    page = _said("500", "", 500, content_type="text/html; charset=utf-8")
    assert str(page).startswith("https://s3.example.edu answered with something that is not S3.")
    for answer in (
        _said("500", "", 500, content_type="application/xml"),
        _said("InternalError", "", 500, content_type="text/html"),
        _said("400", "", 400, content_type="text/html"),
    ):
        assert "is not S3" not in str(answer)


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        ("delete_object", "AccessDenied", "Object is WORM protected."),
        ("delete_object", "ObjectLocked", ""),
        ("put_object", "AccessDenied", "The object can not be overwritten."),
    ],
)
def test_what_a_store_protects_is_held(operation: str, code: str, message: str) -> None:
    error = _said(code, message, 403, operation)
    assert type(error) is HeldError
    assert error.message == (
        "https://s3.example.edu protects a/b.zip in the bucket lab for now: "
        + (message or "no reason was given.")
    )


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        ("head_object", "AccessDenied", "Object is WORM protected."),
        ("delete_object", "AccessDenied", "You have no permission to bypass the retention."),
        ("delete_object", "AccessDenied", "No."),
        ("delete_object", "AccessDeniedException", ""),
    ],
)
def test_what_a_store_denies_is_not_held(operation: str, code: str, message: str) -> None:
    assert type(_said(code, message, 403, operation)) is RefusedError


def test_action_that_no_table_knows_is_named_as_the_client_calls_it() -> None:
    assert "denies get_bucket_website on a/b.zip" in str(
        _said("AccessDenied", "", 403, "get_bucket_website")
    )


@pytest.mark.parametrize(("ahead", "least", "most"), [(60, 30, 60), (-60, 0, 0)])
def test_pause_may_be_given_as_a_date(ahead: int, least: float, most: float) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    error = _said("SlowDown", status=503, retry_after=date)
    assert isinstance(error, TransientError)
    assert error.retry_after is not None
    assert least <= error.retry_after <= most


@pytest.mark.parametrize("retry_after", ["", "soon"])
def test_pause_that_makes_no_sense_is_none(retry_after: str) -> None:
    error = _said("SlowDown", status=503, retry_after=retry_after)
    assert isinstance(error, TransientError)
    assert error.retry_after is None


def test_region_may_stand_in_the_answer_or_nowhere() -> None:
    answer = {"Error": {"Code": "PermanentRedirect", "Region": "eu-central-1"}}
    error = classify(exceptions.ClientError(answer, "put_object"), "put_object", _PLACE)  # type: ignore[arg-type]
    assert 'Set region = "eu-central-1".' in str(error)
    assert "to the one that the bucket was made in" in str(_said("PermanentRedirect"))


@pytest.mark.parametrize(
    ("status", "kind"), [(500, TransientError), (501, InvalidAnswerError), (0, InvalidAnswerError)]
)
def test_status_of_a_server_error_is_one_that_passes(
    status: int, kind: type[LabferryError]
) -> None:
    assert type(_said("SomethingNew", "Out of cheese.", status)) is kind


def test_answer_without_a_status_is_no_server_error() -> None:
    answer = {"Error": {"Code": "SomethingNew"}}
    error = classify(exceptions.ClientError(answer, "put_object"), "put_object", _PLACE)  # type: ignore[arg-type]
    assert str(error) == (
        "https://s3.example.edu did not do what was asked of the bucket lab (SomethingNew): "
        "no reason was given."
    )


def test_answer_that_can_not_be_read_is_none_of_a_store() -> None:
    problem = classify(ResponseParserError("<html>"), "put_object", _PLACE)
    assert "answered with something that is not S3" in str(problem)


def test_certificate_that_is_not_trusted_is_named() -> None:
    error = OSError("SSL: CERTIFICATE_VERIFY_FAILED")
    assert type(classify(error, "put_object", _PLACE)) is RefusedError


@pytest.mark.parametrize(
    ("error", "words"), [(OSError("It broke."), "broke: It broke."), (OSError(), "broke: OSError.")]
)
def test_reason_ends_with_one_full_stop(error: Exception, words: str) -> None:
    assert str(classify(error, "put_object", _PLACE)).endswith(words)


def test_hint_comes_with_what_was_not_answered() -> None:
    problem = classify(exceptions.NoCredentialsError(), "put_object", _PLACE)
    assert problem.hint.startswith("Give access_key_id and secret_access_key")


def _failure(code: str, status: int = 400) -> exceptions.ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(answer, "put_object")  # type: ignore[arg-type]


def test_code_is_the_stores_own() -> None:
    assert code_of(_failure("SlowDown")) == "SlowDown"
    assert code_of(OSError("SlowDown")) == ""


@pytest.mark.parametrize(
    ("code", "status", "may"),
    [
        ("InvalidArgument", 400, True),
        ("400", 400, True),
        ("NotImplemented", 501, True),
        ("BadDigest", 400, False),
        ("SomethingNew", 403, False),
        ("SomethingNew", 500, False),
    ],
)
def test_options_may_be_what_a_store_refused(code: str, status: int, *, may: bool) -> None:
    assert may_refuse_options(_failure(code, status)) is may


def test_cause_of_an_error_is_known_by_its_code() -> None:
    problem = TransientError("It failed.")
    assert not caused_by(problem, ENDED)
    problem.__cause__ = _failure("NoSuchUpload")
    assert caused_by(problem, ENDED)
    problem.__cause__ = _failure("SlowDown")
    assert not caused_by(problem, ENDED)


def test_same_request_may_succeed_in_a_moment_unless_its_upload_is_gone() -> None:
    assert is_brief(TransientError("It failed."))
    assert is_brief(IntegrityError("It was damaged."), "BadDigest")
    assert not is_brief(TransientError("It failed."), "NoSuchUpload")
    assert not is_brief(RefusedError("No."), "SlowDown")


def test_expected_error_is_known_by_its_code() -> None:
    error = ExpectedError("404")
    assert (error.code, str(error)) == ("404", "404")
