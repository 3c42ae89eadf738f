"""Opening the SFTP session, and finding out why a server opens none."""

import asyncio

import asyncssh

from labferry.sdk import LabferryError, RefusedError, redact
from labferry_sftp.problems import classified

_SAYING_SECONDS = 5.0
_MOST = 300


async def sftp_session(ssh: asyncssh.SSHClientConnection) -> asyncssh.SFTPClient:
    """One session for everything: servers may allow few, and one is enough."""
    # Others may have put files here whose names are not UTF-8.
    return await ssh.start_sftp_client(path_errors="surrogateescape")


async def said_instead(ssh: asyncssh.SSHClientConnection) -> str:
    """What comes from the server before it is spoken to; a server of SFTP says nothing then."""
    process = await ssh.create_process(subsystem="sftp", encoding=None)
    try:
        async with asyncio.timeout(_SAYING_SECONDS):
            said = await process.stdout.read(_MOST) or await process.stderr.read(_MOST)
    finally:
        process.close()
    return " ".join(said.decode(errors="replace").split())


def no_session(error: Exception, place: str, said: str | None) -> LabferryError:
    """The error to raise if a server lets an account in, but opens no SFTP session.

    Args:
        error: What asyncssh raised.
        place: The account and server.
        said: What it said in place of SFTP; empty if nothing, None if it was not asked.
    """
    if said:
        return RefusedError(
            f'{place} sends text where SFTP should begin: "{redact(said)}".',
            hint="If the account's shell prints that (see ~/.bashrc there), have it print nothing "
            "when nobody is at a terminal. If the account has no shell (nologin), have the "
            "server's `Subsystem sftp` or `ForceCommand` set to internal-sftp.",
        )
    if isinstance(error, asyncssh.ChannelOpenError):
        return RefusedError(
            f"{place} is let in, but gets no SFTP session: {error.reason}.",
            hint="Has the server SFTP at all (`Subsystem sftp` of OpenSSH), for this account, and "
            "does it allow one session more?",
        )
    if said == "":
        return RefusedError(
            f"{place} is let in, but the server ends its SFTP session at once.",
            hint="Can the account use SFTP? Try it with: sftp, as the user that runs labferry.",
        )
    return classified(error, f"Opening an SFTP session at {place}")
