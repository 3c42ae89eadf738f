"""The contract for plugin authors: everything a plugin imports from labferry.

The modules, in the order to read them: `sink`, `source`, `archive`, `manifest`, `settings`,
`secrets`, `errors`, `hookspecs`.
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
from labferry.sdk.keys import archive_id, archive_key, check_key, safe_name
from labferry.sdk.manifest import MANIFEST_SUFFIX, Manifest, ManifestJob, ManifestSource
from labferry.sdk.report import ExportReport, Outcome, RunReport
from labferry.sdk.secrets import Secret, redact
from labferry.sdk.settings import Duration, FilePath, JsonValue, SinkSettings, SourceSettings
from labferry.sdk.sink import Checked, Receipt, Sink, SinkTraits, StoredArchive
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
    "MANIFEST_SUFFIX",
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
    "ExportFailedError",
    "ExportReport",
    "ExportRequest",
    "FilePath",
    "Finding",
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
    "ManifestJob",
    "ManifestSource",
    "NotFinishedError",
    "NotFoundError",
    "Offer",
    "Outcome",
    "PluginError",
    "Receipt",
    "RefusedError",
    "RunReport",
    "Secret",
    "Severity",
    "Sink",
    "SinkSettings",
    "SinkTraits",
    "SlotBusyError",
    "Source",
    "SourceSettings",
    "StateError",
    "StoppedError",
    "StoredArchive",
    "TransientError",
    "archive_id",
    "archive_key",
    "check_key",
    "hookimpl",
    "redact",
    "safe_name",
]
