"""A WebDAV server over a folder, with a user who may write and one who may only read."""

import sys

from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp


def main(folder: str, password: str) -> None:
    application = WsgiDAVApp(
        {
            "provider_mapping": {
                "/": folder,
                "/read-only": {"root": folder, "readonly": True},
            },
            "simple_dc": {"user_mapping": {"*": {"backup": {"password": password}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False},
            "logging": {"enable": False},
            "verbose": 0,
        }
    )
    server = Server(("127.0.0.1", 0), application)
    server.prepare()
    print(server.bind_addr[1], flush=True)  # noqa: T201 - for the test that started it
    server.serve()


main(*sys.argv[1:])
