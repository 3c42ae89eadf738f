"""Writes the metrics of the last run for node_exporter's textfile collector."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from typing_extensions import override

from labferry.sdk import (
    FilePath,
    Finding,
    FullError,
    LabferryError,
    NotFoundError,
    Observer,
    ObserverSettings,
    RefusedError,
    RunReport,
    Severity,
    hookimpl,
)
from labferry.sdk.files import read_small_file, replace_file
from labferry_notify.exposition import families, of_copies, render

_SUFFIX = ".prom"
_FOR_ALL_TO_READ = 0o644
_LARGEST = 16 << 20
_TAKEN = {"destination", "outcome", "source"}


def _check_path(path: Path) -> Path:
    if path.suffix != _SUFFIX:
        raise ValueError(f"a file whose name ends in {_SUFFIX}: the exporter reads no other")
    return path


def _check_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    if taken := sorted(_TAKEN & labels.keys()):
        raise ValueError(f"other names than {', '.join(taken)}, which the metrics have already")
    return labels


LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z]\w*$")]


class PrometheusSettings(ObserverSettings):
    """A file for node_exporter's textfile collector."""

    path: Annotated[FilePath, AfterValidator(_check_path)]
    """The file, which ends in `.prom`, in the folder that the exporter reads
    (`--collector.textfile.directory`). labferry replaces it in one step; everybody can read it."""

    labels: Annotated[dict[LabelName, str], AfterValidator(_check_labels)] = Field(
        default_factory=dict
    )
    """Labels to add to every metric, to distinguish several configurations on one machine."""


class PrometheusTextfile(Observer[PrometheusSettings]):
    """A text file of metrics."""

    type = "prometheus"
    Settings = PrometheusSettings

    @hookimpl
    def labferry_run_finished(self, report: RunReport) -> None:
        """Write the file anew."""
        content = render(families(report), self.settings.labels)
        if not report.freshness:
            # A copy that grows old must not look like one that is gone, or never was.
            content += of_copies(self._published())
        try:
            self._publish(content.encode())
        except OSError as error:
            raise self._problem(error) from None

    @override
    def check(self) -> Iterator[Finding]:
        """Whether the file can be written."""
        folder = self.settings.path.parent
        try:
            with tempfile.NamedTemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise self._problem(error) from None
        yield Finding(Severity.OK, f"{self.settings.path} can be written.")

    def _published(self) -> str:
        """What an earlier run wrote; nothing where that can't be read."""
        try:
            return read_small_file(self.settings.path, _LARGEST).decode()
        except (OSError, UnicodeDecodeError):
            return ""

    def _publish(self, content: bytes) -> None:
        """Write beside the file, under a name that the exporter does not read, and rename."""
        replace_file(self.settings.path, content, mode=_FOR_ALL_TO_READ)

    def _problem(self, error: OSError) -> LabferryError:
        text = f"{self.settings.path} can't be written: {error.strerror}."
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return NotFoundError(
                text, hint="Make its folder, and name it in the exporter's configuration too."
            )
        if isinstance(error, PermissionError):
            return RefusedError(text, hint="Let the user that labferry runs as write its folder.")
        return FullError(text)
