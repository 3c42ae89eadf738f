"""`labferry init`: a commented configuration to begin with."""

import os
from pathlib import Path

from labferry.config import starter_file
from labferry.sdk import ConfigError


def init(path: Path) -> None:
    """Write the starter file, readable by its owner alone as it may come to hold a key.

    Raises:
        ConfigError: Something is there already, or the file can't be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(
            f"{path} exists already and was not touched.", hint="Name another file."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{path} can't be written: {error.strerror}.",
            hint="Name a file in a folder that exists and that you may write to.",
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(starter_file())
