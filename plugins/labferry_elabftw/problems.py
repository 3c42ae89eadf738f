"""What answers other than success mean. The server may translate its words: only statuses count."""

from labferry.sdk import LabferryError, TransientError, http
from labferry.sdk.http import Answer
from labferry.sdk.http_headers import retry_after
from labferry.sdk.quoting import quote

_KEY_HINT = (
    "eLabFTW answers like this if it does not know the key: the key was deleted, or its user is no "
    "longer a member of the team that the key was made for. Make a new key in the user's settings."
)


def words(answer: Answer) -> str:
    """The server's own words: until 5.3 in the description, since then in the message."""
    document = answer.json
    if not isinstance(document, dict) or not {"code", "message"} <= document.keys():
        return ""
    parts = [document.get("message"), document.get("description")]
    return quote(": ".join(part for part in parts if isinstance(part, str) and part))


def judge(answer: Answer, doing: str) -> LabferryError:
    """The error that an answer to a plain question is, if it is not the one hoped for."""
    return http.judge(
        answer,
        doing,
        said=words(answer),
        wait=retry_after(answer.headers),
        key_hint=_KEY_HINT,
        url_hint="Check that the url of the source is the address of an eLabFTW server, and that "
        "the server is not in maintenance.",
    )


def unexpected(answer: Answer, doing: str) -> LabferryError:
    """As `judge`, for a server that has answered as it should before: a web page will pass."""
    is_moved = 300 <= answer.status < 400  # noqa: PLR2004 - HTTP's own numbers
    if answer.is_page and answer.status not in {401, 403} and not is_moved:
        return TransientError(
            f"{doing} was answered with HTTP {answer.status} and a web page.",
            hint="The server may be in maintenance.",
        )
    if answer.ok:
        return TransientError(f"{doing} was answered with {answer.kind}.")
    return judge(answer, doing)
