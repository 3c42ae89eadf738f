"""What a store's refusals mean: an error of labferry's for each answer."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from labferry.sdk import (
    HeldError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    RefusedError,
    TransientError,
    redact,
)
from labferry.sdk.http_headers import retry_after
from labferry_s3.answers import date_of, header_of, headers_of
from labferry_s3.error_rules import ACTIONS, RULES, UNANSWERED, Rule

ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
ENDED = ABSENT | {"NoSuchUpload"}
"""How a store answers about an upload that was completed or removed."""

DENIED = frozenset({"403", "AccessDenied", "AllAccessDisabled", "AccessForbidden", "Forbidden"})

UNKNOWN = frozenset(
    {
        *("400", "405", "501", "InvalidArgument", "InvalidRequest", "MethodNotAllowed"),
        *("NoSuchUpload", "NotImplemented", "UnsupportedOperation", "XNotImplemented"),
    }
)
"""How a store answers a request that it does not know."""

SPOILT = ENDED | {"EntityTooSmall", "InvalidPart", "InvalidPartOrder", "InvalidUploadId"}
"""How a store answers about an upload that nobody can complete."""

_LOCKED = re.compile(
    r"object.?lock|retention|legal.?hold|event-based hold|underactivehold|immutab|\bworm\b",
    re.IGNORECASE,
)
"""In the code or the words of a store that does not delete a protected object."""

_NO_OVERWRITE = re.compile("RetentionPolicyNotMet|ObjectLocked|UnderActiveHold|be overwritten")
_NOT_ALLOWED = re.compile("not authorized|does not have|permission", re.IGNORECASE)

_NAMED_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")


_REFUSED = frozenset({400, 405, 411, 501, 505})
"""The status of a store that does not know a request, or a part of it."""
_TELLING = frozenset({301, 401, 408, 413})
_SERVER_ERRORS = 500
_LONGEST_REASON = 500
_LONGEST_NAME = 80


class ExpectedError(Exception):
    """An error code that the caller said it can deal with.

    Attributes:
        code: The code.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def code_of(error: BaseException) -> str:
    """The store's error code; empty where the error did not come from a store's answer."""
    return _code(_response(error))


def is_brief(error: LabferryError, code: str = "") -> bool:
    """Whether the same request may well succeed in a moment.

    That holds for bytes damaged on their way, too: the store did not keep them. It does not hold
    for an upload that is gone.
    """
    return isinstance(error, TransientError | IntegrityError) and code not in SPOILT


def may_refuse_options(error: BaseException) -> bool:
    """Whether a store may have refused a request for a parameter that it does not know.

    Stores have many codes for that, so it is every refusal that is not known to mean another thing.
    """
    response = _response(error)
    code = _code(response)
    return _status(response) in _REFUSED and (code.isdecimal() or code not in RULES)


def caused_by(problem: LabferryError, codes: frozenset[str]) -> bool:
    """Whether a store's answer with one of these codes led to an error."""
    return problem.__cause__ is not None and code_of(problem.__cause__) in codes


def classify(error: BaseException, operation: str, place: Mapping[str, str]) -> LabferryError:
    """The error that a failed request means; in its words, secrets are redacted.

    Args:
        error: What the client raised.
        operation: The request, as the client's method is called.
        place: Words for `store`, `bucket`, `region` and `what`, to fill into sentences.
    """
    for each in (error, error.__cause__, error.__context__):
        if isinstance(each, LabferryError):  # the client may wrap what is raised within it
            return each
    response = _response(error)
    problem = _answered(response, operation, place) if response else _unanswered(error, place)
    problem.message, problem.hint = redact(problem.message), redact(problem.hint)
    return problem


def _answered(response: dict[str, Any], operation: str, place: Mapping[str, str]) -> LabferryError:
    code = _code(response)
    is_page = "html" in header_of(response, "content-type")
    if code.isdecimal() and _status(response) >= _SERVER_ERRORS and is_page:
        return _no_store(place)
    if _is_held(response, operation):
        return _held(response, place)
    if code in DENIED or code.startswith("KMS.") or code == "AccessDeniedException":
        return _denied(response, code, operation, place)
    rule = RULES.get(code) or _by_status(response)
    words = {**place, "skew": _skew(response), "found": _region(response)}
    says = f"{rule.says.format(**words)} ({_brief(code)})."
    if rule.kind is InvalidAnswerError:
        says = f"{says[:-1]}: {_message(response)}"
    problem = rule.kind(says, hint=rule.hint.format(**words))
    if isinstance(problem, TransientError):
        problem.retry_after = retry_after(headers_of(response))
    return problem


