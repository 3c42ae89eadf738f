"""Exports of the Inventory: what a source of type `rspace-inventory` does."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import BinaryIO

from typing_extensions import override

from labferry.sdk import Contents, ExportRequest, Finding, JobStatus, Names, Severity
from labferry.sdk.quoting import quote
from labferry_rspace.inventory import InventoryOrder, completed, submit
from labferry_rspace.inventory_contents import examine_table, examine_tables
from labferry_rspace.inventory_settings import RSpaceInventorySettings
from labferry_rspace.lanes import Owner
from labferry_rspace.preflight import server_findings
from labferry_rspace.session import Session


class InventorySession(Session[RSpaceInventorySettings]):
    """Exports of an RSpace Inventory."""

    @override
    def plan(self, lanes: Sequence[str]) -> Sequence[ExportRequest]:
        """What to export: each lane's own items, or with the first key what the settings name."""
        owners = [self.credentials.owner(lane) for lane in lanes]
        if self.settings.users or self.settings.global_ids:
            return [self._chosen(owners[0])]
        return [self._own(owner) for owner in owners]

    def _own(self, owner: Owner) -> ExportRequest:
        several = len(self.settings.keys) > 1
        series = f"inventory-{owner.id}" if several else "inventory"
        title = f"inventory of {quote(owner.username)}"
        request = self._request(series, title, owner, (owner.username,))
        return replace(request, names=owner.names)

    def _chosen(self, owner: Owner) -> ExportRequest:
        users, ids = self.settings.users, self.settings.global_ids
        names = repr(sorted({*users, *ids})).encode()
        series = f"inventory-{hashlib.sha256(names).hexdigest()[:12]}"
        what = f"{len(users)} users" if users else f"{len(ids)} items"
        title = f"inventory of {quote(users[0])}" if len(users) == 1 else f"inventory: {what}"
        request = self._request(series, title, owner, users)
        return replace(request, names=Names(users[0])) if len(users) == 1 else request

    def _request(
        self, series: str, title: str, owner: Owner, users: tuple[str, ...]
    ) -> ExportRequest:
        settings = self.settings
        order = InventoryOrder(
            users=users,
            global_ids=settings.global_ids,
            export_mode=settings.export_mode,
            result_file_type=settings.result_file_type,
            include_container_content=settings.include_container_content,
            include_subsamples_in_sample=settings.include_subsamples_in_sample,
        )
        # Another key may not read the same, and the server leaves out silently what it may not.
        parameters = order.model_dump(mode="json", exclude_defaults=True)
        return ExportRequest(series, title, parameters, lane=owner.lane)

    @override
    def submit(self, request: ExportRequest, lane: str) -> JobStatus:
        """Ask for an export, as `plan` described it, and wait until it is made."""
        order = InventoryOrder.of(request)
        return submit(self.client, order, self.credentials.owner(lane).key)

    @override
    def poll(self, job: str, link: str, lane: str) -> JobStatus:
        """What the answer to `submit` declared, from its link: the server has no such job."""
        return completed(link)

    @override
    def examine(self, archive: BinaryIO, request: ExportRequest) -> Contents:
        """Look inside. Only size and checksum distinguish a table from half a table."""
        if InventoryOrder.of(request).result_file_type == "SINGLE_CSV":
            return examine_table(archive)
        return examine_tables(archive, verify=self.settings.verify_contents)

    @override
    def is_idle(self, request: ExportRequest, since: datetime, lane: str) -> bool:
        """Never: the server can't tell whether an inventory changed."""
        del request, since, lane
        return False

    @override
    def check(self) -> Iterator[Finding]:
        """Ask for the version and the keys' owners."""
        yield from server_findings(self.client, self.credentials)
        titles = ", ".join(request.title for request in self.plan(self.lanes()))
        yield Finding(Severity.OK, f"Would export: {titles}.")
