"""What kind of file system a folder is on: some keep what is written to themselves for a while."""

import re
from dataclasses import dataclass
from pathlib import Path

_TABLE = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")
# These write through to a disk of this machine when a file is forced.
_WRITES_THROUGH = {
    "fuse.bindfs",
    "fuse.cryfs",
    "fuse.encfs",
    "fuse.exfat",
    "fuse.gocryptfs",
    "fuse.lxcfs",
    "fuse.mergerfs",
    "fuse.ntfs",
    "fuse.ntfs-3g",
    "fuse.unionfs",
    "fuse.zfs",
}
_CACHES = {"afs", "coda", "fuse"}
_LOOSE = {"cache=loose", "cache=mmap", "cache=fscache"}


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system that is mounted.

    Attributes:
        point: Where.
        kind: What kind, as `mount` shows it.
        source: What is mounted.
        options: Its options.
    """

    point: Path
    kind: str
    source: str
    options: frozenset[str]

    @property
    def may_write_later(self) -> bool:
        """Whether forcing a file may leave it in a cache, from which it is then read back too.

        Most that run in a program of their own (FUSE) are of clouds, and labferry can't tell how
        they are set up. `fuseblk` is a disk.
        """
        if self.kind in _WRITES_THROUGH:
            return False
        is_loose = self.kind == "9p" and bool(_LOOSE & self.options)
        return is_loose or self.kind in _CACHES or self.kind.startswith("fuse.")


def mount_of(folder: Path) -> Mount | None:
    """The file system that a folder is on; None if this machine does not say."""
    try:
        lines = _TABLE.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        path = folder.resolve()
    except OSError:
        return None
    found: Mount | None = None
    for mount in filter(None, map(_parsed, lines)):
        # Of two at the same place, the later one hides the other.
        is_nearer = found is None or len(mount.point.parts) >= len(found.point.parts)
        if is_nearer and path.is_relative_to(mount.point):
            found = mount
    return found


def _parsed(line: str) -> Mount | None:
    """One line of the table, see proc_pid_mountinfo(5)."""
    before, _, after = line.partition(" - ")
    fields, kind_and_more = before.split(), after.split()
    if len(fields) < 6 or len(kind_and_more) < 2:  # noqa: PLR2004 - as the manual page has them
        return None
    options = {*fields[5].split(","), *",".join(kind_and_more[2:]).split(",")}
    kind, source = kind_and_more[0], _plain(kind_and_more[1])
    return Mount(Path(_plain(fields[4])), kind, source, frozenset(options))


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)
