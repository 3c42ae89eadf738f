"""The local database of runs, export jobs and deliveries: what makes a run resumable."""

from labferry.ledger.copies import Copies
from labferry.ledger.history import Failure, History, Trust
from labferry.ledger.ledger import Ledger
from labferry.ledger.markers import Markers
from labferry.ledger.opening import existing_ledger, ledger_file
from labferry.ledger.outcomes import Outcomes, PastDelivery, PastExport, PastRun
from labferry.ledger.records import Copy, Delivery, DeliveryState, Export, Run
from labferry.ledger.releases import Release
from labferry.ledger.series_names import KnownNames
from labferry.ledger.vanished import LastArchive, Vanished

__all__ = [
    "Copies",
    "Copy",
    "Delivery",
    "DeliveryState",
    "Export",
    "Failure",
    "History",
    "KnownNames",
    "LastArchive",
    "Ledger",
    "Markers",
    "Outcomes",
    "PastDelivery",
    "PastExport",
    "PastRun",
    "Release",
    "Run",
    "Trust",
    "Vanished",
    "existing_ledger",
    "ledger_file",
]
