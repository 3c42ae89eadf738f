"""Tells people how runs went, by mail, chat and whatever else Apprise knows."""

import logging
from collections.abc import Iterator
from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import override

from labferry.sdk import (
    ConfigError,
    Finding,
    Observer,
    ObserverSettings,
    RunReport,
    Secret,
    Severity,
    TransientError,
    hookimpl,
)
from labferry_notify.wording import Verdict, text, title, verdict

_KINDS = {
    Verdict.SUCCESS: "success",
    Verdict.UNFINISHED: "info",
    Verdict.FAILURE: "failure",
}


class AppriseSettings(ObserverSettings):
    """Messages to people: mail, chat and whatever else Apprise knows. Needs `labferry[notify]`."""

    urls: Annotated[tuple[Secret, ...], Field(min_length=1)]
    """Where to send them, as an Apprise URL: `mailto://…`, `slack://…`, `matrix://…`. They are
    secrets: most contain a password or a token."""

    when: Literal["failure", "change", "always"] = "failure"
    """After which runs to send a message: after failures, after a change (failure after success, or
    success after failure), or always."""

    log: bool = True
    """Whether a message about a failure contains the last lines of the log."""


class AppriseMessages(Observer[AppriseSettings]):
    """Messages to people."""

    type = "apprise"
    Settings = AppriseSettings

    @hookimpl
    def labferry_run_finished(self, report: RunReport) -> None:
        """Send the message, if one is wanted."""
        if not self._is_wanted(report):
            return
        found = verdict(report)
        message = {
            "title": title(report),
            "body": text(report, log=self.settings.log and found is Verdict.FAILURE),
            "body_format": "text",
            "notify_type": _KINDS[found],
        }
        addresses, wrong = self._addresses()
        failed = [place for place, address in addresses.items() if not address.notify(**message)]
        if failed or wrong:
            raise TransientError(f"No message could be sent to {', '.join([*wrong, *failed])}.")

    @override
    def check(self) -> Iterator[Finding]:
        """Whether Apprise is there and understands the addresses; nothing is sent."""
        addresses, wrong = self._addresses()
        if wrong:
            raise ConfigError(
                f"Apprise does not understand {', '.join(wrong)} of the observer {self.name}.",
                hint="Compare with its documentation: https://appriseit.com/services/.",
            )
        yield Finding(Severity.OK, f"Apprise understands {', '.join(addresses)}.")

    def _is_wanted(self, report: RunReport) -> bool:
        found = verdict(report)
        match self.settings.when:
            case "always":
                return True
            case "failure":
                return found is Verdict.FAILURE
            case "change":
                before = report.previous_exit_code
                was_good = before in {None, 0}
                return found is not Verdict.UNFINISHED and was_good != report.complete

    def _addresses(self) -> tuple[dict[str, Any], list[str]]:
        """Each address by itself, so that it is known which one fails, and those that are wrong.

        They are named by where they are in the configuration, because an address may be a secret.

        Raises:
            ConfigError: Apprise is not installed.
        """
        apprise = _apprise()
        asset = apprise.AppriseAsset(async_mode=False, http_redirects=False)
        understood: dict[str, Any] = {}
        wrong = []
        for position, url in enumerate(self.settings.urls):
            address = apprise.Apprise(asset=asset)
            if address.add(url.reveal()):
                understood[f"urls[{position}]"] = address
            else:
                wrong.append(f"urls[{position}]")
        return understood, wrong


def _apprise() -> ModuleType:
    try:
        import apprise  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError:
        raise ConfigError(
            "Apprise is not installed.", hint="Install labferry with it: labferry[notify]."
        ) from None
    # It logs addresses that it does not understand, and parts of others.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    return apprise
