"""Files that are not published yet: their temporary names."""

import posixpath
import re
import secrets
from contextlib import suppress
from typing import Self

from labferry.sdk import Checkpoint, RefusedError
from labferry_sftp.remote import Remote

UNFINISHED = re.compile(r"\.labferry-[0-9a-f]{16}\.(archive|manifest|check)")
"""What the names of files look like that are still being written."""

_TOKEN = re.compile(r"[0-9a-f]{16}")
_NOTE = "part"


def temporary_name(folder: str, what: str, token: str = "") -> str:
    """The path of a file that is being written.

    Args:
        folder: Its folder.
        what: `archive`, `manifest` or `check`.
        token: What is random in its name; chosen anew if empty.
    """
    return posixpath.join(folder, f".labferry-{token or secrets.token_hex(8)}.{what}")


class Parts:
    """The temporary names for one archive and its manifest, in the folder they will stay in.

    Short and made of a random token, so that any key has room for them, two machines never write
    to the same one, and no key can look like one: keys don't begin with a dot.

    Attributes:
        archive: The path for the archive.
        manifest: The path for the manifest.
    """

    def __init__(self, folder: str, token: str) -> None:
        self._folder = folder
        self._name(token)

    @classmethod
    def noted(cls, folder: str, checkpoint: Checkpoint) -> Self | None:
        """What an earlier store noted, if there was one."""
        token = checkpoint.load().get(_NOTE)
        if isinstance(token, str) and _TOKEN.fullmatch(token):
            return cls(folder, token)
        return None

    @classmethod
    def new(cls, folder: str, checkpoint: Checkpoint) -> Self:
        """New names, noted before anything is written, so that nothing is ever forgotten."""
        token = secrets.token_hex(8)
        checkpoint.save({_NOTE: token})
        return cls(folder, token)

    def clear(self, remote: Remote, checkpoint: Checkpoint) -> None:
        """Remove what was written, to begin anew.

        An account may be one that can only add files. Then what is there stays, as an unfinished
        file, and other names are taken and noted.
        """
        try:
            self._remove(remote)
        except RefusedError:
            token = secrets.token_hex(8)
            checkpoint.save({_NOTE: token})
            self._name(token)

    def discard(self, remote: Remote, checkpoint: Checkpoint) -> None:
        """Remove what was written, as far as the account may, and forget it."""
        with suppress(RefusedError):
            self._remove(remote)
        checkpoint.save({})

    def _name(self, token: str) -> None:
        self.archive = temporary_name(self._folder, "archive", token)
        self.manifest = temporary_name(self._folder, "manifest", token)

    def _remove(self, remote: Remote) -> None:
        for path in (self.archive, self.manifest):
            remote.remove(path)
