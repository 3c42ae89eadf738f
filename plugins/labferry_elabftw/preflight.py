"""Finding out whether exports can work, without starting one."""

from collections.abc import Iterator

from labferry.sdk import Finding, InvalidAnswerError, Severity
from labferry.sdk.quoting import quote
from labferry_elabftw.client import Client
from labferry_elabftw.jobs import full, list_rows, may_write
from labferry_elabftw.lanes import Credentials, Owner
from labferry_elabftw.order import Order
from labferry_elabftw.problems import judge
from labferry_elabftw.rows import MOST

_FIRST, _FIRST_NAME = 50100, "5.1"
_MANY = MOST - 2


def findings(client: Client, credentials: Credentials, order: Order) -> Iterator[Finding]:
    """What is worth telling about the server and the keys."""
    base = client.address.base
    if client.address.is_exposed:
        yield Finding(
            Severity.WARNING,
            f"The connection to {base} is not encrypted: others can read keys and exports on the "
            "way. Use https.",
        )
    owners = credentials.owners()
    for refusal in credentials.refused():
        yield Finding(Severity.ERROR, f"{refusal.name} does not work: {refusal.reason}")
    yield Finding(Severity.OK, f"eLabFTW {_version(client, owners[0].key)} answers at {base}.")
    for owner in owners:
        yield from _key_findings(client, owner)
    names = ", ".join(owner.name for owner in owners[:3])
    more = f" and {len(owners) - 3} more" if len(owners) > 3 else ""  # noqa: PLR2004 - as above
    kinds = ", ".join(order.entries)
    yield Finding(
        Severity.OK, f"Would export as {order.format}: {kinds}, the own work of {names}{more}."
    )


def _key_findings(client: Client, owner: Owner) -> Iterator[Finding]:
    rows = list_rows(client, owner)
    if not may_write(client, owner):
        yield Finding(
            Severity.ERROR,
            f"{owner.key_name} may only read. An export needs a key of {owner.name} with "
            "permission to write.",
        )
        return
    if len(rows) >= MOST:
        yield Finding(Severity.ERROR, str(full(owner, rows)))
    elif len(rows) >= _MANY:
        yield Finding(
            Severity.WARNING,
            f"{owner.name} has {len(rows)} of at most {MOST} exports at the server: "
            f"{', '.join(map(str, rows))}. Delete the exports that nobody needs.",
        )
    else:
        yield Finding(Severity.OK, f"Exports can run as {owner.lane}, who is {owner.name}.")


def _version(client: Client, key: str) -> str:
    """The version that the server says it is.

    Raises:
        InvalidAnswerError: It is too old to make exports.
    """
    answer = client.get("/info", key)
    info = answer.json if answer.ok else None
    if not isinstance(info, dict):
        raise judge(answer, f"Asking {client.address.base} for its version")
    number, name = info.get("elabftw_version_int"), quote(info.get("elabftw_version"))
    if type(number) is int and number < _FIRST:
        raise InvalidAnswerError(
            f"eLabFTW {name} at {client.address.base} can't make exports on request; this needs "
            f"eLabFTW {_FIRST_NAME} or later.",
            hint="Ask the server's administrator to update it.",
        )
    return name or "of an unknown version"
