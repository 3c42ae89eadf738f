"""`labferry verify`: is what the destinations hold still what was stored there?

The destinations are enough. Where this machine has a ledger, it knows what ought to be there, and
learns what was found.
"""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue

from labferry.actions.session import Session, chosen_destinations
from labferry.actions.sources import require_source
from labferry.actions.verify.repair import repair
from labferry.actions.verify.results import VerifyRequest, VerifyResult, VerifyState
from labferry.actions.verify.verifier import Verifier, VerifyContext
from labferry.config import Config
from labferry.ledger import existing_ledger
from labferry.runtime.progress import Progress
from labferry.runtime.stop import Stop
from labferry.sdk import NotFoundError

_LOOK = 0.05


def verify(
    session: Session, request: VerifyRequest, stop: Stop, progress: Progress | None = None
) -> Iterator[VerifyResult]:
    """Look at destinations side by side, and yield what is found as it is found.

    With `repair`, what is damaged or missing is put right afterwards, one copy after the other.

    Args:
        session: The configuration.
        request: What to look at, and how.
        stop: Ends it early.
        progress: Shows what is going on.

    Raises:
        ConfigError: There is no such destination, or nobody knows the source.
        LockHeldError: Something is to be repaired, and a run is at work.
        StateError: The ledger can't be used.
        StoppedError: A signal came.
    """
    config, progress = session.config, progress or Progress()
    destinations = chosen_destinations(config, request.destination)
    broken: list[VerifyResult] = []
    with existing_ledger(config.state_dir) as ledger:
        found: SimpleQueue[VerifyResult] = SimpleQueue()
        context = VerifyContext(ledger, _folder(config), stop, progress, found.put)
        verifiers = [Verifier(destination, request, context) for destination in destinations]
        for result in _gathered(verifiers, found, stop):
            if result.is_repairable:
                broken.append(result)
            yield result
    for result in _unheard_of(config, request, verifiers):
        # No reason to be alarmed, but whoever asks for a repair gets what another one has.
        if result.destination:
            broken.append(result)
        yield result
    if request.repair and broken:
        yield from repair(config, broken, stop, progress)


def _gathered(
    verifiers: Sequence[Verifier], found: SimpleQueue[VerifyResult], stop: Stop
) -> Iterator[VerifyResult]:
    for verifier in verifiers:
        verifier.start()
    while True:
        is_over = not any(verifier.is_alive() for verifier in verifiers)
        try:
            yield found.get(timeout=0 if is_over else _LOOK)
        except Empty:
            stop.check()
            if is_over:
                return


def _unheard_of(
    config: Config, request: VerifyRequest, verifiers: Sequence[Verifier]
) -> Iterator[VerifyResult]:
    """Archives that were asked for by name and that nobody knows: slips, most likely."""
    listed = [verifier.sources for verifier in verifiers if verifier.sources is not None]
    if len(listed) < len(verifiers):
        # Whoever could not be asked may know them.
        return
    if request.source is not None:
        require_source(config, request.source, {*chain.from_iterable(listed)})
    known = {*chain.from_iterable(verifier.known for verifier in verifiers)}
    where = request.destination or ""
    for name in request.archives:
        if not any(archive_id.startswith(name) for archive_id in known):
            problem = NotFoundError(
                f"No archive {name} is stored{f' at {where}' if where else ''}.",
                hint=f"`{f'labferry list {where}'.rstrip()}` shows what there is.",
            )
            yield VerifyResult(where, VerifyState.FAILED, name, problem=problem)


def _folder(config: Config) -> Path:
    """Where archives that are opened are put for a moment: the spool, if there is one."""
    return config.spool_dir if config.spool_dir.is_dir() else Path(tempfile.gettempdir())
