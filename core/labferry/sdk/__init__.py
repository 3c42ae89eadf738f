"""The contract for plugin authors: everything a plugin imports from labferry.

The modules, in the order to read them: `sink`, `source`, `archive`, `manifest`, `settings`,
`secrets`, `errors`, `observer`, `hookspecs`.
"""

from labferry.sdk.archive import Archive, ArchiveReader, Checkpoint, Digests, ManifestDraft
from labferry.sdk.errors import (
    AnswerLostError,
    ConfigError,
    ConflictError,
    ExportFailedError,
    FullError,
    IntegrityError,
    InvalidAnswerError,
    LabferryError,
    LockHeldError,
    NotFinishedError,
    NotFoundError,
    PluginError,
    RefusedError,
    SlotBusyError,
    StateError,
    StoppedError,
    TransientError,
)
from labferry.sdk.findings import Finding, Severity
from labferry.sdk.hookspecs import hookimpl
from labferry.sdk.keys import archive_id, archive_key, check_key, is_key, safe_name
from labferry.sdk.manifest import (
    MANIFEST_SUFFIX,
    Manifest,
    ManifestEncryption,
    ManifestJob,
    ManifestSource,
)
from labferry.sdk.observer import Observer, ObserverSettings
from labferry.sdk.quantities import GIB, MIB, Pacer, Rate, Size
from labferry.sdk.report import ExportReport, Freshness, Outcome, RunReport, RunStarted
from labferry.sdk.secrets import Secret, redact
from labferry.sdk.settings import Duration, FilePath, JsonValue, SourceSettings
from labferry.sdk.sink import (
    Checked,
    Receipt,
    Sink,
    SinkTraits,
    StoredArchive,
    Stray,
    StrayKind,
)
from labferry.sdk.sink_settings import Encrypt, Retention, SinkSettings, Verify
from labferry.sdk.source import (
    Contents,
    Download,
    ExportRequest,
    JobState,
    JobStatus,
    Offer,
    Source,
)

__all__ = [
    "GIB",
    "MANIFEST_SUFFIX",
    "MIB",
    "AnswerLostError",
    "Archive",
    "ArchiveReader",
    "Checked",
    "Checkpoint",
    "ConfigError",
    "ConflictError",
    "Contents",
    "Digests",
    "Download",
    "Duration",
    "Encrypt",
    "ExportFailedError",
    "ExportReport",
    "ExportRequest",
    "FilePath",
    "Finding",
    "Freshness",
    "FullError",
    "IntegrityError",
    "InvalidAnswerError",
    "JobState",
    "JobStatus",
    "JsonValue",
    "LabferryError",
    "LockHeldError",
    "Manifest",
    "ManifestDraft",
    "ManifestEncryption",
    "ManifestJob",
    "ManifestSource",
    "NotFinishedError",
    "NotFoundError",
    "Observer",
    "ObserverSettings",
    "Offer",
    "Outcome",
    "Pacer",
    "PluginError",
    "Rate",
    "Receipt",
    "RefusedError",
    "Retention",
    "RunReport",
    "RunStarted",
    "Secret",
    "Severity",
    "Sink",
    "SinkSettings",
    "SinkTraits",
    "Size",
    "SlotBusyError",
    "Source",
    "SourceSettings",
    "StateError",
    "StoppedError",
    "StoredArchive",
    "Stray",
    "StrayKind",
    "TransientError",
    "Verify",
    "archive_id",
    "archive_key",
    "check_key",
    "hookimpl",
    "is_key",
    "redact",
    "safe_name",
]
