"""No secret gets into the ledger, whatever it looks like and wherever it turns up."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from labferry.ledger import Delivery, DeliveryState, Export, Ledger
from labferry.lifecycle import ExportJob, Phase
from labferry.sdk import Checked, Offer, Receipt, Secret

Plan = Callable[..., Export]

AWKWARD = [
    "s3cr3t-t0k3n-f0r-all",
    'with "quotes" and 1',
    "back\\slash, newline\n7",
    "Schlüssel-der-Chemie-中-23",
]
MISLEADING = [
    "chem",
    "sample",
    "by chem",
    "chemistry-group",
    "running",
    "null",
    "true",
    "2026",
    "23",
    "phase",
    "sha256",
    ":",
    "1",
]


@pytest.fixture(autouse=True)
def _no_other_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are remembered for the life of the process; these only for a test."""
    monkeypatch.setattr("labferry.sdk.secrets._seen", set())


def written(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def spread(ledger: Ledger, export: Export, text: str) -> None:
    """Let a text turn up wherever one may."""
    offer = Offer(f"https://eln/23.zip?key={text}", 1, 1)
    job = ExportJob(
        phase=Phase.RUNNING, link=f"https://{text}@eln/23", offer=offer, waiting_for=text
    )
    ledger.save(replace(export, job=replace(job, reason=f"The key {text} is wrong.")))
    ledger.expect(export.id, ["nas", "offsite"])
    ledger.save_delivery(Delivery(export.id, "nas", DeliveryState.FAILED, f"No: {text}", 5))
    receipt = Receipt("offsite", "a-1", "a/a-1.zip", 1, Checked.SIZE, f"https://x/?t={text}")
    ledger.save_delivery(Delivery(export.id, "offsite", DeliveryState.STORED, receipt=receipt))
    ledger.checkpoint(export.id, "nas").save({"token": text, "parts": [text, {"deep": text}]})


@pytest.mark.parametrize("secret", AWKWARD)
def test_secret_is_blotted_out(secret: str, path: Path, ledger: Ledger, plan: Plan) -> None:
    Secret.plain(secret)
    spread(ledger, plan(query=f"by {secret}"), secret)
    ledger.close()
    content = written(path)
    assert secret.encode() not in content
    assert secret.encode("unicode-escape") not in content
    assert b"***" in content


@pytest.mark.shows_secrets("words that could be names are stored as they are")
@pytest.mark.parametrize("secret", MISLEADING)
def test_secret_that_looks_like_our_own_words_does_no_damage(
    secret: str, path: Path, ledger: Ledger, plan: Plan, now: datetime
) -> None:
    export = plan(number="", query=f"by {secret}")
    Secret.plain(secret)
    spread(ledger, replace(export, job=ExportJob(submitted_at=now)), secret)
    ledger.save(replace(ledger.unfinished()[0], job=ExportJob(Phase.RUNNING, submitted_at=now)))
    ledger.close()
    reopened = Ledger(path)
    (known,) = reopened.unfinished()
    assert reopened.load_checkpoint(known.id, "nas")["token"] == secret
    reopened.close()
    assert known.request == export.request
    assert (known.job.phase, known.job.submitted_at) == (Phase.RUNNING, now)
    assert reopened.set_aside is None
