"""The HTTP client: certificates, proxies, time-outs, no cookies, no credentials of its own."""

import functools
import logging
import re
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import httpx

from labferry.sdk import ConfigError

_QUERY = re.compile(r"\?[^\s'\"]*")
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


@functools.cache
def certificates(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the well-known authorities, this machine's own, and those of `ca_file`.

    Raises:
        ConfigError: The file can't be read, or holds no certificate.
    """
    context = httpx.create_ssl_context()
    context.load_default_certs()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except ssl.SSLError:
            raise ConfigError(
                f"ca_file {ca_file} holds no certificate.", hint="It must be in PEM form."
            ) from None
        except OSError as error:
            raise ConfigError(f"ca_file {ca_file} can't be read: {error.strerror}.") from None
    return context


def new_client(context: ssl.SSLContext, timeout: httpx.Timeout) -> httpx.Client:
    """A client that keeps no cookies, follows no redirects and takes bytes as they are.

    Proxies come from the environment. httpx takes no credentials from a netrc file by itself.

    Raises:
        ConfigError: A proxy in the environment can't be used.
    """
    try:
        return httpx.Client(
            verify=context,
            timeout=timeout,
            headers={"User-Agent": _user_agent(), "Accept-Encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            # As many as there are lanes: to wait for a connection would be to wait for nothing.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        # The reason would show the proxy's address, and a password in it.
        raise ConfigError(
            "The proxy that the environment names can't be used.",
            hint="Look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY: they must be http addresses.",
        ) from None


def went_out(error: httpx.HTTPError) -> bool:
    """Whether the server may have seen the request that failed like this."""
    return not isinstance(error, _NOT_SENT)


def certificate_problem(error: BaseException | None) -> str:
    """Why the server's certificate was not accepted; empty if that is not what happened."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""


@functools.cache
def _user_agent() -> str:
    try:
        return f"labferry/{version('labferry')} (backup of RSpace exports)"
    except PackageNotFoundError:
        return "labferry (backup of RSpace exports)"


class _WithoutQueries(logging.Filter):
    """Keeps presigned links, whose signatures are as good as a password, out of the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _QUERY.sub("?…", record.getMessage())
        record.args = ()
        return True


for _name in ("httpx", "httpcore.http11"):
    logging.getLogger(_name).addFilter(_WithoutQueries())
