"""Cases about two stores at a time."""
# ruff: noqa: S101 - assert is how pytest checks

from functools import partial

from labferry.sdk.errors import LabferryError
from labferry.sdk.sink import Receipt
from labferry.testing.sink.base import Background, ContractBase

__all__ = ["SideBySideCases"]


class SideBySideCases(ContractBase):
    """Stores do not get into each other's way."""

    def test_two_archives_at_a_time(self) -> None:
        """Each of two sinks stores its own."""
        size = self.interrupted_size
        archives = [self.archive(job, size=size, arrived=0) for job in ("1", "2")]
        stores = [Background(partial(self.store, archive)) for archive in archives]
        for share in (3, 2):
            for archive, store in zip(archives, stores, strict=True):
                archive.arrive(size // share)
                store.wait_for_reader(archive)
        for archive in archives:
            archive.verify()
        for store in stores:
            store.result()
        for archive in archives:
            self.assert_committed(archive)
        self.assert_only(*archives)

    def test_the_same_archive_twice_at_a_time(self) -> None:
        """One of them may give up, but the archive is there once, whole."""
        size = self.interrupted_size
        archives = [self.archive(size=size, arrived=size // 2) for _ in range(2)]
        stores = [Background(partial(self.store, archive)) for archive in archives]
        for archive, store in zip(archives, stores, strict=True):
            store.wait_for_reader(archive)
            archive.verify()
        receipts = [_receipt_or_error(store) for store in stores]
        assert any(isinstance(each, Receipt) for each in receipts), receipts
        self.assert_committed(archives[0])
        self.store(archives[0])
        self.assert_only(archives[0])

    def test_archive_that_is_being_stored_is_not_listed(self) -> None:
        """Another sink lists what is committed only, at any moment."""
        committed, arriving = self.archive("1"), self.archive("2", arrived=100_000)
        self.store(committed)
        store = Background(partial(self.store, arriving))
        store.wait_for_reader(arriving)
        try:
            assert set(self.listed()) == {committed.key}
        finally:
            arriving.verify()
        store.result()
        assert set(self.listed()) == {committed.key, arriving.key}


def _receipt_or_error(store: Background[Receipt]) -> Receipt | LabferryError:
    try:
        return store.result()
    except LabferryError as error:
        return error
