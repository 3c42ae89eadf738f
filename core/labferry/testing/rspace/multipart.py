"""Reads form bodies: url-encoded and multipart."""

from email import message_from_bytes
from email.message import Message
from urllib.parse import parse_qs


def form_fields(headers: Message, body: bytes) -> dict[str, list[str]]:
    """The fields of a form body; nothing for any other kind of body."""
    content_type = headers.get_content_type()
    if content_type == "application/x-www-form-urlencoded":
        return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    if content_type == "multipart/form-data":
        return _multipart_fields(str(headers["content-type"]), body)
    return {}


def _multipart_fields(content_type: str, body: bytes) -> dict[str, list[str]]:
    whole = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    fields: dict[str, list[str]] = {}
    for part in whole.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            fields.setdefault(name, []).append(payload.decode("utf-8", "replace"))
    return fields
