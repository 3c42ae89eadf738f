"""An S3 store that forgets the bytes of what is uploaded in parts: for archives of any size."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

_PIECE = 1 << 20


@dataclass(frozen=True)
class _Object:
    """What is known of an object; of one that came in parts, no bytes are kept."""

    size: int
    etag: str
    metadata: dict[str, str]
    data: bytes = b""


@dataclass
class _Upload:
    """An upload in parts: the size and the MD5 of each."""

    metadata: dict[str, str]
    parts: dict[int, tuple[int, bytes]] = field(default_factory=dict)

    def completed(self) -> _Object:
        ordered = [self.parts[number] for number in sorted(self.parts)]
        digest = hashlib.md5(b"".join(md5 for _, md5 in ordered), usedforsecurity=False)
        etag = f"{digest.hexdigest()}-{len(ordered)}"
        return _Object(sum(size for size, _ in ordered), etag, self.metadata)


class _Store(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, _Object] = {}
        self.uploads: dict[str, _Upload] = {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Store

    def do_HEAD(self) -> None:
        found = self.server.objects.get(self._path)
        if found is None:
            self._answer(404)
        else:
            self._answer(200, headers=_about(found), length=found.size)

    def do_GET(self) -> None:
        found = self.server.objects.get(self._path)
        if found is not None:
            self._answer(200, found.data, _about(found))
        elif "list-type" in self._query:
            self._answer(200, _nothing("ListBucketResult"))
        elif "uploads" in self._query:
            self._answer(200, _nothing("ListMultipartUploadsResult"))
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_POST(self) -> None:
        self.rfile.read(self._length)
        uploads = self.server.uploads
        if "uploads" in self._query:
            name = f"upload{len(uploads)}"
            uploads[name] = _Upload(self._metadata())
            told = _document("InitiateMultipartUploadResult", f"<UploadId>{name}</UploadId>")
        else:
            made = uploads[self._query["uploadId"]].completed()
            self.server.objects[self._path] = made
            told = _document("CompleteMultipartUploadResult", f"<ETag>{made.etag}</ETag>")
        self._answer(200, told)

    def do_PUT(self) -> None:
        if "uploadId" in self._query:
            md5 = _read_and_forget(self.rfile, self._length)
            upload = self.server.uploads[self._query["uploadId"]]
            upload.parts[int(self._query["partNumber"])] = (self._length, md5)
        else:
            data = self.rfile.read(self._length)
            md5 = hashlib.md5(data, usedforsecurity=False).digest()
            made = _Object(len(data), md5.hex(), self._metadata(), data)
            self.server.objects[self._path] = made
        self._answer(200, headers={"ETag": f'"{md5.hex()}"'})

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    @property
    def _path(self) -> str:
        return urlsplit(self.path).path

    @property
    def _query(self) -> dict[str, str]:
        given = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return {name: values[0] for name, values in given.items()}

    @property
    def _length(self) -> int:
        return int(self.headers.get("Content-Length") or 0)

    def _metadata(self) -> dict[str, str]:
        headers = self.headers.items()
        return {name: value for name, value in headers if name.lower().startswith("x-amz-meta-")}

    def _answer(
        self,
        status: int,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


def _about(found: _Object) -> dict[str, str]:
    return {**found.metadata, "ETag": f'"{found.etag}"'}


def _document(name: str, inside: str) -> bytes:
    return f"<{name}>{inside}</{name}>".encode()


def _nothing(name: str) -> bytes:
    return _document(name, "<IsTruncated>false</IsTruncated>")


def _read_and_forget(stream: BufferedIOBase, left: int) -> bytes:
    md5 = hashlib.md5(usedforsecurity=False)
    while left:
        piece = stream.read(min(left, _PIECE))
        md5.update(piece)
        left -= len(piece)
    return md5.digest()


@contextmanager
def store_to_nowhere() -> Iterator[dict[str, str]]:
    """Start such a store; gives the table of a destination in it."""
    with _Store() as store:
        threading.Thread(target=store.serve_forever, daemon=True).start()
        yield {
            "type": "s3",
            "bucket": "nowhere",
            "endpoint_url": f"http://127.0.0.1:{store.server_port}",
            "region": "us-east-1",
            "access_key_id": "benchaccess",
            "secret_access_key": "benchsecret0123456789",
        }
        store.shutdown()
