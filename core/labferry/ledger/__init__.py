"""The local database of runs, export jobs and deliveries: what makes a run resumable."""

from labferry.ledger.ledger import Ledger
from labferry.ledger.records import Delivery, DeliveryState, Export, Run

__all__ = ["Delivery", "DeliveryState", "Export", "Ledger", "Run"]
