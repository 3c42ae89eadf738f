"""Which of fsspec's filesystems can keep archives, and which of them are here."""

from difflib import get_close_matches

_READ_ONLY = "it can only be read"
_A_COPY = "what is read back would come from a copy on this machine, not from the storage"
_ONE_FILE = "a file in it can't be replaced or removed, and a crash while adding one loses them all"
_HERE = (
    "it would not notice if the disk is not mounted. For a folder of this machine or a mounted "
    'share, use type = "local" with its path; it finds the archives that are there'
)
_NOWHERE = "what is in it ends with the process"
_UNSUITABLE = {
    "asynclocal": _HERE,
    "file": _HERE,
    "local": _HERE,
    "memory": _NOWHERE,
    "blockcache": _A_COPY,
    "cached": _A_COPY,
    "filecache": _A_COPY,
    "simplecache": _A_COPY,
    "data": _READ_ONLY,
    "git": _READ_ONLY,
    "github": _READ_ONLY,
    "http": _READ_ONLY,
    "https": _READ_ONLY,
    "libarchive": _READ_ONLY,
    "reference": _READ_ONLY,
    "tar": _READ_ONLY,
    "zip": _ONE_FILE,
}


def require_suitable(url: str, target: str = "") -> None:
    """Refuse filesystems on which labferry's promises can't be kept.

    Args:
        url: The URL.
        target: The filesystem that the options name, for one that is put upon another.

    Raises:
        ValueError: Says which part of the URL, and why.
    """
    for part in filter(None, [*url.split("::"), target]):
        protocol = part.partition("://")[0]
        if protocol in _UNSUITABLE:
            raise ValueError(f"{protocol!r} can't keep archives: {_UNSUITABLE[protocol]}")


def require_driver(url: str) -> None:
    """Make sure that fsspec and the drivers that a URL needs are installed.

    Raises:
        ValueError: Names what to install.
    """
    try:
        import fsspec  # noqa: PLC0415 - loaded only where it is needed
    except ImportError:
        raise ValueError(
            'the package fsspec to be installed: pip install "labferry[fsspec]"'
        ) from None
    for part in url.split("::"):
        protocol = part.partition("://")[0]
        try:
            fsspec.get_filesystem_class(protocol)
        except ImportError as error:
            raise ValueError(f"the driver for {protocol!r} is missing: {error}") from None
        except ValueError:
            known = get_close_matches(protocol, fsspec.available_protocols(), n=3)
            meant = f"; did you mean {' or '.join(map(repr, known))}?" if known else ""
            raise ValueError(
                f"fsspec knows no {protocol!r}, and no installed package brings it{meant}"
            ) from None
