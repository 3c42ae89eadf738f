"""The HTTP client: certificates, proxies, no cookies, no redirects, a name that tells who asks."""

import functools
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import httpx

from labferry.sdk import ConfigError
from labferry_zenodo.settings import ZenodoSettings

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def new_client(settings: ZenodoSettings) -> httpx.Client:
    """A client without cookies: with any, the servers take a write for a forged one.

    Raises:
        ConfigError: `ca_file` or a proxy in the environment can't be used.
    """
    silence = settings.timeout.total_seconds()
    try:
        return httpx.Client(
            base_url=settings.url,
            verify=_certificates(settings.ca_file),
            timeout=httpx.Timeout(silence, connect=settings.connect_timeout.total_seconds()),
            headers={"User-Agent": _user_agent(), "Accept-Encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
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
def _certificates(ca_file: Path | None) -> ssl.SSLContext:
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


def _user_agent() -> str:
    """Zenodo asks for a name of one's own; common ones were slowed down."""
    try:
        return f"labferry/{version('labferry')} (backup of RSpace exports)"
    except PackageNotFoundError:
        return "labferry (backup of RSpace exports)"