def _no_store(place: Mapping[str, str]) -> TransientError:
    return TransientError(
        f"{place['store']} answered with something that is not S3.",
        hint="Is the address right? A proxy or a login page may answer in its place.",
    )


def _is_held(response: dict[str, Any], operation: str) -> bool:
    says = f"{_code(response)} {response['Error'].get('Message') or ''}"
    pattern = {"delete_object": _LOCKED, "put_object": _NO_OVERWRITE}.get(operation)
    return bool(pattern and pattern.search(says)) and not _NOT_ALLOWED.search(says)


def _held(response: dict[str, Any], place: Mapping[str, str]) -> HeldError:
    return HeldError(
        f"{place['store']} protects {place['what']} in {place['bucket']} for now: "
        f"{_message(response)}",
        hint="Nothing has to be done. It can be removed when the protection ends.",
    )


def _response(error: BaseException) -> dict[str, Any]:
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) and "Error" in response else {}


def _brief(word: str) -> str:
    """A name that a store sent, as far as it can be one."""
    return re.sub(r"[^A-Za-z0-9._:-]", "", word)[:_LONGEST_NAME]


def _code(response: dict[str, Any]) -> str:
    return str(response.get("Error", {}).get("Code", ""))


def _status(response: dict[str, Any]) -> int:
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _message(response: dict[str, Any]) -> str:
    words = " ".join(str(response["Error"].get("Message") or "no reason was given").split())
    return words[:_LONGEST_REASON].rstrip(".") + "."


def _by_status(response: dict[str, Any]) -> Rule:
    status = _status(response)
    known = RULES.get(str(status)) if status in _TELLING or status >= 429 else None  # noqa: PLR2004 - too many requests
    if known is None and status >= _SERVER_ERRORS and status not in _REFUSED:
        known = RULES["500"]
    return known or Rule(InvalidAnswerError, "{store} did not do what was asked of {bucket}")


def _denied(
    response: dict[str, Any], code: str, operation: str, place: Mapping[str, str]
) -> RefusedError:
    named = _NAMED_ACTION.search(str(response["Error"].get("Message", "")))
    action = _brief(named[1]) if named else ACTIONS.get(operation, operation)
    if code.startswith("KMS."):
        action = "the encryption key"
    return RefusedError(
        f"{place['store']} denies {action} on {place['what']} in {place['bucket']} "
        f"({_brief(code)}).",
        hint="Allow it in the policy of these credentials, or use credentials that have it.",
    )


def _skew(response: dict[str, Any]) -> str:
    date = date_of(response)
    if date is None:
        return ""
    return f" by {abs((datetime.now(UTC) - date).total_seconds()) / 60:.0f} minutes"


def _region(response: dict[str, Any]) -> str:
    found = header_of(response, "x-amz-bucket-region") or response["Error"].get("Region")
    return f' = "{_brief(str(found))}"' if found else " to the one that the bucket was made in"


def _unanswered(error: BaseException, place: Mapping[str, str]) -> LabferryError:
    """For what went wrong before or without an answer."""
    known = import_module("botocore.exceptions")
    reason = " ".join(str(error).split())[:_LONGEST_REASON].rstrip(".") or type(error).__name__
    words = {**place, "reason": reason}
    for names, rule in UNANSWERED:
        if isinstance(error, tuple(getattr(known, name) for name in names)):
            return rule.kind(f"{rule.says.format(**words)}.", hint=rule.hint)
    if isinstance(error, import_module("botocore.parsers").ResponseParserError):
        return _no_store(place)
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return RefusedError(
            f"The certificate of {place['store']} is not trusted.",
            hint="Set ca_file to the certificate of the authority that signed it.",
        )
    return TransientError(f"The connection to {place['store']} broke: {reason}.")
