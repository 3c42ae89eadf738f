"""What speaks to an eLabFTW server on behalf of a source."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

from labferry.sdk import (
    Contents,
    Download,
    ExportRequest,
    Finding,
    JobStatus,
    JsonValue,
    LabferryError,
    RefusedError,
)
from labferry_elabftw import jobs
from labferry_elabftw.client import Client
from labferry_elabftw.downloading import download
from labferry_elabftw.examining import examine
from labferry_elabftw.lanes import Credentials
from labferry_elabftw.order import Order
from labferry_elabftw.preflight import findings
from labferry_elabftw.settings import ElabftwSettings


class Session:
    """An eLabFTW server and the keys to it. Nothing is asked before a method is called.

    The methods are those of `Source`.

    Args:
        name: The source's name.
        settings: Its settings.
    """

    def __init__(self, name: str, settings: ElabftwSettings) -> None:
        self.settings = settings
        self.client = Client(settings)
        self.credentials = Credentials(name, settings.keys, self.client)

    def lanes(self) -> Sequence[str]:
        """One for each user whom a key belongs to; see `problems` for keys that are refused."""
        return [owner.lane for owner in self.credentials.owners()]

    def problems(self) -> Sequence[LabferryError]:
        """Keys that are refused: the work of their users is missing from the backup."""
        return [
            RefusedError(f"{refusal.name} is left out. {refusal.reason}")
            for refusal in self.credentials.refused()
        ]

    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        """The own work of each lane's user: the server exports nothing else."""
        parameters = Order.by(self.settings).parameters
        owners = [self.credentials.owner(lane) for lane in lanes]
        return [
            ExportRequest(
                f"user-{owner.id}",
                f"work of {owner.name}",
                parameters,
                owner.lane,
                names=owner.names,
            )
            for owner in owners
        ]

    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        """Ask for an export, as `plan` described it."""
        return jobs.submit(self.client, Order.of(request), self.credentials.owner(lane))

    def poll(self, job: str, lane: str) -> JobStatus:
        """Ask for a job."""
        return jobs.poll(self.client, job, self.credentials.owner(lane))

    def note_jobs(self, lane: str) -> JsonValue:
        """The numbers of the exports that the user has."""
        return jobs.note(jobs.list_rows(self.client, self.credentials.owner(lane)))

    def find_job(self, request: ExportRequest, lane: str, noted: JsonValue) -> JobStatus | None:
        """The export that is new since `note_jobs`, if there is one."""
        owner = self.credentials.owner(lane)
        return jobs.find(self.client, Order.of(request), owner, noted)

    def release_job(self, job: str, lane: str) -> None:
        """Delete an export: the server keeps six for each user, and deletes none by itself."""
        jobs.release(self.client, job, self.credentials.owner(lane))

    def download(self, link: str, lane: str) -> AbstractContextManager[Download]:
        """Fetch an archive from its beginning."""
        return download(self.client, link, self.credentials.owner(lane).key)

    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        """Look inside: a whole file of the format that was asked for, with all its files."""
        return examine(archive, Order.of(request), verify=self.settings.verify_contents)

    def check(self) -> Iterator[Finding]:
        """Ask for the version, the keys' owners and rights, and their exports."""
        return findings(self.client, self.credentials, Order.by(self.settings))

    def close(self) -> None:
        """Close connections."""
        self.client.close()
