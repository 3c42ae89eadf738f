import socket

import pytest
from asyncssh import ChannelOpenError, ConnectionLost, sftp

from labferry.sdk import (
    ConflictError,
    FullError,
    InvalidAnswerError,
    LabferryError,
    NotFoundError,
    RefusedError,
    Secret,
    TransientError,
)
from labferry_sftp.problems import classified


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sftp.SFTPFailure("Failure"), TransientError),
        (sftp.SFTPFailure("Disk quota exceeded"), FullError),
        (sftp.SFTPFailure("write: No space left on device"), FullError),
        (sftp.SFTPNoSpaceOnFilesystem("full"), FullError),
        (sftp.SFTPQuotaExceeded("quota"), FullError),
        (sftp.SFTPPermissionDenied("Permission denied"), RefusedError),
        (sftp.SFTPNoSuchFile("No such file"), NotFoundError),
        (sftp.SFTPFileAlreadyExists("exists"), ConflictError),
        (sftp.SFTPOpUnsupported("what?"), InvalidAnswerError),
        (sftp.SFTPConnectionLost("gone"), TransientError),
        (ConnectionLost("gone"), TransientError),
        (ConnectionRefusedError(111, "Connection refused"), TransientError),
        (ChannelOpenError(1, "administratively prohibited"), RefusedError),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), NotFoundError),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), TransientError),
        (TimeoutError(), TransientError),
    ],
    ids=repr,
)
def test_error_is_told_apart(error: Exception, kind: type[LabferryError]) -> None:
    found = classified(error, "Doing it")
    assert type(found) is kind
    assert found.message.startswith("Doing it failed: ")
    assert not found.message.endswith("..")


def test_what_a_server_echoes_of_a_secret_is_blotted_out() -> None:
    Secret.plain("echoed-horse")
    assert "echoed" not in str(classified(sftp.SFTPFailure("no echoed-horse"), "Doing it"))
