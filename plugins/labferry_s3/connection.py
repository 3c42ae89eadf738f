"""Opening the connection to a store: how the client is set up, and what it must not do."""

from contextlib import ExitStack
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from labferry.sdk import ConfigError, InvalidAnswerError, PluginError
from labferry.sdk.files import require_file
from labferry_s3.answers import parse_timestamp
from labferry_s3.settings import S3Settings

_LONGEST_ANSWER = 16 << 20
"""Bytes: a list of 1,000 objects with the longest keys has about 3 MiB."""

_PIECE = 64 << 10


def import_s3fs() -> ModuleType:
    """The package that holds the client.

    Raises:
        PluginError: It is not installed.
    """
    try:
        return import_module("s3fs")
    except ImportError as error:
        raise PluginError(
            f"Destinations of type s3 need the package s3fs, which can't be imported: {error.msg}.",
            hint="Install it with: pip install 'labferry[s3]'",
        ) from error


def open_filesystem(s3fs: ModuleType, settings: S3Settings) -> Any:  # noqa: ANN401 - the client's own
    """A filesystem that holds a client for the store; the store is asked for nothing yet."""
    fs = s3fs.S3FileSystem(session=_session(settings), **_options(settings))
    fs.connect()
    events, config = fs.s3.meta.events, fs.s3.meta.config
    events.register("before-send.s3", _drop_expectation)
    events.register("before-call.s3.HeadBucket", _ask_for_the_region_once)
    unsigned = config.merge(type(config)(s3={**config.s3, "payload_signing_enabled": False}))
    events.register("before-sign.s3.UploadPart", partial(_sign_the_md5, config=unsigned))
    return fs


def _session(settings: S3Settings) -> Any:  # noqa: ANN401 - the client's own
    """Where the client's parts come from; its parser bears a date that is none."""
    session = _new_session(settings.profile)
    session.register_component("data_loader", _models(settings.profile))
    factory = session.get_component("response_parser_factory")
    factory.set_parser_defaults(timestamp_parser=parse_timestamp)
    return session


def _new_session(profile: str | None) -> Any:  # noqa: ANN401 - the client's own
    return import_module("aiobotocore.session").AioSession(profile=profile)


@cache
def _models(profile: str | None) -> Any:  # noqa: ANN401 - the client's own
    """What describes the service. It is large, and each session would read it anew: 50 ms."""
    return _new_session(profile).get_component("data_loader")


def _options(settings: S3Settings) -> dict[str, Any]:
    key, secret, token = (
        None if each is None else each.reveal()
        for each in (settings.access_key_id, settings.secret_access_key, settings.session_token)
    )
    client = {"region_name": settings.region, "verify": _authorities(settings.ca_file)}
    return {
        "key": key,
        "secret": secret,
        "token": token,
        "endpoint_url": settings.endpoint_url,
        "client_kwargs": {name: value for name, value in client.items() if value is not None},
        "config_kwargs": {
            # Sent as trailers of an unsigned body, the default checksums are refused or even
            # stored as content by several stores; ours go in headers.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            "retries": {"total_max_attempts": 1, "mode": "standard"},
            "connect_timeout": settings.connect_timeout.total_seconds(),
            "read_timeout": settings.timeout.total_seconds(),
            "max_pool_connections": settings.concurrency + 4,
            "http_session_cls": _session_class(),
            "s3": {"addressing_style": "path" if settings.path_addressed else "virtual"},
        },
        "skip_instance_cache": True,
        "use_listings_cache": False,
    }


class _Bounded:
    """An answer that is read whole up to a limit; all else is as the client has it.

    Args:
        response: The answer.
    """

    def __init__(self, response: Any) -> None:  # noqa: ANN401 - the client's own
        self._response = response

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the client's own
        return getattr(self._response, name)

    async def read(self) -> bytes:
        """All of it.

        Raises:
            InvalidAnswerError: It is larger than any answer that is read whole.
        """
        with ExitStack() as stack:
            stack.callback(self._response.close)
            read = await self._pieces()
            stack.pop_all()  # what was read to its end gives its connection back by itself
        return read

    async def _pieces(self) -> bytes:
        read = bytearray()
        async for piece in self._response.content.iter_chunked(_PIECE):
            read += piece
            if len(read) > _LONGEST_ANSWER:
                raise InvalidAnswerError(
                    f"The store sent an answer of more than {_LONGEST_ANSWER >> 20} MiB where "
                    "none can be as large."
                )
        return bytes(read)


class _Requests:
    """What the client asks for requests. No redirect is followed: keys and data go along.

    Args:
        session: A session of the HTTP library's.
    """

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - the client's own
        self._session = session

    async def request(self, method: str, **options: Any) -> _Bounded:  # noqa: ANN401 - the client's own
        """Make a request."""
        options["allow_redirects"] = False
        return _Bounded(await self._session.request(method, **options))


def _session_class() -> type:
    base: Any = import_module("aiobotocore.httpsession").AIOHTTPSession

    class Session(base):  # type: ignore[misc]  # the client has no types
        async def _get_session(self, proxy_url: str | None) -> _Requests:
            return _Requests(await super()._get_session(proxy_url))

    return Session


def _authorities(ca_file: Path | None) -> str | None:
    """The file with the certificates to trust; None for the usual ones.

    Raises:
        ConfigError: It is not there, or not a file.
    """
    if ca_file is None:
        return None
    try:
        require_file(ca_file)
    except OSError as error:
        raise ConfigError(f"ca_file {ca_file} can't be read: {error.strerror}.") from None
    return str(ca_file)


def _sign_the_md5(request: Any, config: object, **_: Any) -> None:  # noqa: ANN401 - the client's own
    """A part is bound to its signature by the MD5 in its head, over http as over https.

    The client would sign a SHA-256 of the part as well, which takes both sides as long again.
    """
    request.context["client_config"] = config


def _drop_expectation(request: Any, **_: Any) -> None:  # noqa: ANN401 - the client's own
    """Not every store answers `Expect: 100-continue`, and the client would wait for ever."""
    request.headers.pop("Expect", None)


def _ask_for_the_region_once(context: dict[str, Any], **_: Any) -> None:  # noqa: ANN401 - the client's own
    """A store may redirect the question for the bucket's region, too: that is not followed.

    The client asks it when it is redirected without the name of a region, and would ask again and
    again for the region to ask in.
    """
    context.setdefault("s3_redirect", {})["redirected"] = True
