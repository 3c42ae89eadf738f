"""Tells monitors and people how runs went: heartbeat addresses, Prometheus, Apprise."""

from collections.abc import Sequence
from typing import Any

from labferry.sdk import Observer, hookimpl
from labferry_notify.heartbeat import Heartbeat, HeartbeatSettings
from labferry_notify.messages import AppriseMessages, AppriseSettings
from labferry_notify.prometheus import PrometheusSettings, PrometheusTextfile

__all__ = [
    "AppriseMessages",
    "AppriseSettings",
    "Heartbeat",
    "HeartbeatSettings",
    "PrometheusSettings",
    "PrometheusTextfile",
    "labferry_observers",
]


@hookimpl
def labferry_observers() -> Sequence[type[Observer[Any]]]:
    """The observer types `heartbeat`, `prometheus` and `apprise`."""
    return (Heartbeat, PrometheusTextfile, AppriseMessages)
