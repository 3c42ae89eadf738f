"""Sinks that are wrong in one way elsewhere than in `store`."""

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from pydantic import ConfigDict
from tests.testing.sink.folder_sink import FolderSettings, FolderSink
from typing_extensions import override

from labferry.sdk import (
    MANIFEST_SUFFIX,
    MARKER_KEY,
    Checked,
    Finding,
    InvalidAnswerError,
    LabferryError,
    Manifest,
    NotFoundError,
    Severity,
    SinkTraits,
    StoredArchive,
    Stray,
    StrayKind,
)


class ListsWhatIsNotThere(FolderSink):
    """A manifest without its archive is listed."""

    @override
    def entry(self, path: Path) -> StoredArchive:
        manifest = Manifest.from_json(path.read_bytes(), where=str(path))
        archive = path.with_name(path.name.removesuffix(MANIFEST_SUFFIX))
        return StoredArchive(archive.relative_to(self.root).as_posix(), manifest.size, manifest)


class ListsWhatIsNotCommitted(FolderSink):
    """An archive without a manifest is listed."""

    @override
    def list(self) -> Iterator[StoredArchive]:
        committed = [*super().list()]
        yield from committed
        known = {each.key for each in committed}
        for path in self.root.rglob("*.zip"):
            key = path.relative_to(self.root).as_posix()
            if key not in known:
                yield StoredArchive(key, path.stat().st_size, self._made_up(path))

    def _made_up(self, path: Path) -> Manifest:
        times = {"submitted": "2026-01-01T00:00:00Z", "completed": "2026-01-01T00:00:00Z"}
        return Manifest.model_validate(
            {
                "labferry_manifest": 1,
                "archive_id": path.stem,
                "file": path.name,
                "size": path.stat().st_size,
                "sha256": "0" * 64,
                "crc32": "0" * 8,
                "source": {"name": "?", "type": "?", "url": "?", "series": "?", "parameters": {}},
                "job": {"id": "", **times},
                "created_by": "?",
            }
        )


class ListsTheSizeThatTheManifestSays(FolderSink):
    """A copy that was cut short looks whole."""

    @override
    def entry(self, path: Path) -> StoredArchive:
        found = super().entry(path)
        return StoredArchive(found.key, found.manifest.size, found.manifest)


class ListsOneFolderOnly(FolderSink):
    """Archives of other sources are forgotten."""

    @override
    def manifests(self) -> Iterator[Path]:
        yield from self.root.glob(f"sample/*/*{MANIFEST_SUFFIX}")


class FindsWhatIsNotCommitted(FolderSink):
    """An archive is found although its manifest is gone."""

    _seen: dict[str, StoredArchive]

    @override
    def find(self, key: str, version_id: str | None = None) -> StoredArchive | None:
        self._seen = getattr(self, "_seen", None) or {each.key: each for each in self.list()}
        return self._seen.get(key)


class TakesAnotherMarker(FolderSink):
    """Whoever comes last makes the destination another one."""

    traits = SinkTraits(has_marker=True)

    @override
    def read_marker(self) -> bytes | None:
        place = self.root / MARKER_KEY
        return place.read_bytes() if place.exists() else None

    @override
    def write_marker(self, content: bytes) -> None:
        (self.root / MARKER_KEY).write_bytes(content)


class FollowsTheNameInTheManifest(FolderSink):
    """A manifest that somebody planted makes labferry read another file."""

    @override
    def entry(self, path: Path) -> StoredArchive:
        found = super().entry(path)
        return StoredArchive(
            (path.parent.relative_to(self.root) / found.manifest.file).as_posix(),
            found.size,
            found.manifest,
        )


class StopsAtABrokenManifest(FolderSink):
    """One damaged file hides every archive."""

    @override
    def list(self) -> Iterator[StoredArchive]:
        for path in self.manifests():
            yield self.entry(path)


class RemembersWhatItListed(FolderSink):
    """What came or went since is not seen."""

    _remembered: tuple[Path, ...] = ()

    @override
    def manifests(self) -> Iterator[Path]:
        self._remembered = self._remembered or tuple(super().manifests())
        yield from self._remembered


class IgnoresTheOffset(FolderSink):
    """A resumed restore writes the beginning into the middle."""

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        return super().open(stored)


class OpensWhatIsGoneAsEmpty(FolderSink):
    """A lost archive is restored as an empty file."""

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        try:
            return super().open(stored, offset)
        except NotFoundError:
            return io.BytesIO()


class RaisesWhatTheSystemRaises(FolderSink):
    """A lost archive ends in a traceback."""

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        file = self.place(stored.key).open("rb")
        file.seek(offset)
        return file


class OpensAnyPath(FolderSink):
    """A manifest that somebody planted reads files outside the destination."""

    @override
    def open(self, stored: StoredArchive, offset: int = 0) -> BinaryIO:
        with self.errors():
            file = (self.root / stored.key.lstrip("/")).open("rb")
        file.seek(offset)
        return file


class DeletesAnyPath(FolderSink):
    """A manifest that somebody planted deletes files outside the destination."""

    @override
    def delete(self, stored: StoredArchive) -> None:
        with self.errors():
            (self.root / f"{stored.key}{MANIFEST_SUFFIX}").unlink(missing_ok=True)
            (self.root / stored.key).unlink(missing_ok=True)


