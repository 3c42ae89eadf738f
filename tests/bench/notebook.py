"""A notebook server whose downloads nginx serves, from a file that is the same in every export."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import trustme
from tests.needs import require_program
from tests.servers.processes import free_port, listens, running
from typing_extensions import override

from labferry.testing.rspace import BigArchive, JobTiming, Options, SimulatedRSpace
from labferry.testing.rspace.big import FillingArchive

_CONFIG = """
{user}
daemon off;
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  sendfile on;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port}{tls};
    {certificate}
    root {home};
    location ~ ^/api/v1/export/[^/]+\\.zip$ {{
      default_type application/octet-stream;
      rewrite ^ /archive.zip break;
    }}
    location = /bucket/archive.zip {{
      default_type application/octet-stream;
      alias {home}/archive.zip;
    }}
    location / {{
      proxy_pass {behind};
      proxy_set_header Host $http_host;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class _OneArchive(BigArchive):
    """An archive that is the same for every export, so that a file server can hold it."""

    content: FillingArchive

    @override
    def filled(self, root: str, manifest: bytes) -> FillingArchive:
        return self.content


@dataclass(frozen=True)
class Notebook:
    """The server.

    Attributes:
        port: Where it listens.
        size: How many bytes its archive has.
        crc32: The archive's checksum.
        authority: The file with the certificate that signed its own; None over plain http.
    """

    port: int
    size: int
    crc32: int
    authority: Path | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.authority else 'http'}://127.0.0.1:{self.port}"

    @property
    def link(self) -> str:
        """Where its archive can be had, under a name that any export could have."""
        return f"{self.url}/api/v1/export/any.zip"

    def stored(self, port: int) -> str:
        """Where it can be had as if it lay in an object store, in ranges and without a key.

        Args:
            port: Another port that leads to the server.
        """
        return f"{replace(self, port=port).url}/bucket/archive.zip"


@contextmanager
def notebook(home: Path, size: int, *, tls: bool = False) -> Iterator[Notebook]:
    """Start the server and nginx before it.

    Args:
        home: An empty folder.
        size: How large the archive is.
        tls: Whether nginx speaks https.
    """
    content = FillingArchive(size, "RSpace-export", _MANIFEST)
    with (home / "archive.zip").open("wb") as file:
        file.writelines(content.chunks(0, size))
    archives = [_OneArchive(size, content)]
    options = Options(archives=archives, timing=JobTiming(queue=0.0, run=0.02))
    with SimulatedRSpace(options=options) as server:
        port = free_port()
        text = _CONFIG.format(
            user="user root;" if os.geteuid() == 0 else "",  # else it can't read the folder
            home=home,
            port=port,
            behind=server.url,
            tls=" ssl" if tls else "",
            certificate=_certificate(home) if tls else "",
        )
        (home / "nginx.conf").write_text(text)
        command = [require_program("nginx", "nginx-light"), "-p", str(home)]
        command += ["-e", str(home / "error.log"), "-c", str(home / "nginx.conf")]
        with running(command, home / "nginx.log", lambda: listens(port)):
            authority = home / "authority.pem" if tls else None
            yield Notebook(port, size, content.crc32, authority)


_MANIFEST = b"""Database version:2.26.0
Exported by:Alice Ames
OrcidID:
RSPace application version:2.26.0
Source URL:http://127.0.0.1
archiveId:00000000-0000-0000-0000-000000000000
archiveSource:ResearchSpace
exportDate:2026-01-02
scope:USER
"""


def _certificate(home: Path) -> str:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(home / "authority.pem")
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(home / "server.pem")
    return f"ssl_certificate {home}/server.pem; ssl_certificate_key {home}/server.pem;"
