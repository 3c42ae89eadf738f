"""What a plugin does that its contract does not allow, turned into something to report."""

import logging

from labferry.sdk import LabferryError, PluginError, redact

_log = logging.getLogger(__name__)


def wrap_plugin_error(error: Exception, who: str) -> LabferryError:
    """The error itself if it is one of ours, else a PluginError that names who is at fault."""
    if isinstance(error, LabferryError):
        return error
    _log.debug("Unexpected failure of %s", who, exc_info=error)
    return PluginError(
        f"{who} failed unexpectedly: {type(error).__name__}: {redact(str(error))}.",
        hint="Please report this to its authors; -vv shows where it happened.",
    )
