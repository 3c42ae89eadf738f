"""An FTP server over a folder, with a user who may write and one who may only read.

With `plain` as the third argument, it answers as vsftpd does as it comes: it knows no MLSD, and
leaves out of lists what begins with a dot.
"""

import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import ThreadedFTPServer


class HidingFS(AbstractedFS):  # type: ignore[misc] # ships no types
    """Hidden files are there, but in no list."""

    def listdir(self, path: str) -> list[str]:
        return [name for name in super().listdir(path) if not name.startswith(".")]


class PlainHandler(FTPHandler):  # type: ignore[misc] # ships no types
    """The commands of RFC 959, and a few more."""

    abstracted_fs = HidingFS
    proto_cmds = {  # noqa: RUF012 - as in the class above
        name: command
        for name, command in FTPHandler.proto_cmds.items()
        if name not in {"MLSD", "MLST"}
    }


def main(folder: str, password: str, kind: str = "") -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_user("backup", password, folder, perm="elradfmwMT")
    authorizer.add_user("reader", password, folder, perm="elr")
    handler = PlainHandler if kind == "plain" else FTPHandler
    handler.authorizer = authorizer
    handler.auth_failed_timeout = 0
    server = ThreadedFTPServer(("127.0.0.1", 0), handler)
    print(server.address[1], flush=True)  # noqa: T201 - for the test that started it
    server.serve_forever()


main(*sys.argv[1:])
