"""One client for all sources on a server: they share its connections, and what the server said.

A hundred sources on one server would else shake hands a hundred times, and ask a hundred times for
the server's version and the owner of a key.
"""

import threading
from datetime import timedelta
from pathlib import Path

from labferry_rspace.address import Address
from labferry_rspace.client import Client
from labferry_rspace.server_settings import ServerSettings

_Way = tuple[Address, Path | None, timedelta, timedelta, timedelta]
"""A server, and all of the settings that matter to a client."""

_lock = threading.Lock()
_clients: dict[_Way, Client] = {}
_borrowers: dict[Client, int] = {}


def borrow(settings: ServerSettings) -> Client:
    """The client for a source; to be given back."""
    address = Address.parse(settings.url)
    patience = (settings.connect_timeout, settings.read_timeout, settings.submit_timeout)
    way = (address, settings.ca_file, *patience)
    with _lock:
        client = _clients.get(way)
        if client is None:
            client = _clients[way] = Client(address, settings)
        _borrowers[client] = _borrowers.get(client, 0) + 1
    return client


def give_back(client: Client) -> None:
    """Close a client, once nobody needs it any more."""
    with _lock:
        _borrowers[client] = left = _borrowers[client] - 1
        if left:
            return
        del _borrowers[client]
        for way in [way for way, known in _clients.items() if known is client]:
            del _clients[way]
    client.close()