class DeletesTheArchiveFirst(FolderSink):
    """A crash leaves a manifest that vouches for nothing."""

    @override
    def delete(self, stored: StoredArchive) -> None:
        self.place(stored.key).unlink(missing_ok=True)
        self.place(stored.key + MANIFEST_SUFFIX).unlink(missing_ok=True)


class DeletesTheManifestOnly(FolderSink):
    """Retention frees no space."""

    @override
    def delete(self, stored: StoredArchive) -> None:
        self.place(stored.key + MANIFEST_SUFFIX).unlink(missing_ok=True)


class FailsToDeleteWhatIsGone(FolderSink):
    """An interrupted prune fails for ever."""

    @override
    def delete(self, stored: StoredArchive) -> None:
        with self.errors():
            self.place(stored.key + MANIFEST_SUFFIX).unlink()
            self.place(stored.key).unlink()


class DeletesByPrefix(FolderSink):
    """Archives whose names begin alike go too."""

    @override
    def delete(self, stored: StoredArchive) -> None:
        place = self.place(stored.key)
        for path in place.parent.glob(f"{place.name}*"):
            path.unlink()


class DeletesThoughItSaysItCannot(FolderSink):
    """What must be kept for ever is gone."""

    traits = SinkTraits(can_delete=False)


class TellsNoStrays(FolderSink):
    """What crashes leave is never found."""

    @override
    def strays(self) -> Iterator[Stray]:
        yield from ()


class TakesArchivesForStrays(FolderSink):
    """What is whole and committed looks like waste."""

    @override
    def strays(self) -> Iterator[Stray]:
        for path in self.root.rglob("*.zip"):
            yield Stray(StrayKind.ARCHIVE, path.relative_to(self.root).as_posix())
        yield from super().strays()


class TakesForeignFilesForItsOwn(FolderSink):
    """What others keep there looks like a leftover."""

    @override
    def strays(self) -> Iterator[Stray]:
        for stray in super().strays():
            yield replace(stray, kind=StrayKind.UNFINISHED)


class RemovesAnyStray(FolderSink):
    """What others keep there is cleaned up."""

    @override
    def remove_stray(self, stray: Stray) -> None:
        with suppress(OSError, InvalidAnswerError):
            self.place(stray.key).unlink()
        with suppress(LabferryError):
            super().remove_stray(stray)


class TrustsAnyToken(FolderSink):
    """Who can name a token can have any file removed."""

    @override
    def remove_stray(self, stray: Stray) -> None:
        if stray.token:
            with suppress(OSError, InvalidAnswerError):
                self.place(stray.token).unlink()
        else:
            super().remove_stray(stray)


class FailsToRemoveWhatWentMeanwhile(FolderSink):
    """Cleaning up fails where a store was faster."""

    @override
    def remove_stray(self, stray: Stray) -> None:
        with self.errors():
            self.unfinished(stray).unlink()


class FindsEveryCopyFine(FolderSink):
    """A copy that was cut short is only found when it is needed."""

    @override
    def quick_check(self, stored: StoredArchive) -> Checked:
        return Checked.SIZE


class ClaimsToHaveReadWhatItOnlyLookedAt(FolderSink):
    """A rotten copy counts as proven."""

    @override
    def quick_check(self, stored: StoredArchive) -> Checked:
        super().quick_check(stored)
        return Checked.READ_BACK


class HoldsEverything(FolderSink):
    """Retention never frees any space."""

    @override
    def hold(self, stored: StoredArchive) -> str:
        return "it is precious"


class ChecksNothing(FolderSink):
    """The first run finds out what the check should have found."""

    @override
    def check(self) -> Iterator[Finding]:
        yield Finding(Severity.OK, "Everything is fine.")


class ChecksInSilence(FolderSink):
    """Nobody learns what was tried."""

    @override
    def check(self) -> Iterator[Finding]:
        for _ in super().check():
            pass
        yield from ()


class LeavesItsProbe(FolderSink):
    """Every check leaves a file behind."""

    @override
    def check(self) -> Iterator[Finding]:
        (self.root / ".probe").write_bytes(b"?")
        yield from super().check()


class WritesWhenItIsMade(FolderSink):
    """Even `status` changes the destination."""

    def __init__(self, name: str, settings: FolderSettings) -> None:
        super().__init__(name, settings)
        (self.root / ".lock").touch()


class ClosesOnlyOnce(FolderSink):
    """Cleaning up after a failure fails."""

    _closed = False

    @override
    def close(self) -> None:
        if self._closed:
            raise ValueError("It was closed before.")
        self._closed = True


class LenientSettings(FolderSettings):
    model_config = ConfigDict(extra="ignore")


class IgnoresMisspeltSettings(FolderSink):
    """A typo switches something off without a word."""

    Settings = LenientSettings


class TerseSettings(FolderSettings):
    mode: int = 0o640


class DoesNotDescribeItsSettings(FolderSink):
    """Nobody knows what a key means."""

    Settings = TerseSettings


class HasNoPlainType(FolderSink):
    """Its name can't be typed."""

    type = "My Folder"
