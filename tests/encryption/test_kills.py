"""Killed at every step of an encrypted delivery, whatever is left of the spool: carried on."""

import shutil
from collections.abc import Callable

import pytest
from tests.reliability.harness import Outcome
from tests.speed import first_quick

from .conftest import EncryptionLab

pytestmark = pytest.mark.slow

THREAD = "destination nas"
SHARDS = 4


def _all_is_left(lab: EncryptionLab) -> None:
    """The machine was switched on again, and nothing is missing."""


def _encrypted_file_is_lost(lab: EncryptionLab) -> None:
    for path in lab.spool.glob("*.age"):
        path.unlink()


def _encrypted_file_is_damaged(lab: EncryptionLab) -> None:
    for path in lab.spool.glob("*.age"):
        path.write_bytes(path.read_bytes()[:-1] + b"!")


def _spool_is_lost(lab: EncryptionLab) -> None:
    shutil.rmtree(lab.spool)


# Each of them with the steps between which it is not tried.
LOSSES = [
    (_all_is_left, 1),
    (_encrypted_file_is_lost, 3),
    (_encrypted_file_is_damaged, 5),
    (_spool_is_lost, 3),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("shard", first_quick(range(SHARDS)))
@pytest.mark.parametrize(("loss", "every"), first_quick(LOSSES))
def test_next_run_completes_one_copy(
    open_lab: Callable[[], EncryptionLab],
    loss: Callable[[EncryptionLab], None],
    every: int,
    shard: int,
) -> None:
    counted = open_lab().sync(count=True)
    for number in _steps(counted)[::every][shard::SHARDS]:
        lab = open_lab()
        assert lab.sync(at=(THREAD, number)).code < 0
        loss(lab)
        again = lab.sync()
        assert again.code == 0, (number, again.stderr)
        if [*lab.folder.rglob(".*.labferry-part")]:
            # Killed between the manifest's two names: the next sync that stores sweeps one away.
            assert lab.sync().code == 0
        manifests = lab.check_stored()
        assert [m.file for m in manifests] == [f"{m.archive_id}.zip.age" for m in manifests], number
        assert [*lab.spool.iterdir()] == []
        # One more where the run that was killed had delivered all; one for nothing, at the most.
        assert len(manifests) <= len(lab.server.exports) <= 2, number


def _steps(outcome: Outcome) -> list[int]:
    return [number for thread, number, _ in outcome.steps if thread == THREAD]
