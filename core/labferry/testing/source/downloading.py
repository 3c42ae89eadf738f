"""Cases about fetching an archive."""
# ruff: noqa: S101 - assert is how pytest checks

import hashlib
import zlib

import pytest

from labferry.sdk.archive import DownloadCheck
from labferry.sdk.errors import NotFoundError
from labferry.testing.source.base import ContractBase

__all__ = ["DownloadingCases"]


class DownloadingCases(ContractBase):
    """The bytes are those that were offered, and begin where the source says."""

    def test_archive_is_what_was_offered(self) -> None:
        """Size and digests agree if the server declared them, and it declares what it can."""
        with self.source() as source:
            offer, link, lane = self.offered(source)
            data = self.fetched(source, link, lane)
        assert offer.size in {None, len(data)}
        assert offer.crc32 in {None, zlib.crc32(data)}
        for name in ("md5", "sha1", "sha256", "sha512"):
            declared = getattr(offer, name)
            digest = hashlib.new(name, data, usedforsecurity=False).hexdigest()
            assert declared is None or declared.lower() == digest, name
        best_first = [*DownloadCheck]
        assert best_first.index(offer.check) <= best_first.index(self.declares), (
            f"The offer allows {offer.check} only, not {self.declares}: pass on all that the "
            "server declares, or say with `declares` that this one declares less."
        )

    def test_download_without_an_offset_begins_at_the_beginning(self) -> None:
        """And tells the whole size, if it tells one."""
        with self.source() as source:
            _, link, lane = self.offered(source)
            with source.download(link, lane) as download:
                assert download.offset == 0
                size = sum(map(len, download.chunks))
                assert download.total in {None, size}

    def test_archive_can_be_fetched_again(self) -> None:
        """By another process, to the same bytes."""
        with self.source() as source:
            _, link, lane = self.offered(source)
            first = self.fetched(source, link, lane)
        with self.source() as source:
            source.lanes()
            assert self.fetched(source, link, lane) == first

    def test_download_can_be_left_early(self) -> None:
        """The next one is none the worse for it."""
        with self.source() as source:
            _, link, lane = self.offered(source)
            with source.download(link, lane) as download:
                next(download.chunks)
            assert self.fetched(source, link, lane)

    @pytest.mark.parametrize("known", [True, False], ids=["validator", "no-validator"])
    def test_resumed_download_begins_where_it_says(self, known: bool) -> None:  # noqa: FBT001 - of a table
        """At the offset, or at 0 where the server can't or the source can't be sure."""
        with self.source() as source:
            _, link, lane = self.offered(source)
            with source.download(link, lane) as download:
                whole = b"".join(download.chunks)
            middle, validator = len(whole) // 2, download.validator if known else None
            with source.download(link, lane, offset=middle, validator=validator) as rest:
                assert rest.offset in {0, middle}
                assert b"".join(rest.chunks) == whole[rest.offset :]
                assert rest.total in {None, len(whole)}

    def test_another_archives_validator_resumes_nothing(self) -> None:
        """Halves of two archives must never be put together."""
        with self.source() as source:
            _, link, lane = self.offered(source)
            whole = self.fetched(source, link, lane)
            with source.download(link, lane, offset=1, validator='"another"') as download:
                assert download.offset == 0
                assert b"".join(download.chunks) == whole

    def test_missing_archive_is_not_found(self) -> None:
        """The core then asks for the export anew."""
        with self.source() as source:
            _, lane = self.planned(source)
            link = self.missing(self.server).archive
            with pytest.raises(NotFoundError), source.download(link, lane) as download:
                list(download.chunks)
