"""`labferry verify`: is what the destinations hold still what was stored there?

The destinations are enough. Where this machine has a ledger, it knows what ought to be there, and
learns what was found.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from queue import Empty, SimpleQueue

from labferry.actions.proof import Proof, ProofRequest, ProofState
from labferry.actions.proving import Prover
from labferry.actions.repair import repair
from labferry.actions.session import Session
from labferry.actions.stores import chosen_destinations
from labferry.config import Config
from labferry.engine import Stop
from labferry.engine.readback import repair_hint
from labferry.ledger import Ledger
from labferry.sdk import IntegrityError, NotFoundError

__all__ = ["verify"]

_LOOK = 0.05


def verify(session: Session, request: ProofRequest, stop: Stop) -> Iterator[Proof]:
    """Look at destinations side by side, and tell what is found as it is found.

    With `repair`, what is damaged or missing is put right afterwards, one copy after the other.

    Args:
        session: The configuration.
        request: What to look at, and how.
        stop: Ends it early.

    Raises:
        ConfigError: There is no such destination.
        LockHeldError: Something is to be repaired, and a run is at work.
        StateError: The ledger can't be used.
        StoppedError: A signal came.
    """
    config = session.config
    chosen_destinations(config, request.destination)
    broken: list[Proof] = []
    seen: set[str] = set()
    for proof in _prove(config, request, stop):
        seen.add(proof.archive_id)
        if request.repair and proof.is_repairable:
            broken.append(proof)
        yield proof
    for proof in _unseen(request, seen):
        if request.repair and proof.is_repairable:
            broken.append(proof)
        yield proof
    if broken:
        yield from repair(config, broken, stop)


def _prove(config: Config, request: ProofRequest, stop: Stop) -> Iterator[Proof]:
    path = config.state_dir / "ledger.db"
    ledger = Ledger(path, mend=False) if path.exists() else None
    with closing(ledger) if ledger is not None else nullcontext():
        found: SimpleQueue[Proof] = SimpleQueue()
        copies = ledger.copies if ledger is not None else None
        provers = [
            Prover(destination, request, copies, _folder(config), stop, found.put)
            for destination in chosen_destinations(config, request.destination)
        ]
        for prover in provers:
            prover.start()
        yield from _gathered(provers, found, stop)


def _gathered(provers: Sequence[Prover], found: SimpleQueue[Proof], stop: Stop) -> Iterator[Proof]:
    while True:
        is_over = not any(prover.is_alive() for prover in provers)
        try:
            yield found.get(timeout=0 if is_over else _LOOK)
        except Empty:
            stop.check()
            if is_over:
                return


def _unseen(request: ProofRequest, seen: set[str]) -> Iterator[Proof]:
    """Archives that were asked for by name and are nowhere."""
    for name in request.archives:
        if any(archive_id.startswith(name) for archive_id in seen if archive_id):
            continue
        if request.destination is None:
            problem = NotFoundError(
                f"No archive {name} is stored.", hint="`labferry list` shows what there is."
            )
            yield Proof("", ProofState.FAILED, problem=problem)
        else:
            gone = IntegrityError(
                f"{request.destination}: {name} is not there.",
                hint=repair_hint(request.destination, name),
            )
            yield Proof(request.destination, ProofState.MISSING, name, problem=gone)


def _folder(config: Config) -> Path:
    """Where archives that are opened are put for a moment: the spool, where there is one."""
    return config.spool_dir if config.spool_dir.is_dir() else Path(tempfile.gettempdir())
