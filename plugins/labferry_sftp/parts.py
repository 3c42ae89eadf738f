"""Files that are not published yet: their temporary names, and what becomes of forgotten ones."""

import posixpath
import re
import secrets
from datetime import timedelta
from typing import Self

from labferry.sdk import Checkpoint
from labferry_sftp.remote import Remote

__all__ = ["Parts", "sweep"]

_OURS = re.compile(r"\.labferry-[0-9a-f]{16}\.(archive|manifest|check)")
_TOKEN = re.compile(r"[0-9a-f]{16}")
_NOTE = "part"

# A file that is still being written changes all the time. The bound is far above any wait for the
# next bytes of a download, as another machine may be the writer: there is no lock to ask.
_FORGOTTEN = timedelta(days=1)


class Parts:
    """The temporary names for one archive and its manifest, in the folder they will stay in.

    Short and made of a random token, so that any key has room for them, two machines never write
    to the same one, and no key can look like one: keys don't begin with a dot.

    Attributes:
        archive: The path for the archive.
        manifest: The path for the manifest.
    """

    def __init__(self, folder: str, token: str) -> None:
        self.archive = posixpath.join(folder, f".labferry-{token}.archive")
        self.manifest = posixpath.join(folder, f".labferry-{token}.manifest")

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

    def discard(self, remote: Remote, checkpoint: Checkpoint) -> None:
        """Remove what was written."""
        for path in (self.archive, self.manifest):
            remote.remove(path)
        checkpoint.save({})


def sweep(remote: Remote, folder: str) -> None:
    """Remove the temporary files in a folder that nobody has written to for a day.

    The newest change in the folder stands for the time on the server's clock: it may be early,
    and then something stays for longer, but nothing goes too soon.
    """
    (entries,) = remote.entries([folder])
    changes = {each.name: each.changed for each in entries if each.changed}
    for name, changed in changes.items():
        if _OURS.fullmatch(name) and max(changes.values()) - changed > _FORGOTTEN:
            remote.remove(posixpath.join(folder, name))
