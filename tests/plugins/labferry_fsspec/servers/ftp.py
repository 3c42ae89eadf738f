"""An FTP server over a folder, with a user who may write and one who may only read."""

import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import ThreadedFTPServer


def main(folder: str, password: str) -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_user("backup", password, folder, perm="elradfmwMT")
    authorizer.add_user("reader", password, folder, perm="elr")
    FTPHandler.authorizer = authorizer
    FTPHandler.auth_failed_timeout = 0
    server = ThreadedFTPServer(("127.0.0.1", 0), FTPHandler)
    print(server.address[1], flush=True)  # noqa: T201 - for the test that started it
    server.serve_forever()


main(*sys.argv[1:])
