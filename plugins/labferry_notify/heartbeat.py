"""Tells a monitor of the beginning, the success and the failure of runs."""

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from typing_extensions import override

from labferry.sdk import (
    ConfigError,
    FilePath,
    Finding,
    Observer,
    ObserverSettings,
    RefusedError,
    RunReport,
    RunStarted,
    Secret,
    Severity,
    hookimpl,
)
from labferry_notify.styles import STYLES, Kind, Signal, Style
from labferry_notify.wording import Verdict, summary, text, verdict

if TYPE_CHECKING:
    import httpx

_KINDS = {
    Verdict.SUCCESS: Kind.SUCCESS,
    Verdict.UNFINISHED: Kind.UNFINISHED,
    Verdict.FAILURE: Kind.FAILURE,
}
_TELLING_LENGTH = 20
"""Characters; a part of an address as long as this is what makes it secret."""
_BUT = "OK ("
"""How healthchecks.io begins an answer of 200 to a signal that it did not count."""


class HeartbeatSettings(ObserverSettings):
    """A monitor that raises the alarm when it hears of a failure, or of no success for too long."""

    url: Secret
    """The address (http or https) that the monitor shows you. It is a secret: whoever knows it can
    report success to the monitor."""

    style: Style = "healthchecks"
    """The kind of monitor: `"healthchecks"` (healthchecks.io and what is compatible with it),
    `"uptime-kuma"` (a monitor of type Push), `"cronitor"`, or `"plain"`, which requests the address
    after a success and does nothing else."""

    log: bool = True
    """Whether to send the last lines of the log with a failure, if the style allows it."""

    ca_file: FilePath | None = None
    """The certificates to trust, if an authority of your own signed the monitor's certificate."""


class Heartbeat(Observer[HeartbeatSettings]):
    """A heartbeat address."""

    type = "heartbeat"
    Settings = HeartbeatSettings

    def __init__(self, name: str, settings: HeartbeatSettings) -> None:
        super().__init__(name, settings)
        self._run_id = str(uuid.uuid4())

    @hookimpl
    def labferry_run_started(self, run: RunStarted) -> None:
        """Tell the monitor that a run begins."""
        self._send(Signal(Kind.START, self._run_id, text=f"Run {run.run} begins."))

    @hookimpl
    def labferry_run_finished(self, report: RunReport) -> None:
        """Tell the monitor how a run ended."""
        signal = Signal(
            _KINDS[verdict(report)],
            self._run_id,
            exit_code=report.exit_code,
            seconds=(report.ended - report.started).total_seconds(),
            summary=summary(report),
            text=text(report, log=self.settings.log and not report.complete),
        )
        self._send(signal)

    @override
    def check(self) -> Iterator[Finding]:
        """Ask the monitor in a way that it takes for neither good nor bad news, if there is one."""
        signal = Signal(Kind.TEST, self._run_id, text="labferry check: is this address right?")
        if self._send(signal):
            yield Finding(Severity.OK, f"{self._url().host} answers.")
        else:
            message = "The address was not tried: the monitor would count that as a signal."
            yield Finding(Severity.OK, message)

    def _send(self, signal: Signal) -> bool:
        """Whether there was something to send."""
        # With it comes the HTTP client, whose import is slow.
        from labferry_notify.sending import send  # noqa: PLC0415 - as said

        url = self._url()
        request = STYLES[self.settings.style](url, signal)
        if request is None:
            return False
        answer = send(request, self.settings.ca_file)
        if self.settings.style == "healthchecks" and answer.startswith(_BUT):
            why = answer.removeprefix(_BUT).partition(")")[0]
            raise RefusedError(f"{url.host} did not count the signal: {why}.")
        return True

    def _url(self) -> "httpx.URL":
        import httpx  # noqa: PLC0415 - as above

        try:
            url = httpx.URL(self.settings.url.reveal().strip())
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in {"http", "https"} or not url.host:
            raise ConfigError(
                f"The url of the observer {self.name} is not an address.",
                hint="It begins with http:// or https://.",
            )
        for part in (*url.path.split("/"), *url.params.values(), url.password):
            if len(part) >= _TELLING_LENGTH:
                # Known as a secret by itself, whatever it stands beside.
                Secret.plain(part)
        return url
