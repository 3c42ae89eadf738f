"""Keys as an earlier version wrote them. They still work; `labferry check` shows today's form."""

from collections.abc import Iterator

from labferry.config.model import Config
from labferry.config.problems import KeyPath


def earlier_keys(config: Config) -> Iterator[str]:
    """One sentence for each key in the form of an earlier version."""
    data = config.document.data["destinations"]
    for name, destination in config.destinations.items():
        check = destination.settings.upload_check
        path: KeyPath = ("destinations", name, "verify")
        match data[name].get("verify"):
            case str():
                instead = f'Write `upload_check = "{check}"` instead.'
            case {"upload": str()}:
                path = (*path, "upload")
                instead = f'Write `upload_check = "{check}"` beside `verify` instead.'
            case _:
                continue
        message = "an earlier version wrote it so; it still works"
        yield str(config.document.problem(path, message, instead))
